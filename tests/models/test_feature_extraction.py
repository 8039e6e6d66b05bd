"""Features are stored by what they depend on, the precision they were computed in included."""

import builtins
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import hardly_drawn, make_config, make_data

import vsepp
from vsepp.data.prepared import Prepared
from vsepp.models import device, feature_extraction
from vsepp.models.feature_extraction import load_features
from vsepp.training.retrieval import RetrievalTask


class Halving:
    """In place of a predictor: its features say the precision, and none takes a while."""

    def __init__(self, network, image_size, batch_size, precision, mean, std):
        self.value = {"float32": 1.0, "bfloat16": 0.5}[precision]

    def __call__(self, pixels):
        return np.full((len(pixels), 512), self.value, np.float32)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_extraction, "BackbonePredictor", Halving)
    return make_config(make_data(tmp_path / "data"), tmp_path)


def features(config):
    found, backbone = load_features(config, Prepared(Path(config.data_dir, "tiny")), ["test"])
    return found["test"], backbone.origin


def test_features_in_bfloat16_are_not_taken_for_those_in_float32(config):
    halved, origin = features(replace(config, backbone_precision="bfloat16"))
    whole, plain = features(config)

    assert (halved == 0.5).all() and (whole == 1).all()
    assert origin.encoding.precision == "bfloat16" and plain.encoding.precision == "float32"
    assert origin.folder_name == f"{plain.folder_name}-bfloat16"
    assert origin.description == f"{plain.description} in bfloat16"
    again, _ = features(replace(config, backbone_precision="bfloat16"))
    assert (again == 0.5).all()


def test_on_a_gpu_features_are_in_float32_whatever_is_asked_for(config, monkeypatch):
    monkeypatch.setattr(device.paddle, "get_device", lambda: "gpu:0")

    found, origin = features(replace(config, backbone_precision="bfloat16"))

    assert (found == 1).all() and origin.encoding.precision == "float32"


def test_a_checkpoint_says_the_precision_of_its_features_where_it_is_unusual(config, monkeypatch):
    for precision in ("float32", "bfloat16"):
        run = replace(config, backbone_precision=precision, num_epochs=1, evaluate_step=100)
        with hardly_drawn():
            vsepp.train(run)
        backbone = vsepp.load_checkpoint(run.path("last_checkpoint"))["backbone"]
        names = ["backbone", "fingerprint", "feature_size", "resize", "image_size"]
        assert list(backbone)[:5] == names
        assert backbone.get("precision", "float32") == precision
        assert len(backbone) == (5 if precision == "float32" else 6)


def test_a_run_from_before_precisions_were_kept_goes_on(config, monkeypatch):
    run = replace(config, backbone_precision="bfloat16", num_epochs=1, evaluate_step=100)
    keep = RetrievalTask.contents

    def without_precision(task):
        contents = keep(task)
        del contents["backbone"]["precision"]
        return contents

    with hardly_drawn():
        with monkeypatch.context() as before:
            before.setattr(RetrievalTask, "contents", without_precision)
            vsepp.train(run)
        last = run.path("last_checkpoint")
        assert "precision" not in vsepp.load_checkpoint(last)["backbone"]

        vsepp.train(replace(run, num_epochs=2, checkpoint="last"))

        assert vsepp.load_checkpoint(last)["epoch"] == 2
        assert vsepp.load_checkpoint(last)["backbone"]["precision"] == "bfloat16"
        monkeypatch.setattr(feature_extraction, "backbone_precision", lambda wanted: "float32")
        with pytest.raises(vsepp.InputError, match="the same backbone_precision"):
            vsepp.train(replace(run, num_epochs=3, checkpoint="last"))


def test_training_over_features_reads_prepared_json_once(config, monkeypatch):
    read, opened = [], builtins.open

    def counted(file, *arguments, **options):
        if str(file).endswith("prepared.json"):
            read.append(file)
        return opened(file, *arguments, **options)

    monkeypatch.setattr(builtins, "open", counted)
    with hardly_drawn():
        vsepp.train(replace(config, num_epochs=1))

    assert len(read) == 1
    assert json.loads(Path(read[0]).read_text())["options"]["captions_per_image"] == 5
