"""What tests of whole runs share."""

import pytest
from tiny import hardly_drawn, make_data_with_features

from vsepp.training.step import TrainingStep


@pytest.fixture(scope="module", autouse=True)
def without_pictures():
    with hardly_drawn():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """`data_dir` of the data set `tiny`, one for each module."""
    return make_data_with_features(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture
def after(monkeypatch):
    """Call a function after each step of training: `after(lambda objective, step: …)`; what it
    returns, unless None, stands for the loss."""

    def set_hook(hook):
        take = TrainingStep.__call__

        def hooked(self, batch, number):
            loss = take(self, batch, number)
            changed = hook(self.objective, number + 1)
            return loss if changed is None else changed

        monkeypatch.setattr(TrainingStep, "__call__", hooked)

    return set_hook
