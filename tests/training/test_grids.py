"""Training over stored cells: what it leaves out is the same again when it goes on."""

import numpy as np
import pytest
from tiny import make_config

import vsepp
from vsepp import InputError
from vsepp.models.twins import grid_head

GRID = dict(
    image_features="grid",
    image_pooling="gpo",
    image_mlp=True,
    feature_dropout=0.2,
    cell_dropout=0.3,
    resize=72,
    image_size=64,
)


def trained(config):
    vsepp.train(config)
    return vsepp.load_checkpoint(config.path("last_checkpoint"))


def test_a_run_that_is_gone_on_with_is_the_run_that_was_not_stopped(data, tmp_path, monkeypatch):
    used = []
    forward = grid_head.forward
    monkeypatch.setattr(
        grid_head, "forward", lambda *given, **more: used.append(1) or forward(*given, **more)
    )
    whole = trained(make_config(data, tmp_path / "whole", **GRID))
    first = make_config(data, tmp_path / "parts", num_epochs=1, **GRID)
    trained(first)
    last = str(first.path("last_checkpoint"))

    parts = trained(make_config(data, tmp_path / "parts", checkpoint=last, **GRID))

    assert used
    assert parts["step"] == whole["step"]
    for name, value in whole["model"].items():
        np.testing.assert_array_equal(parts["model"][name], value, err_msg=name)
    assert {"image_extractor.pooling.linear.weight", "image_extractor.mlp.0.weight"} <= set(
        whole["model"]
    )


@pytest.mark.parametrize(
    "key, value", [("image_features", "global"), ("image_pooling", "max"), ("image_mlp", False)]
)
def test_another_head_is_not_gone_on_with(data, tmp_path, key, value):
    if not (tmp_path / "last_tiny.ckpt").exists():
        trained(make_config(data, tmp_path, num_epochs=1, evaluate_step=100, **GRID))
    last = str(tmp_path / "last_tiny.ckpt")
    changed = {**GRID, key: value}
    if key == "image_features":
        changed.update(image_pooling="mean", cell_dropout=0.0)

    with pytest.raises(InputError, match="was trained with image_.* = .*or use init_from"):
        trained(make_config(data, tmp_path, checkpoint=last, **changed))


def test_a_run_that_begins_with_a_grids_weights_has_its_head(data, tmp_path):
    trained(make_config(data, tmp_path / "first", num_epochs=1, evaluate_step=100, **GRID))
    from vsepp.config import load_config
    from vsepp.training.starting import with_model_of_init_from

    path = tmp_path / "first" / "last_tiny.ckpt"
    config, line = with_model_of_init_from(load_config(None, [f"init_from={path}"]))

    assert (config.image_features, config.image_pooling, config.image_mlp) == ("grid", "gpo", True)
    assert "image_features=grid" in line


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(image_features="global"), "image_pooling: gpo is of the cells of a grid"),
        (dict(image_model="alexnet", image_size=224, resize=256), "image_features: alexnet gives"),
    ],
)
def test_keys_are_refused_before_anything_is_computed(data, tmp_path, changes, said, monkeypatch):
    monkeypatch.setattr("vsepp.training.data.load_features", None)

    with pytest.raises(InputError, match=said):
        vsepp.train(make_config(data, tmp_path, **{**GRID, **changes}))
