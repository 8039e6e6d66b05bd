"""What a captioner is asked in Python, and checkpoints that are not what they say."""

import numpy as np
import pytest
from captioners import save_captioner
from PIL import Image
from tiny import save_untrained

import vsepp
from vsepp.checkpoint import load_checkpoint, save_checkpoint
from vsepp.system.errors import InputError

WORDS = ["a", "red", "square", "with", "<b>"]
PHOTO = Image.linear_gradient("L").resize((80, 70)).convert("RGB")
SIDE = 64  # pixels that the network sees


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_captioner(tmp_path_factory.mktemp("captioner") / "model.ckpt", WORDS)


@pytest.fixture(scope="module")
def model(checkpoint):
    return vsepp.load(checkpoint)


def test_what_may_be_given_for_a_photograph(model, tmp_path):
    PHOTO.save(tmp_path / "a.png")
    pixels = model.pixels(PHOTO)

    (expected,) = model.caption(PHOTO)

    for given in (tmp_path / "a.png", pixels, pixels[None], [pixels], iter([PHOTO])):
        assert model.caption(given) == [expected]
    assert model.caption([]) == model.caption([], captions=3, attention=True) == []
    assert model.caption(PHOTO, beam=np.int64(5)) == [expected]


def closed(tmp_path):
    PHOTO.save(tmp_path / "a.png")
    image = Image.open(tmp_path / "a.png")
    image.close()
    return image


def truncated(tmp_path):
    PHOTO.save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    return Image.open(tmp_path / "a.png")


@pytest.mark.parametrize(
    "photo, said",
    [
        (None, "images must be given as a list, not NoneType"),
        ([3], "must be a path or a PIL image, not int"),
        (np.zeros((SIDE, SIDE, 3), np.float32), "must be uint8 .* not float32 "),
        ([np.zeros((SIDE, SIDE), np.uint8)], "must be uint8 .* not uint8 .64, 64."),
        (np.zeros((1, 3, SIDE, SIDE), np.uint8), "must be uint8"),
        (Image.new("RGB", (0, 4)), "the PIL image has no pixels: it is 0 x 4"),
        (Image.new("La", (4, 4)), "the PIL image cannot be read"),
        (closed, "the PIL image cannot be read"),
        (truncated, "the PIL image cannot be read .*truncated"),
    ],
)
def test_what_is_no_photograph_is_one_sentence(photo, said, model, tmp_path):
    with pytest.raises(InputError, match=said):
        model.caption(photo(tmp_path) if callable(photo) else photo)


def test_options_that_there_are_not(model):
    with pytest.raises(InputError, match="no option 'temprature' of captioning: all are beam, "):
        model.caption(PHOTO, temprature=0.7)
    with pytest.raises(InputError, match="sample must be True or False, not 'no'"):
        model.caption(PHOTO, sample="no")
    with pytest.raises(InputError, match="1 numbers for 2 images"):
        list(model.captions_of([PHOTO, PHOTO], numbers=[1]))


def test_each_kind_says_what_the_other_one_does(model, tmp_path):
    retrieval = vsepp.load(save_untrained(tmp_path / "retrieval.ckpt", WORDS))
    for method in ("encode_image", "encode_text", "encode_photographs", "similarity", "preprocess"):
        with pytest.raises(InputError, match="is a captioner"):
            getattr(model, method)(PHOTO)
    for method in (retrieval.caption, retrieval.captions_of, retrieval.decoding):
        with pytest.raises(InputError, match="is a retrieval model"):
            method()


def weights(value, *names):
    """A change to the weights: some have another value, or (None) are gone."""

    def change(state, config):
        for name in [name for name in state if name.startswith(names)]:
            if value is None:
                del state[name]
            else:
                state[name] = np.full_like(state[name], value)

    return change


def sized(**sizes):
    """Sizes in the configuration, with the few weights of that size that a file can afford."""

    def change(state, config):
        config.update(sizes)
        size = sizes.get("decoder_size")
        if size and size <= 2**16:
            state["decoder.vocabulary.weight"] = np.zeros((size, len(WORDS) + 4), np.float32)

    return change


@pytest.mark.parametrize(
    "change, said",
    [
        (sized(decoder_size=2**30), "x.ckpt: decoder_size must be at most 65536"),
        (sized(decoder_size=2**16), "x.ckpt: gru.weight_hh has the shape .24, 8., .* damaged"),
        (sized(attention_size=2**16), "x.ckpt: keys.weight has the shape"),
        (sized(caption_model="nope"), "x.ckpt: caption_model: there is no decoder 'nope'"),
        (sized(image_model="nope"), "x.ckpt: image_model: there is no backbone 'nope'"),
        (sized(caption_model="addnorm"), "x.ckpt: it lacks the parameter gru.weight_hh_l0"),
        (weights(None, "decoder."), "x.ckpt: it lacks the parameter"),
        (weights(None, "image_extractor.backbone."), "x.ckpt"),
        (weights(np.nan, "decoder.embedding"), "embedding.weight holds NaN or infinity"),
        (weights(3e38, "decoder.vocabulary"), "gives NaN for probabilities"),
    ],
)
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
def test_a_checkpoint_that_is_not_what_it_says(change, said, checkpoint, tmp_path):
    contents = load_checkpoint(checkpoint)
    state, config = dict(contents["model"]), dict(contents["config"])
    change(state, config)
    save_checkpoint(tmp_path / "x.ckpt", state, config, contents["vocab"], 1, 1)

    with pytest.raises(InputError, match=said):
        vsepp.load(tmp_path / "x.ckpt").caption(PHOTO)
