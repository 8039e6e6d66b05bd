"""A gallery's stored codes are taken where they are of the same encoding, and only there."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from tiny import make_config, make_data_with_features

import vsepp
from vsepp.models.twins import predictor
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.retrieval import gallery
from vsepp.retrieval.gallery import open_gallery
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.tensor_files import write_tensors


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """(data set's folder, checkpoint over features, checkpoint over photographs)."""
    folder = tmp_path_factory.mktemp("gallery")
    data, checkpoints = make_data_with_features(folder / "data"), []
    for finetuned in (False, True):
        config = make_config(
            data, folder / str(finetuned), num_epochs=1, evaluate_step=100, finetuned=finetuned
        )
        vsepp.train(config)
        checkpoints.append(config.path("best_checkpoint"))
    return folder / "data" / "tiny", *checkpoints


@pytest.fixture(params=["over features", "over photographs"])
def model(request, places):
    return vsepp.load(places[1 if request.param == "over features" else 2])


@pytest.fixture
def encoded(monkeypatch):
    """The list of splits that were encoded."""
    splits, encode = [], gallery._encode

    def counted(model, dataset, *more):
        splits.append(dataset.split)
        return encode(model, dataset, *more)

    monkeypatch.setattr(gallery, "_encode", counted)
    return splits


def stored(model):
    path = model.checkpoint.replace(".ckpt", ".tiny_test.codes")
    with safe_open(path, framework="numpy") as file:
        return (
            path,
            json.loads(file.metadata()["vsepp_codes"]),
            {name: file.get_tensor(name) for name in ("images", "texts")},
        )


def test_codes_are_kept_as_they_always_were(places, model, encoded):
    opened = open_gallery(model, places[0], "test")
    path, key, codes = stored(model)
    older = {
        "checkpoint": model.fingerprint,
        "resize": 36,
        "image_size": 32,
        "images": list_fingerprint(opened.dataset.images),
        "captions": list_fingerprint(opened.dataset.captions),
    }
    assert key == older
    write_tensors(path, codes, {"vsepp_codes": json.dumps(older)})
    encoded.clear()

    again = open_gallery(model, places[0], "test")

    assert not encoded and np.array_equal(again.images, opened.images)


def test_codes_from_before_flags_were_kept_are_taken(places, model, encoded):
    open_gallery(model, places[0], "test")
    encoded.clear()
    model.config.use_abs = True

    open_gallery(model, places[0], "test")
    assert not encoded

    path, key, codes = stored(model)
    flagged = {**key, "flags": {"use_abs": True}}
    write_tensors(path, codes, {"vsepp_codes": json.dumps(flagged)})
    open_gallery(model, places[0], "test")
    assert not encoded
    model.config.use_abs = False
    open_gallery(model, places[0], "test")
    assert encoded == ["test"]


def test_codes_in_another_precision_are_made_anew(places, encoded, monkeypatch):
    model = vsepp.load(places[2])
    open_gallery(model, places[0], "test")
    path, key, codes = stored(model)
    write_tensors(path, codes, {"vsepp_codes": json.dumps({**key, "precision": "bfloat16"})})
    encoded.clear()

    open_gallery(model, places[0], "test")
    assert encoded == ["test"] and stored(model)[1] == key

    monkeypatch.setattr(type(model), "precision", "bfloat16")
    # a processor that has it, whichever this one is
    monkeypatch.setattr(predictor, "computes_in_bfloat16", lambda: True)
    monkeypatch.setattr(
        predictor,
        "_optimised",
        lambda backbone, size, precision: BackbonePredictor._eager(backbone),
    )
    open_gallery(model, places[0], "test")
    assert encoded == ["test"] * 2 and stored(model)[1] == {**key, "precision": "bfloat16"}


def test_codes_of_stored_features_are_in_the_precision_of_these(places, encoded, monkeypatch):
    model = vsepp.load(places[1])
    monkeypatch.setattr(type(model), "precision", "bfloat16")

    open_gallery(model, places[0], "test")

    assert "precision" not in stored(model)[1]
