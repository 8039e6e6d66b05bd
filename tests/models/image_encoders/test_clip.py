"""CLIP's image side: what its header must say, and what it refuses."""

import copy
import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from vsepp.checkpoint import load_checkpoint
from vsepp.config import Config, apply
from vsepp.convert.clip import convert_clip
from vsepp.data.preprocessing import Preprocessing
from vsepp.models.encoders import find_image_encoder
from vsepp.system.errors import InputError

TOWERS = Path(__file__).parents[2] / "golden" / "towers"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "rn.ckpt"
    convert_clip(TOWERS / "openai_rn.pt", TOWERS / "openai_bpe.txt.gz", path)
    return path


def opened(path, change=lambda contents: None):
    """The encoder of a checkpoint whose header is changed."""
    contents = copy.deepcopy(load_checkpoint(path))
    state = {
        name[len("image_extractor.") :]: value
        for name, value in contents["model"].items()
        if name.startswith("image_extractor.")
    }
    change(contents)
    config = apply(Config(), contents["config"], str(path))
    find = find_image_encoder(config.image_model)
    return find.from_checkpoint(config, contents, state, "a.ckpt")


def test_preprocessing_is_what_the_header_says(clip):
    def change(contents):
        contents["image_encoder"]["preprocessing"]["interpolation"] = "lanczos"

    plain, changed = opened(clip).preprocessing, opened(clip, change).preprocessing

    assert (plain.resize, plain.image_size, plain.interpolation) == (32, 32, "bicubic")
    assert changed == dataclasses.replace(plain, interpolation="lanczos")
    assert plain != Preprocessing(32, 32, "bicubic")  # of other means


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("width", 0, "nothing usable of 'image_encoder', 'width'"),
        ("width", True, "nothing usable of 'image_encoder', 'width'"),
        ("layers", [1, 2, -1, 1], "nothing usable of 'image_encoder', 'layers'"),
        ("layers", [1, 2, 99, 1], "lacks the parameter backbone.layer3.98.conv3.weight"),
        ("width", 10**6, "conv3.weight has the shape"),
        ("preprocessing", {}, "of its 'preprocessing', its 'resize' is missing"),
        ("preprocessing", None, "nothing usable of 'image_encoder', 'preprocessing'"),
    ],
)
def test_a_damaged_header_is_refused_before_a_network_is_built(clip, key, value, message):
    def change(contents):
        contents["image_encoder"][key] = value

    with pytest.raises(InputError, match=f"a.ckpt.*{message}"):
        opened(clip, change)


def test_another_kind_is_named_with_what_to_set(clip):
    config = dataclasses.replace(Config(), image_model="clip_vit", weights=str(clip))

    with pytest.raises(InputError, match="image_model clip_resnet, not clip_vit: set image_model="):
        find_image_encoder("clip_vit").for_training(config)


def test_it_has_no_grid(clip):
    config = dataclasses.replace(
        Config(), image_model="clip_resnet", weights=str(clip), image_features="grid"
    )

    with pytest.raises(InputError, match="clip_resnet has no grid: set image_features=global"):
        find_image_encoder("clip_resnet").for_training(config).check_keys()
