"""``prepare --vocab``: the numbers of an old vocabulary stay, and its model goes on."""

import json
import shlex
from pathlib import Path

import pytest
from conftest import COLOURS, SHAPES, draw_picture, sentences_about
from tiny import hardly_drawn

import vsepp
from vsepp.checkpoint import save_checkpoint
from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.cli.infer import main as infer
from vsepp.cli.prepare import main as prepare
from vsepp.cli.search import main as search
from vsepp.cli.train import main as train
from vsepp.text.vocabulary import Vocabulary

SHAPE = ["image_model=shufflenet_v2_x0_25", "pretrained=false", "finetuned=false", "resize=36"]
SHAPE += ["image_size=32", "word_dim=8", "embed_size=16"]
RUN = ["batch_size=8", "num_epochs=1", "evaluate_step=100", "workers=0", "device=cpu"]


def table(folder, name, rename=str):
    """A table of 20 photographs with five sentences each, and the photographs."""
    lines = ["filename,caption,split"]
    for number, split in enumerate(["train"] * 12 + ["val"] * 4 + ["test"] * 4):
        colour, shape = list(COLOURS)[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
        draw_picture(folder / "photos" / f"{number}.png", colour, shape)
        lines += [
            f"{number}.png,{rename(words)},{split}" for words in sentences_about(colour, shape)
        ]
    (folder / f"{name}.csv").write_text("\n".join(lines))
    return ["--captions", str(folder / f"{name}.csv"), "--images", str(folder / "photos")]


def renamed(words):
    return words.replace("grey", "zorbel").replace(" here", " blick") + (
        " plonk" if words.startswith("a red square") else ""
    )


@pytest.fixture(scope="module", autouse=True)
def quick():
    with hardly_drawn():
        yield


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """(folder of a prepared data set, checkpoint trained on it)."""
    folder, patch = tmp_path_factory.mktemp("old"), pytest.MonkeyPatch()
    with patch.context() as inside:
        inside.chdir(folder)
        assert prepare([*table(folder, "base"), "--min-word-count", "0"]) == 0
        assert train(["--dataset", "base", "-o", *SHAPE, *RUN]) == 0
    return folder / "data" / "base", folder / "model" / "vsepp" / "best_base.ckpt"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Options of `prepare` for the same pictures with some words renamed."""
    monkeypatch.chdir(tmp_path)
    return [*table(tmp_path, "own", renamed), "--min-word-count", "2"]


def words(path="data/own"):
    return json.loads(Path(path, "vocab.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["checkpoint", "vocab.json", "folder"])
def test_numbers_stay_and_unknown_words_are_counted(old, own, capsys, kind):
    given = {"checkpoint": old[1], "vocab.json": old[0] / "vocab.json", "folder": old[0]}[kind]

    assert prepare([*own, "--vocab", str(given)]) == 0

    said = capsys.readouterr().out
    assert words() == words(old[0])
    assert "of 21 different words outside the test split 3 are not in" in said
    assert "3 become <unk>" in said
    options = json.loads(Path("data/own/prepared.json").read_text())["options"]
    assert options["vocabulary_sha256"] == Vocabulary(words(old[0])).sha256
    assert options["new_words"] is False


def test_new_words_follow_the_last_number(old, own, capsys):
    assert prepare([*own, "--vocab", str(old[1]), "--new-words"]) == 0

    said = capsys.readouterr().out
    before = words(old[0])
    assert words() == {**before, "zorbel": len(before), "blick": len(before) + 1}
    assert "2 occur more than 2 times and are appended, 1 become <unk>" in said


def test_preparing_again_with_another_vocabulary_needs_force(old, own, capsys):
    kept = [*own, "--vocab", str(old[1])]
    assert run(prepare, own) == 0
    for arguments, message in (
        (kept, "another vocabulary"),
        ([*kept, "--new-words"], "new_words no instead of yes, another vocabulary"),
    ):
        assert run(prepare, arguments) == 2
        assert f"is prepared with {message}" in capsys.readouterr().err
    assert run(prepare, [*kept, "--force"]) == 0
    capsys.readouterr()
    assert run(prepare, [*own, "--vocab", str(old[0] / "vocab.json")]) == 0  # the same words
    assert "it is left as it is" in capsys.readouterr().out
    assert run(prepare, [*kept, "--new-words"]) == 2
    assert "new_words no instead of yes" in capsys.readouterr().err
    assert run(prepare, own) == 2


def test_what_is_printed_next_carries_the_model_on(old, own, capsys):
    assert prepare([*own, "--vocab", str(old[1]), "--new-words"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    python, tool, *arguments = shlex.split(line[len("Next: ") :])
    assert (python, tool) == ("python", "tools/train.py")
    assert arguments == ["--dataset", "own", "-o", f"init_from={old[1]}"]

    assert train([*arguments, *RUN]) == 0
    said = capsys.readouterr().out
    assert f"as in {old[1]}: " in said and "embed_size=16" in said
    assert "2 are new and start afresh; 0 of its words are dropped" in said
    python, tool, *arguments = shlex.split(said.splitlines()[-1][len("next: ") :])
    assert tool == "tools/infer.py"
    assert infer(arguments) == 0 and Path("answer.png").exists()
    assert evaluate(["--dataset", "own"]) == 0
    assert evaluate(["--dataset", "own", "--checkpoint", str(old[1])]) == 0
    model = ["--checkpoint", "model/vsepp/best_own.ckpt"]
    assert search(["index", "photos", "--out", "index", *model]) == 0
    assert search(["query", "index", "a blick"]) == 0
    model = vsepp.load("model/vsepp/best_own.ckpt")
    assert model.vocabulary.words[-2:] == ["zorbel", "blick"]
    assert not model.unknown_words("a red square on zorbel here")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--new-words"], "--new-words are appended to --vocab"),
        (["--vocab", "nothing.ckpt"], "nothing.ckpt does not exist"),
        (["--vocab", "mine.csv"], "mine.csv is truncated or not a checkpoint"),
        (["--vocab", "CKPT", "--tokenizer", "treebank"], "were cut by words"),
        (["--vocab", "other.json"], "other.json lacks <pad>"),
        (["--vocab", "wordless.ckpt"], "has no list of words"),
    ],
)
def test_mistakes_are_named(old, own, capsys, more, message):
    Path("mine.csv").write_text("filename,caption\n")
    Path("other.json").write_text("{}")
    contents = vsepp.load_checkpoint(old[1])
    for name in ("format", "fingerprint", "vocab"):
        contents.pop(name)
    save_checkpoint("wordless.ckpt", **contents, vocab=None)

    assert run(prepare, [*own, *(str(old[1]) if word == "CKPT" else word for word in more)]) == 2

    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_captions_are_cut_as_those_of_the_vocabulary(old, own, tmp_path):
    contents = vsepp.load_checkpoint(old[1])
    contents.pop("format"), contents.pop("fingerprint")
    save_checkpoint(tmp_path / "cut.ckpt", **{**contents, "tokenizer": "treebank"})

    assert prepare([*own, "--vocab", "cut.ckpt"]) == 0

    options = json.loads(Path("data/own/prepared.json").read_text())["options"]
    assert options["tokenizer"] == "treebank"


def test_no_word_that_occurs_often_enough_is_said(own, capsys):
    assert prepare([*own, "--min-word-count", "1000"]) == 0

    assert "every word is unknown: prepare again with --min-word-count 0" in capsys.readouterr().out


def test_a_model_that_knows_no_word_is_asked_with_what_it_knows(own, capsys):
    assert prepare([*own, "--min-word-count", "1000"]) == 0
    assert train(["--dataset", "own", "-o", *SHAPE, *RUN]) == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert "--image" in last and infer(shlex.split(last)[3:]) == 0
