"""``tools/convert.py``: other people's files, without running code from them."""

import os
import pickle
from pathlib import Path

import numpy as np
import paddle
import pytest
from convert import documents
from PIL import Image

from vsepp import load, load_checkpoint
from vsepp.checkpoint import save_checkpoint
from vsepp.cli.command import run
from vsepp.cli.convert import main
from vsepp.config import Config
from vsepp.convert import authors
from vsepp.data.transforms import CenterCrop
from vsepp.models.backbones import build_backbone
from vsepp.models.state import get_state
from vsepp.models.vsepp import VSEPP
from vsepp.models.weights import load_backbone_weights
from vsepp.pickles import PlainObject, read_pickle
from vsepp.text.vocabulary import Vocabulary

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = "shufflenet_v2_x0_25"


@pytest.mark.parametrize("name", ["small", "2layer"])
def test_the_authors_checkpoint_gives_the_authors_embeddings(name, tmp_path):
    folder, target = GOLDEN / f"authors_{name}_checkpoint", tmp_path / "ours.ckpt"
    assert (
        run(
            main,
            [
                "--authors",
                str(folder / "model_best.pth.tar"),
                "--vocab",
                str(folder / "f8k_precomp_vocab.pkl"),
                str(target),
            ],
        )
        == 0
    )
    golden = np.load(GOLDEN / f"authors_{name}.npz")
    model = load(target)
    images = model.encode_features(golden["features"])
    captions = [
        caption[:length].tolist() for caption, length in zip(golden["captions"], golden["lengths"])
    ]
    np.testing.assert_allclose(images, golden["vsepp/final_image_emb"], atol=1e-5)
    np.testing.assert_allclose(
        model.encode_indices(captions), golden["vsepp/final_text_emb"], atol=1e-5
    )
    assert load_checkpoint(target)["authors_options"]["max_violation"] is True


def test_the_authors_full_cnn_comes_with_its_backbone(tmp_path, monkeypatch):
    """As they store it: DataParallel's names, linear weights turned, counters beside them."""
    backbone = build_backbone("resnet18")
    theirs = {"_mean": "running_mean", "_variance": "running_var"}
    image = {"cnn.module.bn1.num_batches_tracked": np.array(7)}
    for name, value in get_state(backbone).items():
        layer, _, last = name.rpartition(".")
        image[f"cnn.module.{layer}.{theirs.get(last, last)}"] = value
    generator = np.random.default_rng(0)
    image["fc.weight"] = generator.standard_normal((6, 512)).astype(np.float32)
    image["fc.bias"] = generator.standard_normal(6).astype(np.float32)
    text = {"embed.weight": generator.standard_normal((9, 4)).astype(np.float32)}
    for name, shape in (
        ("weight_ih", (18, 4)),
        ("weight_hh", (18, 6)),
        ("bias_ih", (18,)),
        ("bias_hh", (18,)),
    ):
        text[f"rnn.{name}_l0"] = generator.standard_normal(shape).astype(np.float32)
    options = PlainObject()
    vars(options).update(
        cnn_type="resnet18",
        word_dim=4,
        embed_size=6,
        num_layers=1,
        finetune=True,
        no_imgnorm=True,
        measure="cosine",
        data_name="f30k",
    )
    words = PlainObject()
    words.word2idx = vocabulary(9).word_to_index
    files = {"model": {"opt": options, "model": [image, text], "epoch": 2}, "vocabulary": words}
    monkeypatch.setattr(authors, "read_pickle", lambda path, classes=None: files[path])

    authors.convert_authors("model", "vocabulary", tmp_path / "ours.ckpt")

    model = load(tmp_path / "ours.ckpt")
    pixels = generator.integers(0, 256, (300, 280, 3), dtype=np.uint8)
    found = model.encode_image(Image.fromarray(pixels))[0]
    backbone.eval()
    features = backbone(paddle.to_tensor(CenterCrop()(Image.fromarray(pixels))[None])).numpy()[0]
    expected = image["fc.weight"] @ (features / np.linalg.norm(features)) + image["fc.bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


class Runs:
    """What a hostile pickle holds: reading it would run a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Unknown:
    """A class that no file of the authors holds."""


@pytest.mark.parametrize("hostile", ["model", "vocabulary"])
def test_a_pickle_that_would_run_a_command_is_refused(hostile, tmp_path, capsys):
    folder, witness = GOLDEN / "authors_small_checkpoint", tmp_path / "witness"
    files = {"model": folder / "model_best.pth.tar", "vocabulary": folder / "f8k_precomp_vocab.pkl"}
    files[hostile] = tmp_path / "hostile.pkl"
    files[hostile].write_bytes(pickle.dumps({"opt": Runs(witness)}))
    status = run(
        main,
        [
            "--authors",
            str(files["model"]),
            "--vocab",
            str(files["vocabulary"]),
            str(tmp_path / "out.ckpt"),
        ],
    )
    message = capsys.readouterr().err
    assert status == 2 and "hostile.pkl" in message and "system" in message
    assert not witness.exists() and not (tmp_path / "out.ckpt").exists()


def test_an_unknown_class_is_named(tmp_path, capsys):
    path = tmp_path / "vocab.pkl"
    path.write_bytes(pickle.dumps(Unknown()))
    assert (
        run(
            main,
            [
                "--authors",
                str(GOLDEN / "authors_small_checkpoint/model_best.pth.tar"),
                "--vocab",
                str(path),
                str(tmp_path / "out.ckpt"),
            ],
        )
        == 2
    )
    assert "Unknown" in capsys.readouterr().err


def test_a_vocabulary_of_another_model_is_refused(tmp_path, capsys):
    folder = GOLDEN / "authors_small_checkpoint"
    status = run(
        main,
        [
            "--authors",
            str(folder / "model_best.pth.tar"),
            "--vocab",
            str(GOLDEN / "authors_2layer_checkpoint/f8k_precomp_vocab.pkl"),
            str(tmp_path / "out.ckpt"),
        ],
    )
    assert status == 2 and "trained with" in capsys.readouterr().err


def test_a_backbone_from_pdparams_comes_back_as_it_was(tmp_path):
    backbone = build_backbone(TINY)
    paddle.save(backbone.state_dict(), str(tmp_path / "in.pdparams"))
    out = tmp_path / "out.safetensors"
    assert run(main, ["--backbone", TINY, str(tmp_path / "in.pdparams"), str(out)]) == 0
    other = build_backbone(TINY)
    load_backbone_weights(other, TINY, out)
    for name, value in get_state(backbone).items():
        np.testing.assert_array_equal(get_state(other)[name], value)


def test_a_backbone_goes_into_safetensors_only(tmp_path, capsys):
    assert run(main, ["--backbone", TINY, "in.pdparams", str(tmp_path / "out.pth")]) == 2
    assert ".safetensors" in capsys.readouterr().err


def vocabulary(words):
    return Vocabulary.build([[f"w{index}"] for index in range(words - 4)], 0)


def test_weights_go_out_as_pdparams(tmp_path):
    words = vocabulary(9)
    model = VSEPP(9, 3, 4, 2, TINY, finetuned=False, feature_size=6)
    save_checkpoint(
        tmp_path / "in.ckpt",
        get_state(model),
        Config().to_dict(),
        words.word_to_index,
        epoch=1,
        step=2,
    )
    out = tmp_path / "out.pdparams"
    assert run(main, ["--pdparams", str(tmp_path / "in.ckpt"), str(out)]) == 0
    other = VSEPP(9, 3, 4, 2, TINY, finetuned=False, feature_size=6)
    other.set_state_dict(paddle.load(str(out)))
    for name, value in get_state(model).items():
        np.testing.assert_array_equal(get_state(other)[name], value)


def test_the_tutorials_checkpoint_becomes_ours_and_theirs_again(tmp_path, capsys):
    words = vocabulary(9)
    words.save(tmp_path / "vocab.json")
    network = documents.VSEPP(9, 3, 4, 1, "resnet18")
    theirs, ours, again = (tmp_path / name for name in ("t.ckpt", "ours.ckpt", "again.ckpt"))
    documents.save(network, theirs, epoch=3, step=70)

    given = ["--tutorial", str(theirs), "--vocab", str(tmp_path / "vocab.json"), str(ours)]
    assert run(main, given) == 0
    said = capsys.readouterr().out
    assert run(main, ["--to-tutorial", str(ours), str(again)]) == 0

    converted = load(ours)
    assert (converted.config.image_model, converted.config.embed_size) == ("resnet18", 4)
    assert load_checkpoint(ours)["epoch"] == 4  # epochs begun; theirs counts from 0
    assert said == (
        f"written to {ours}; there is no optimizer's state in {theirs}: init_from={ours} takes "
        "the weights\n"
    )
    back = paddle.load(str(again))
    assert (back["epoch"], back["step"], back["optimizer"]) == (3, 70, {})
    state = network.state_dict()
    assert back["model"].keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(back["model"][name].numpy(), value.numpy())


def test_the_tutorials_checkpoint_needs_its_vocabulary(tmp_path, capsys):
    vocabulary(11).save(tmp_path / "vocab.json")
    model = VSEPP(9, 3, 4, 1, TINY, finetuned=False, feature_size=6)
    paddle.save({"model": model.state_dict()}, str(tmp_path / "theirs.ckpt"))
    assert (
        run(
            main,
            [
                "--tutorial",
                str(tmp_path / "theirs.ckpt"),
                "--vocab",
                str(tmp_path / "vocab.json"),
                str(tmp_path / "ours.ckpt"),
            ],
        )
        == 2
    )
    assert "11 words" in capsys.readouterr().err


@pytest.mark.parametrize("spelled", ["ours.ckpt", "./ours.ckpt"])
def test_a_file_is_not_converted_onto_itself(tmp_path, monkeypatch, capsys, spelled):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.ckpt").write_bytes(b"a checkpoint")

    assert run(main, ["--pdparams", "ours.ckpt", spelled]) == 2

    assert "is what is converted" in capsys.readouterr().err
    assert (tmp_path / "ours.ckpt").read_bytes() == b"a checkpoint"


@pytest.mark.parametrize(
    "changes, options",
    [
        ({"model": 3}, {}),
        ({"opt": {"word_dim": 3}}, None),
        ({"epoch": "x"}, {}),
        ({}, {"word_dim": None}),
        ({}, {"num_layers": 2**63}),
        ({}, {"embed_size": [1]}),
        ({}, {"learning_rate": "fast"}),
        ({}, {"data_name": "\ud800"}),
        ({}, {"cnn_type": {}}),
    ],
)
def test_authors_checkpoints_with_other_values_are_refused(tmp_path, changes, options, capsys):
    from argparse import Namespace

    folder = GOLDEN / "authors_small_checkpoint"
    given = read_pickle(folder / "model_best.pth.tar", {("argparse", "Namespace"): PlainObject})
    if options is not None:
        given["opt"] = Namespace(**{**vars(given["opt"]), **options})
    path = tmp_path / "model.pth.tar"
    path.write_bytes(pickle.dumps({**given, **changes}, 2))

    assert (
        run(
            main,
            [
                "--authors",
                str(path),
                "--vocab",
                str(folder / "f8k_precomp_vocab.pkl"),
                str(tmp_path / "ours.ckpt"),
            ],
        )
        == 2
    )

    message = capsys.readouterr().err
    assert message.startswith(f"error: {path}") and message.count("\n") == 1
    assert not (tmp_path / "ours.ckpt").exists()


@pytest.mark.parametrize("changes", [{"epoch": "x"}, {"step": float("inf")}, {"epoch": [1]}])
def test_the_tutorials_checkpoints_with_other_values_are_refused(tmp_path, changes, capsys):
    weights = {
        "text_extractor.embedding.weight": np.zeros((4, 4), np.float32),
        "image_extractor.fc.weight": np.zeros((5, 3), np.float32),
    }
    path, vocabulary = tmp_path / "t.ckpt", tmp_path / "vocab.json"
    path.write_bytes(pickle.dumps({"model": weights, "epoch": 1, "step": 1, **changes}))
    Vocabulary({"<pad>": 0, "<unk>": 1, "<start>": 2, "<end>": 3}).save(vocabulary)

    assert (
        run(
            main, ["--tutorial", str(path), "--vocab", str(vocabulary), str(tmp_path / "ours.ckpt")]
        )
        == 2
    )
    assert capsys.readouterr().err.startswith(f"error: {path} is damaged")
