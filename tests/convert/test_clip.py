"""``convert --clip``: CLIPs of others give the codes that their own packages compute."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

pytest.importorskip("tokenizers")

from vsepp import load
from vsepp.checkpoint import read_header
from vsepp.cli.command import run
from vsepp.cli.convert import main
from vsepp.convert.clip import MEAN, STD, convert_clip
from vsepp.convert.clip_hub import read_folder
from vsepp.convert.clip_preprocessing import read_preprocessing
from vsepp.data.preprocessing import Preprocessing
from vsepp.system.errors import InputError

TOWERS = Path(__file__).parents[1] / "golden" / "towers"
SOURCES = {
    "tiny_clip": (TOWERS / "tiny_clip", None),
    "tiny_chinese_clip": (TOWERS / "tiny_chinese_clip", None),
    "openai_vit": (TOWERS / "openai_vit.pt", TOWERS / "openai_bpe.txt.gz"),
    "openai_rn": (TOWERS / "openai_rn.pt", TOWERS / "openai_bpe.txt.gz"),
}
PHOTOGRAPHS = [TOWERS / "images" / f"{number}.png" for number in range(4)]
LEVEL = 1 / 255 / min(STD)  # of grey, in what a network sees


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, source in SOURCES.items():
        convert_clip(*source, folder / f"{name}.ckpt")
    return folder


@pytest.fixture
def folder(tmp_path):
    """A copy of the tiny CLIP, to be changed."""
    return Path(shutil.copytree(TOWERS / "tiny_clip", tmp_path / "clip"))


def change(path, part=None, **values):
    """Set keys of a JSON file, or of an object in it; None takes one out."""
    content = json.loads(path.read_text())
    inner = content if part is None else content[part]
    inner.update(values)
    for key in [key for key, value in values.items() if value is None]:
        del inner[key]
    path.write_text(json.dumps(content))


def unit(codes):
    return codes / np.linalg.norm(codes, axis=1, keepdims=True)


# ---- the same numbers --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOURCES)
def test_codes_are_those_of_the_original(checkpoints, name):
    golden = np.load(TOWERS / f"{name}.npz")
    model = load(checkpoints / f"{name}.ckpt")
    sentences = golden["sentences"].tolist()

    tokens, lengths = model.tokenize(sentences)
    texts = model.encode_text(sentences)
    with paddle.no_grad():
        images = model.image_extractor(paddle.to_tensor(golden["pixels"])).numpy()

    np.testing.assert_array_equal(tokens, golden["ids"])
    assert tokens.dtype == np.int64 and lengths.max() == tokens.shape[1]  # one was cut
    np.testing.assert_allclose(texts, unit(golden["text"]), atol=1e-5)
    np.testing.assert_allclose(images, unit(golden["image"]), atol=1e-5)
    scale = 1 / model._learned_temperature
    np.testing.assert_allclose(scale * images @ texts.T, golden["logits_per_image"], atol=1e-4)
    for scores, logits in zip(images @ texts.T, golden["logits_per_image"]):
        softmax = np.exp(logits - logits.max())
        odds = model.probabilities(scores)
        np.testing.assert_allclose(odds, softmax / softmax.sum(), atol=1e-5)


@pytest.mark.parametrize("name", SOURCES)
def test_photographs_are_made_ready_as_the_original_does(checkpoints, name):
    expected = np.load(TOWERS / f"{name}.npz")["pixels"]

    found = load(checkpoints / f"{name}.ckpt").preprocess(PHOTOGRAPHS)

    assert found.dtype == np.float32 and found.shape == expected.shape
    for number in (0, 2, 3):
        np.testing.assert_allclose(found[number], expected[number], atol=1e-6)
    # The second shrinks both ways, which one version of Pillow rounds otherwise than another.
    assert np.abs(found[1] - expected[1]).max() < 2.5 * LEVEL


@pytest.mark.parametrize("name", SOURCES)
def test_classify_gives_the_softmax_of_the_original(checkpoints, name):
    golden = np.load(TOWERS / f"{name}.npz")
    model = load(checkpoints / f"{name}.ckpt")
    sentences = golden["sentences"].tolist()

    odds = model.classify(PHOTOGRAPHS[0], sentences, template="{}")

    softmax = np.exp(golden["logits_per_image"][0] - golden["logits_per_image"][0].max())
    found = [odds[sentence] for sentence in sentences]
    np.testing.assert_allclose(found, softmax / softmax.sum(), atol=1e-5)


@pytest.mark.parametrize("name", ["tiny_clip", "openai_rn"])
def test_many_photographs_get_the_codes_of_few(checkpoints, name):
    model = load(checkpoints / f"{name}.ckpt")
    pixels = np.stack([model.pixels(path) for path in PHOTOGRAPHS])

    np.testing.assert_allclose(
        model.encode_pixels(pixels), model.encode_image(PHOTOGRAPHS), atol=1e-5
    )


def test_a_grid_of_tokens_can_be_encoded_as_it_is(checkpoints):
    model = load(checkpoints / "tiny_clip.ckpt")
    sentences = ["a dog", "two dogs run through the snow"]
    tokens, _ = model.tokenize(sentences)
    whole = np.full(len(tokens), tokens.shape[1])

    with paddle.no_grad():
        codes = model.text_extractor(paddle.to_tensor(tokens), paddle.to_tensor(whole)).numpy()

    np.testing.assert_allclose(codes, model.encode_text(sentences), atol=1e-6)


def test_cut_sentences_are_counted_and_end_in_the_end_token(checkpoints, capsys):
    model = load(checkpoints / "openai_vit.ckpt")

    rows = model.reader.indices(["a dog", "a dog " * 30])
    model.encode_text(["a dog " * 40])

    assert [len(row) for row in rows] == [4, 24]
    assert all(row[-1] == model.reader.end for row in rows)
    assert capsys.readouterr().err.count("sentences cut: the text encoder takes 24 tokens") == 1


# ---- folders as people have them ---------------------------------------------------------------


def codes_of(folder, sentences):
    """Codes of sentences under a folder's CLIP, as it is read."""
    from vsepp.models.state import set_state

    clip = read_folder(folder)
    network = clip.text.build()
    set_state(network, clip.texts, "texts")
    network.eval()
    rows = clip.text.reader.indices(sentences)
    lengths = np.array([len(row) for row in rows])
    grid = np.zeros((len(rows), lengths.max()), np.int64)
    for row, tokens in zip(grid, rows):
        row[: len(tokens)] = tokens
    with paddle.no_grad():
        return network(paddle.to_tensor(grid), paddle.to_tensor(lengths)).numpy()


def golden_texts():
    golden = np.load(TOWERS / "tiny_clip.npz")
    return golden["sentences"].tolist(), golden["text"]


def test_a_tokenizer_may_be_vocab_and_merges(folder):
    (folder / "tokenizer.json").unlink()
    sentences, expected = golden_texts()

    np.testing.assert_allclose(codes_of(folder, sentences), expected, atol=1e-5)


def test_the_old_end_token_stands_for_the_largest(folder):
    change(folder / "config.json", "text_config", eos_token_id=2)
    sentences, expected = golden_texts()

    assert read_folder(folder).text.sizes["pooled"] == "largest"
    np.testing.assert_allclose(codes_of(folder, sentences), expected, atol=1e-5)


def test_weights_may_be_a_pickle(folder):
    from safetensors.numpy import load_file

    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(state, 2))
    sentences, expected = golden_texts()

    np.testing.assert_allclose(codes_of(folder, sentences), expected, atol=1e-5)


def test_the_activation_is_the_one_that_is_said(folder):
    change(folder / "config.json", "text_config", hidden_act="gelu")
    sentences, expected = golden_texts()

    found = codes_of(folder, sentences)

    assert read_folder(folder).text.sizes["activation"] == "gelu"
    assert 1e-4 < np.abs(found - expected).max() < 0.2


@pytest.mark.parametrize(
    "content, expected",
    [
        ({"size": 32, "crop_size": 32}, Preprocessing(32, 32, floor_crop=True)),
        (
            {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}},
            Preprocessing(36, 32, floor_crop=True),
        ),
        (
            {"size": {"height": 32, "width": 32}, "do_center_crop": False},
            Preprocessing(32, 32, square=True),
        ),
        (
            {"image_processor": {"size": 32, "crop_size": 32, "resample": 2}},
            Preprocessing(32, 32, "bilinear", floor_crop=True),
        ),
    ],
)
def test_each_way_to_write_a_size_is_read(tmp_path, content, expected):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))

    found = read_preprocessing(tmp_path, 32)

    assert (found.resize, found.image_size) == (expected.resize, expected.image_size)
    assert (found.square, found.floor_crop) == (expected.square, expected.floor_crop)
    assert found.mean == MEAN and found.std == STD
    named = content.get("image_processor", content).get("resample")
    assert found.interpolation == ("bicubic" if named is None else expected.interpolation)


# ---- what is refused ---------------------------------------------------------------------------


def without(name):
    return lambda folder: (folder / name).unlink()


def without_tokenizer(folder):
    for name in ("tokenizer.json", "merges.txt"):
        (folder / name).unlink()


def setting(file, part=None, **values):
    return lambda folder: change(folder / file, part, **values)


def emptied(folder):
    for path in folder.iterdir():
        path.unlink()


def pointed(folder):
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")


CONFIG, STEPS = "config.json", "preprocessor_config.json"


@pytest.mark.parametrize(
    "spoil, message",
    [
        (
            setting(CONFIG, model_type="siglip"),
            r"is a siglip: what is taken is model_type clip or ",
        ),
        (setting(CONFIG, model_type="blip"), r"is a blip: what is taken is model_type clip or "),
        (setting(CONFIG, model_type=None), r"is no CLIP: what is taken is model_type clip or "),
        (emptied, r"has no config.json: give the folder of a CLIP"),
        (without("model.safetensors"), r"has no weights: put model.safetensors or"),
        (without(STEPS), r"has no preprocessor_config.json"),
        (without_tokenizer, r"has no tokenizer: put tokenizer.json there"),
        (pointed, r"git-LFS's pointer"),
        (setting(CONFIG, "text_config", vocab_size=900), r"913 tokens.*vocab_size 900"),
        (setting(CONFIG, "text_config", eos_token_id=5), r"end is the token 5.*912"),
        (setting(CONFIG, "text_config", num_attention_heads=5), r"5 heads do not divide"),
        (setting(CONFIG, "vision_config", hidden_act="silu"), r"hidden_act: 'silu' is not known"),
        (setting(CONFIG, "vision_config", num_hidden_layers=3), r"lacks the parameter backbone"),
        (setting(CONFIG, "vision_config", patch_size=0), r"patch_size is 0"),
        (setting(CONFIG, "vision_config", image_size=64), r"32 pixels, and the network takes 64"),
        (setting(STEPS, do_center_crop=False), r"keeps photographs in their shape"),
        (setting(STEPS, size={"height": 32, "width": 40}), r"size is .*where a square's side"),
        (setting(STEPS, image_std=[1, 2]), r"image_std is \[1, 2\], where three numbers"),
        (setting(STEPS, resample=9), r"resample is 9"),
        (setting(STEPS, do_normalize=False), r"do_normalize is False"),
    ],
)
def test_a_folder_that_is_not_taken_says_why(folder, tmp_path, capsys, spoil, message):
    spoil(folder)

    assert run(main, ["--clip", str(folder), str(tmp_path / "out.ckpt")]) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    with pytest.raises(InputError, match=message):
        raise InputError(said)
    assert not (tmp_path / "out.ckpt").exists()


def weights_alone(path):
    path.write_bytes(pickle.dumps({"visual.proj": np.zeros((2, 2), np.float32)}, 2))
    return path


def merges_alone(path):
    path.write_text("#version\ni n\nin g</w>\n")
    return path


@pytest.mark.parametrize(
    "source, vocabulary, message",
    [
        (lambda _: SOURCES["openai_vit"][0], None, "no vocabulary inside.*--vocab FILE"),
        (lambda _: SOURCES["openai_vit"][0], merges_alone, "makes 516 tokens.*has 755"),
        (lambda _: SOURCES["openai_vit"][0], weights_alone, "no list of byte pairs"),
        (weights_alone, None, "holds weights and nothing of the network"),
        (lambda _: TOWERS / "tiny_clip" / "model.safetensors", None, "give the folder that it is"),
        (lambda path: path, None, "No such file"),
    ],
)
def test_a_file_that_is_not_taken_says_why(tmp_path, source, vocabulary, message):
    path = source(tmp_path / "model.pt")
    words = vocabulary and vocabulary(tmp_path / "words.txt")

    with pytest.raises(InputError, match=message):
        convert_clip(path, words, tmp_path / "out.ckpt")


def test_a_file_of_openai_may_lie_beside_anything(tmp_path):
    source, vocabulary = SOURCES["openai_vit"]
    shutil.copy(source, tmp_path / "ViT.pt")
    (tmp_path / "config.json").write_text("{}")

    convert_clip(tmp_path / "ViT.pt", vocabulary, tmp_path / "out.ckpt")

    assert load(tmp_path / "out.ckpt").encode_text("a dog").shape == (1, 24)


def test_a_folder_needs_no_vocabulary_beside_it(folder, tmp_path):
    with pytest.raises(InputError, match="--vocab: .* has its own tokenizer"):
        convert_clip(folder, TOWERS / "openai_bpe.txt.gz", tmp_path / "out.ckpt")


def test_the_tool_says_what_it_found(tmp_path, capsys):
    out = tmp_path / "ours.ckpt"

    assert run(main, ["--clip", str(TOWERS / "tiny_chinese_clip"), str(out)]) == 0

    assert "clip_vit for photographs of 32 pixels, chinese_clip" in capsys.readouterr().out
    header = read_header(out)
    assert header["image_encoder"]["preprocessing"]["square"] is True
    assert header["subwords"]["longest"] == 40 and "vocab" not in header
    assert load(out).preprocess(Image.new("RGB", (90, 30))).shape == (1, 3, 32, 32)


def _damaged(source, target, part, **values):
    """A copy of a checkpoint whose header says something else; returns its path."""
    with safe_open(str(source), framework="numpy") as file:
        header = json.loads(file.metadata()["vsepp"])
        state = {name: file.get_tensor(name) for name in file.keys()}
    place = header
    for key in part:
        place = place[key]
    place.update(values)
    save_file(state, target, {"vsepp": json.dumps(header)})
    return target


@pytest.mark.parametrize(
    "name, part, values, said",
    [
        ("tiny_clip", ("image_encoder",), dict(activation="sin"), "'sin' is not known"),
        ("tiny_clip", ("image_encoder",), dict(layer_norm_eps=1.5), "layer_norm_eps: 1.5"),
        ("tiny_clip", ("text_encoder",), dict(layer_norm_eps=1.5), "layer_norm_eps: 1.5"),
        ("openai_rn", ("image_encoder",), dict(heads=3), "3 heads do not divide"),
        ("tiny_clip", ("image_encoder", "preprocessing"), dict(resize=0), "its 'resize' is 0"),
        ("tiny_clip", ("image_encoder", "preprocessing"), dict(resize=10**9), "its 'resize' is"),
    ],
)
def test_a_checkpoint_that_says_what_no_network_has_is_damaged(
    checkpoints, tmp_path, name, part, values, said
):
    path = _damaged(checkpoints / f"{name}.ckpt", tmp_path / "damaged.ckpt", part, **values)

    with pytest.raises(InputError) as raised:
        model = load(path)
        model.preprocess(Image.open(PHOTOGRAPHS[0]))
        model.encode_text("a dog")

    assert str(raised.value).startswith(f"{path}: ") and said in str(raised.value)
    assert str(raised.value).endswith("the checkpoint is damaged; use another.")


@pytest.mark.parametrize(
    "file, part, values, said",
    [
        ("config.json", "vision_config", dict(num_hidden_layers=10**6), "layers.999999.up.weight"),
        ("config.json", "vision_config", dict(hidden_size=10**6), "the shape"),
        ("config.json", "text_config", dict(intermediate_size=10**7), "the shape"),
        (
            "config.json",
            "text_config",
            dict(layer_norm_eps=0.5),
            "config.json: layer_norm_eps: 0.5",
        ),
        ("preprocessor_config.json", None, dict(image_std=[0, 0, 0]), "image_std is \\[0, 0, 0\\]"),
        ("preprocessor_config.json", None, dict(image_mean=[1e300] * 3), "image_mean is"),
    ],
)
def test_what_no_weights_fit_is_refused_before_a_network_is_built(
    folder, tmp_path, monkeypatch, file, part, values, said
):
    def build(encoder):
        pytest.fail("a network is built")

    change(folder / file, part, **values)
    monkeypatch.setattr("vsepp.models.image_encoders.clip_vit.CLIPViTEncoder.network", build)

    with pytest.raises(InputError, match=said):
        convert_clip(folder, None, tmp_path / "out.ckpt")
    assert not (tmp_path / "out.ckpt").exists()


def test_no_file_of_the_folder_is_written_over(folder):
    weights = folder / "model.safetensors"
    before = weights.read_bytes()

    with pytest.raises(InputError, match="is of the folder that is converted"):
        convert_clip(folder, None, weights)

    assert weights.read_bytes() == before
    for _ in range(2):  # a checkpoint of ours is written anew
        convert_clip(folder, None, folder / "ours.ckpt")
