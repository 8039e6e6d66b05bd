"""Encodings are equal when codes can be compared, and files that are older than a field mean what
they meant."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from vsepp.config import Config
from vsepp.data.encoding import Encoding
from vsepp.data.preprocessing import Preprocessing

ENCODING = Encoding("f" * 64, Preprocessing(256, 224))
OTHERS = [
    replace(ENCODING, fingerprint="e" * 64),
    replace(ENCODING, preprocessing=Preprocessing(300, 224)),
    replace(ENCODING, preprocessing=Preprocessing(256, 200)),
    replace(ENCODING, preprocessing=Preprocessing(interpolation="bicubic")),
    replace(ENCODING, preprocessing=Preprocessing(mean=(0.5, 0.5, 0.5))),
    replace(ENCODING, preprocessing=Preprocessing(std=(0.5, 0.5, 0.5))),
    replace(ENCODING, preprocessing=Preprocessing(square=True)),
    replace(ENCODING, preprocessing=Preprocessing(floor_crop=True)),
    replace(ENCODING, exif=True),
    replace(ENCODING, precision="bfloat16"),
    replace(ENCODING, flags=(("normalize_features", True), ("use_abs", True))),
    replace(ENCODING, flags=(("test_flip", True),)),
]


@pytest.mark.parametrize("exif", [False, True])
def test_what_always_was_is_written_as_it_always_was(exif):
    record = replace(ENCODING, exif=exif).record(exif)

    assert list(record.items()) == [("fingerprint", "f" * 64), ("resize", 256), ("image_size", 224)]
    assert Encoding.from_record(record, exif) == replace(ENCODING, exif=exif)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("exif", [False, True])
def test_what_differs_is_written_and_read_back(other, exif):
    assert other != ENCODING
    assert other.record(exif) != ENCODING.record(exif)
    assert Encoding.from_record(other.record(exif), exif) == other


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"precision": "float8"}, "precision 'float8' is unknown"),
        ({"precision": None}, "'precision' is missing, malformed or unknown"),
        ({"resize": "256"}, "'resize'"),
        ({"fingerprint": None}, "'fingerprint'"),
        ({"mean": 3}, "'mean'"),
        ({"mean": [0.5, 0.5]}, "'mean' is not three numbers"),
        ({"mean": [0.5, 0.5, float("nan")]}, "'mean' is not three numbers"),
        ({"mean": [0.5, 0.5, 10**400]}, "'mean' is not three numbers"),
        ({"std": [0.5, "0.5", 0.5]}, "'std' is not three numbers"),
        ({"std": [0.5, 0.0, 0.5]}, "'std' is not positive"),
        ({"interpolation": "../x"}, "interpolation '../x' is unknown"),
        ({"image_size": -1}, "negative"),
        ({"fingerprint": "../../../x"}, "'fingerprint' is malformed"),
        ({"flags": {"measure": True}}, "flag 'measure' is unknown"),
        ({"flags": {"use_abs": "yes"}}, "'flags' are not true or false"),
        ({"more": 1}, "'more'"),
    ],
)
def test_a_record_that_is_none_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        Encoding.from_record({**ENCODING.record(), **changes})
    with pytest.raises(ValueError, match="no object"):
        Encoding.from_record([changes])


def test_a_model_says_how_it_encodes_on_this_machine():
    model = SimpleNamespace(
        fingerprint="f" * 64,
        preprocessing=Preprocessing(40, 32),
        precision="bfloat16",
        config=replace(Config(), normalize_images=False),
    )

    assert Encoding.of_model(model, exif=True) == Encoding(
        "f" * 64, Preprocessing(40, 32), True, "bfloat16", (("normalize_images", False),)
    )
    assert Encoding.of_model(model, exif=True).without_flags().flags == ()
