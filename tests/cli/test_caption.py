"""``tools/caption.py`` over a captioner that has seen nothing."""

import csv
import json
import os
import shutil

import pytest
from captioners import save_captioner
from conftest import draw_picture
from PIL import Image
from tiny import make_data, save_untrained

from vsepp import load
from vsepp.captioning.xmp import document
from vsepp.cli.caption import main as caption
from vsepp.cli.command import run
from vsepp.cli.infer import main as infer
from vsepp.cli.info import main as info

WORDS = ["a", "photo", "of", "red", "green", "blue", "square", "一只", "狗"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_captioner(tmp_path_factory.mktemp("captioner") / "model.ckpt", WORDS)


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory):
    return str(save_untrained(tmp_path_factory.mktemp("retrieval") / "model.ckpt", WORDS))


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for colour in ("red", "green", "blue"):
        place = folder / "deep" if colour == "blue" else folder
        draw_picture(place / f"{colour}.png", colour, "square", (80, 72))
    return folder


@pytest.fixture
def tool(checkpoint, tmp_path, monkeypatch, capsys):
    """Run the tool where there is no data set: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def tool(*words, checkpoint=checkpoint):
        arguments = [*map(str, words), "-o", "device=cpu"]
        status = run(caption, arguments + (["--checkpoint", checkpoint] if checkpoint else []))
        return (status, *capsys.readouterr())

    return tool


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_photograph_has_what_the_model_says(tool, photos, checkpoint, tmp_path):
    status, printed, _ = tool(
        "--image", photos / "red.png", "--captions", 3, "--beam", 4, "--save", "looked.png"
    )

    model = load(checkpoint)
    (found,) = model.captions_of([photos / "red.png"], model.decoding(beam=4, captions=3))
    rows = [line.split(maxsplit=1) for line in printed.splitlines() if line.lstrip()[:1] == "-"]
    rows = [row for row in rows if row[0][1:2].isdigit()]
    assert status == 0 and "descriptions" not in printed
    assert rows == [[f"{each.log_probability:.2f}", each.sentence] for each in found]
    assert Image.open(tmp_path / "looked.png").width > 500


def test_a_photograph_of_the_data_set_shows_its_own_descriptions(tool, tmp_path):
    make_data(tmp_path / "data")

    status, printed, _ = tool("--dataset", "tiny", "--image", "data/tiny/images/16.png")

    assert status == 0 and "is in the test split; its own descriptions:" in printed
    assert printed.index("there is a green square here") < printed.index("log-probability")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_folder_has_what_the_model_says_of_each(suffix, tool, photos, checkpoint, tmp_path):
    (photos / "broken.jpg").write_bytes(b"no picture")
    out = tmp_path / f"out.{suffix}"

    status, printed, _ = tool("--images", photos, "--out", out, "--sidecars", "txt")

    rows = read_csv(out) if suffix == "csv" else list(map(json.loads, out.open(encoding="utf-8")))
    model = load(checkpoint)
    names = ["deep/blue.png", "green.png", "red.png"]
    assert status == 0 and [row["file"] for row in rows] == names
    for row in rows:
        ((made, *_),) = model.captions_of([photos / row["file"]])
        assert row["caption"] == made.sentence
        assert float(row["log_probability"]) == round(made.log_probability, 4)
        assert (photos / row["file"]).with_suffix(".txt").read_text() == f"{made.sentence}\n"
    assert "3 photographs captioned" in printed and "3 .txt files written" in printed
    assert "  broken.jpg: is empty or not an image" in printed
    assert "4 files found: 3 captioned, 1 unreadable" in printed


def test_files_that_are_there_are_passed_over_and_named(tool, photos):
    (photos / "red.png.xmp").write_bytes(document("mine", ""))
    first = tool("--images", photos, "--sidecars", "xmp")
    assert first[0] == 0 and "2 .xmp files written, 1 passed over" in first[1]
    assert os.path.join("photos", "red.png.xmp") in first[1]

    (photos / "red.png.xmp").unlink()
    again = tool("--images", photos, "--sidecars", "xmp")[1]
    assert "1 .xmp file written, 2 there from an earlier run" in again
    _, printed, _ = tool("--images", photos, "--sidecars", "xmp", "--captions", 2)
    assert "since it is there already (--force writes over them): 3" in printed
    _, printed, _ = tool("--images", photos, "--sidecars", "xmp", "--captions", 2, "--force")
    assert "3 of them with a description put into what was there" in printed


def test_drawn_sentences_follow_from_the_seed(tool, photos, tmp_path):
    def drawn(name, *words):
        assert tool("--images", photos, "--out", name, "--sample", *words)[0] == 0
        return [row["caption"] for row in read_csv(tmp_path / name)]

    first = drawn("a.csv", "--seed", 3, "--top-k", 5, "--temperature", 1.5)
    assert first == drawn("b.csv", "--seed", 3, "--top-k", 5, "--temperature", 1.5)
    assert first != drawn("c.csv", "--seed", 4, "--top-k", 5, "--temperature", 1.5)


def test_a_retrieval_model_chooses(tool, photos, checkpoint, retrieval, tmp_path):
    from vsepp.captioning.reranking import rerank

    status, printed, _ = tool("--image", photos / "red.png", "--rerank", retrieval)
    assert status == 0 and "similarity" in printed
    tool("--images", photos, "--out", "out.csv", "--rerank", retrieval, "--candidates", 4)

    model, other = load(checkpoint), load(retrieval)
    for row in read_csv(tmp_path / "out.csv"):
        file = str(photos / row["file"])
        found = list(model.captions_of([file], model.decoding(beam=4, captions=4)))
        (((best, similarity),),) = rerank(other, other.encode_image(file), found)
        assert row["caption"] == best.sentence
        assert float(row["similarity"]) == pytest.approx(similarity, abs=1e-3)


def test_options_of_the_configuration_go_before_the_checkpoint_s(tool, photos, checkpoint):
    _, wide, _ = tool("--image", photos / "red.png", "--beam", 1)
    _, narrow, _ = tool("--image", photos / "red.png", "-o", "beam=1")
    assert wide == narrow


def test_best_is_the_newest_captioner(tool, photos, checkpoint, retrieval, tmp_path):
    for name, source in (("vsepp/best_sample.ckpt", retrieval), ("words/best.ckpt", checkpoint)):
        (tmp_path / "model" / name).parent.mkdir(parents=True)
        (tmp_path / "model" / name).write_bytes(open(source, "rb").read())

    status, _, said = tool("--image", photos / "red.png", checkpoint=None)

    assert status == 0 and "is a retrieval model" in said
    assert said.count("words/best.ckpt") == 2 and "trained on tiny" in said


def test_beside_a_captioner_s_configuration_best_is_a_retrieval_model(
    tool, photos, checkpoint, retrieval, tmp_path
):
    make_data(tmp_path / "data")
    words = ["--image", photos / "red.png", "-c", "tiny_caption", "--rerank", "best"]
    (tmp_path / "model" / "tiny_caption").mkdir(parents=True)
    shutil.copy(checkpoint, tmp_path / "model" / "tiny_caption" / "best.ckpt")
    status, _, error = tool(*words, checkpoint=None)
    assert status == 2 and "there is no retrieval model of tiny yet: run `" in error

    (tmp_path / "model" / "found").mkdir()
    shutil.copy(retrieval, tmp_path / "model" / "found" / "best.ckpt")
    status, printed, said = tool(*words, checkpoint=None)
    assert status == 0 and "similarity" in printed
    assert "retrieval model: model/found/best.ckpt, the newest there is" in said


def test_each_tool_says_which_takes_the_other_kind(tool, photos, checkpoint, retrieval, capsys):
    status, _, error = tool("--image", photos / "red.png", checkpoint=retrieval)
    assert status == 2 and "is a retrieval model" in error and "infer" in error
    status, _, error = tool("--image", photos / "red.png", "--rerank", checkpoint)
    assert status == 2 and "is a captioner" in error and error.count("\n") == 1
    words = ["--image", str(photos), "--labels", "red", "--checkpoint", checkpoint]
    assert run(infer, words) == 2
    assert "is a captioner" in capsys.readouterr().err
    assert run(info, [checkpoint]) == 0
    assert "captioner" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, said",
    [
        (["--image", "photos"], "photos is a folder: give it with --images"),
        (["--image", "none.jpg"], "none.jpg does not exist"),
        (["--image", "photos/red.png", "--out", "a.csv"], "--out goes with --images FOLDER"),
        (["--image", "photos/red.png", "--force"], "--force goes with --images FOLDER"),
        (["--image", "photos/red.png", "--save", "a.pdf"], "a.pdf: cannot write a picture"),
        (["--images", "photos", "--out", "a.csv", "--save", "a.png"], "--save goes with --image"),
        (["--images", "photos"], "give --out FILE.csv, or --sidecars txt"),
        (["--images", "photos", "--out", "a.xlsx"], "a.xlsx must end in .csv or .jsonl"),
        (["--images", "empty", "--out", "a.csv"], "empty holds no photographs"),
        (["--images", "none", "--out", "a.csv"], "none does not exist"),
        (["--image", "photos/red.png", "--seed", "1"], "seed is for sampling"),
        (["--image", "photos/red.png", "--beam", "0"], "beam must be a whole number from 1"),
        (["--image", "photos/red.png", "--candidates", "3"], "--candidates goes with --rerank"),
        (["--image", "photos/red.png", "--dataset", "pets"], "pets"),
    ],
)
def test_mistakes_are_one_sentence(words, said, tool, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, error = tool(*words)

    assert status == 2 and said in error
    assert error.startswith("error: ") and error.count("\n") == 1


def test_the_photograph_itself_is_not_written_over(tool, photos, retrieval):
    before = (photos / "red.png").read_bytes()

    status, _, error = tool("--image", photos / "red.png", "--save", photos / "red.png")

    assert status == 2 and "red.png is the photograph itself: give another file" in error
    make_data(photos.parent / "data")
    words = ["--image", photos / "red.png", "--save", photos / "red.png", "--dataset", "tiny"]
    assert run(infer, [*map(str, words), "--checkpoint", retrieval]) == 2
    assert (photos / "red.png").read_bytes() == before
