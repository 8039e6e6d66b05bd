"""``tools/search.py`` with a model trained on twenty pictures."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import COLOURS, SHAPES, draw_picture
from PIL import Image
from tiny import make_config, make_data

from vsepp import load, train
from vsepp.cli.command import run
from vsepp.cli.info import main as info
from vsepp.cli.search import main as search

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(data_dir, checkpoint, folder of photographs, index)."""
    place = tmp_path_factory.mktemp("search")
    data_dir = make_data(place / "data")
    config = make_config(data_dir, place, num_epochs=2)
    train(config)
    checkpoint = str(config.path("best_checkpoint"))
    for colour in COLOURS:
        for shape in SHAPES:
            draw_picture(place / "photos" / colour / f"{shape}.png", colour, shape)
    assert (
        run(
            search,
            [
                "index",
                str(place / "photos"),
                "--out",
                str(place / "index"),
                "--checkpoint",
                checkpoint,
                "-o",
                "device=cpu",
            ],
        )
        == 0
    )
    return data_dir, checkpoint, place / "photos", place / "index"


@pytest.fixture
def own(made, tmp_path):
    """(photos, index): a copy of both, which the test may change."""
    photos, index = tmp_path / "photos", tmp_path / "index"
    shutil.copytree(made[2], photos)  # and their times
    shutil.copytree(made[3], index)
    manifest = (index / "manifest.json").read_text()
    (index / "manifest.json").write_text(manifest.replace(str(made[2]), str(photos)))
    return photos, index


def ask(index, *more):
    return run(search, ["query", str(index), *more, "-o", "device=cpu"])


def test_a_sentence_finds_photographs(made, tmp_path, capsys):
    answer = tmp_path / "answer.json"
    status = ask(
        made[3],
        "a green stripe",
        "--top-k",
        "3",
        "--json",
        str(answer),
        "--save",
        str(tmp_path / "answer.png"),
        "--html",
        str(tmp_path / "answer.html"),
    )
    assert status == 0
    printed, found = capsys.readouterr().out, json.loads(answer.read_text())
    assert "the 20 photographs of" in printed
    assert [entry["rank"] for entry in found["answers"]] == [1, 2, 3]
    for entry in found["answers"]:
        assert f"{entry['similarity']:.3f}" in printed and entry["photograph"] in printed
    assert Image.open(tmp_path / "answer.png").width > 500
    page = (tmp_path / "answer.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 3 and found["answers"][0]["photograph"] in page

    # The same as by hand.
    model = load(made[1])
    paths = sorted(str(path.relative_to(made[2])) for path in made[2].rglob("*.png"))
    scores = model.similarity([made[2] / path for path in paths], ["a green stripe"])[:, 0]
    order = np.argsort(-scores, kind="stable")[:3]
    assert [entry["photograph"] for entry in found["answers"]] == [paths[row] for row in order]
    np.testing.assert_allclose(
        [entry["similarity"] for entry in found["answers"]], scores[order], atol=1e-5
    )


def test_a_photograph_finds_itself_first(made, tmp_path, capsys):
    shutil.copy(made[2] / "blue" / "frame.png", tmp_path / "asked.png")
    assert (
        ask(
            made[3],
            "--image",
            str(tmp_path / "asked.png"),
            "--json",
            "-",
            "--html",
            str(tmp_path / "page.html"),
        )
        == 0
    )
    captured = capsys.readouterr()
    answers = json.loads(captured.out)["answers"]  # nothing but JSON on the output
    assert answers[0]["photograph"] == "blue/frame.png" and len(answers) == 10
    assert answers[0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert (tmp_path / "page.html").read_text().count("data:image/jpeg") == 11


def test_a_sentence_may_stand_anywhere_and_without_quotes(made, capsys):
    outputs = []
    for words in (["a", "green", "stripe", "--top-k", "2"], ["--top-k", "2", "a green stripe"]):
        assert run(search, ["query", str(made[3]), *words]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_a_photograph_finds_sentences_of_a_data_set(made, capsys, tmp_path):
    arguments = [
        "query",
        "--dataset",
        "tiny",
        "--data-dir",
        made[0],
        "--checkpoint",
        made[1],
        "--image",
        str(made[2] / "red" / "square.png"),
        "--top-k",
        "4",
        "--json",
        "-",
        "--save",
        str(tmp_path / "answer.png"),
    ]
    assert run(search, arguments) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert len(answers) == 4 and all(entry["sentence"] for entry in answers)
    assert Image.open(tmp_path / "answer.png").width > 500


def test_what_changed_is_counted_and_what_is_broken_is_named(own, capsys):
    photos, index = own
    draw_picture(photos / "red" / "new.png", "red", "frame", (64, 31))
    draw_picture(photos / "red" / "square.png", "green", "corner", (62, 33))
    (photos / "blue" / "frame.png").unlink()
    (photos / "text.jpg").write_text("no picture")
    capsys.readouterr()
    assert run(search, ["index", str(photos), "--out", str(index), "-o", "device=cpu"]) == 0
    printed = capsys.readouterr().out
    assert "20 photographs (1 new, 1 changed, 1 gone, 18 unchanged, 1 unreadable)" in printed
    assert "2 encoded" in printed and "images/s" in printed
    assert "  text.jpg: it is empty or not an image" in printed


def test_every_file_is_encoded_or_named_and_the_counts_add_up(own, capsys):
    photos, index = own
    for name in ("a.mp4", "b.MP4", "notes", "@eaDir/thumb.jpg", ".hidden.png", "raw/x.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"\0\0\0\x18ftypqt  ")
    for name in ("1.HEIC", "2.jpg", "two\nlines.heif"):
        (photos / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400))
    (photos / "3.png").write_bytes(b"\0\0\0\x18ftypqt  ")
    arguments = ["index", str(photos), "--out", str(index), "-o", "device=cpu"]
    capsys.readouterr()
    assert run(search, [*arguments, "--exclude", "raw", "--exclude", "old"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("left out, since they cannot be read:")
    assert lines[start + 1].startswith("  3 files; of each: it is a HEIC photograph, ") or (
        "damaged" in lines[start + 1]
    )
    assert lines[start + 2 :] == [
        "    1.HEIC",
        "    2.jpg",
        "    two\\nlines.heif",
        "  3.png: it is a video, not a photograph: save one of its pictures as JPEG",
        "passed over by suffix: 2 .mp4, 1 without suffix",
        "passed over by name: 1 hidden, 1 in @eaDir (--include '.*' takes it in)",
        "excluded: 1 by raw, none by old, which fits nothing below the folders",
        "30 files found: 20 in the index, 4 unreadable, 3 of other kinds, 2 passed over by name, "
        "1 excluded",
    ]
    assert run(search, [*arguments, "--include", "@eadirs"]) == 0
    said = capsys.readouterr().out
    assert "as the index has it: --exclude raw --exclude old" in said
    assert "--include @eadirs fits nothing that its name keeps out" in said


def test_several_folders_may_stand_anywhere(made, tmp_path, capsys):
    _, checkpoint, photos, _ = made
    index = str(tmp_path / "index")
    first, second = str(photos / "red"), str(photos / "blue")
    arguments = ["index", first, "--out", index, "--checkpoint", checkpoint, second]
    assert run(search, [*arguments, "-o", "device=cpu"]) == 0
    assert "8 files found: 8 in the index" in capsys.readouterr().out
    assert ask(index, "a red stripe", "--top-k", "10", "--json", "-") == 0
    answer = json.loads(capsys.readouterr().out)
    names = {entry["photograph"] for entry in answer["answers"]}
    assert names == {f"{colour}/{shape}.png" for colour in ("red", "blue") for shape in SHAPES}
    assert answer["of"] == f"the 8 photographs of {first} and {second}"
    assert run(info, [index]) == 0
    assert f"red {first}, blue {second}" in capsys.readouterr().out


def test_a_folder_of_heic_alone_is_one_sentence_and_no_index(made, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    picture = tmp_path / "photos" / "IMG_1.HEIC"
    picture.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400))
    index = str(tmp_path / "index")
    capsys.readouterr()
    arguments = ["index", str(tmp_path / "photos"), "--out", index, "--checkpoint", made[1]]
    for asked in (
        arguments,
        ["query", index, "a red stripe"],
        ["query", str(made[3]), "--image", str(picture)],
    ):
        assert run(search, asked) == 2
        lines = capsys.readouterr().err.splitlines()
        said = [line for line in lines if line and "image/s]" not in line]  # but for progress
        assert len(said) == 1 and said[0].startswith("error: ")
    assert not os.path.exists(index) and "IMG_1.HEIC is " in said[0]


def test_the_index_does_not_depend_on_what_was_encoded_together(own, made):
    photos, index = own
    for shape in SHAPES:
        (photos / "red" / f"{shape}.png").rename(photos / f"{shape}.txt")
    arguments = ["index", str(photos), "--out", str(index), "-o", "device=cpu"]
    assert run(search, arguments) == 0
    for shape in SHAPES:
        (photos / f"{shape}.txt").rename(photos / "red" / f"{shape}.png")
    assert run(search, arguments) == 0
    codes = [next(place.glob("codes-*.npy")) for place in (index, made[3])]
    assert codes[0].name == codes[1].name and codes[0].read_bytes() == codes[1].read_bytes()


def test_names_that_are_no_text_and_names_that_are_html(own, tmp_path, capsys):
    photos, index = own
    odd = photos / os.fsdecode(b"\xff<b>&'\".png")
    try:
        draw_picture(odd, "yellow", "corner", (31, 64))
    except OSError:
        pytest.skip("the file system takes no such names")
    assert run(search, ["index", str(photos), "--out", str(index), "-o", "device=cpu"]) == 0
    status = ask(
        index,
        "--image",
        str(odd),
        "--top-k",
        "1",
        "--html",
        str(tmp_path / "page.html"),
        "--json",
        str(tmp_path / "a.json"),
        "--save",
        str(tmp_path / "a.png"),
    )
    assert status == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>&" not in page and "&lt;b&gt;&amp;" in page
    found = json.loads((tmp_path / "a.json").read_text())["answers"][0]["photograph"]
    assert photos / found == odd
    assert ask(index, "green <script>alert(1)</script>", "--html", str(tmp_path / "p.html")) == 0
    assert "<script>" not in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_words_that_are_not_known_are_named(made, capsys):
    assert ask(made[3], "a green zebra") == 0
    assert "not understood: zebra" in capsys.readouterr().out


def test_a_moved_checkpoint_is_asked_for_and_taken(own, made, tmp_path, capsys):
    photos, index = own
    manifest = json.loads((index / "manifest.json").read_text())
    manifest["checkpoint"] = str(tmp_path / "gone.ckpt")
    (index / "manifest.json").write_text(json.dumps(manifest))
    assert ask(index, "a green stripe") == 2
    assert "gone.ckpt" in capsys.readouterr().err
    assert ask(index, "a green stripe", "--checkpoint", made[1]) == 0


@pytest.fixture
def other(made, tmp_path):
    """Another checkpoint."""
    from vsepp.checkpoint import load_checkpoint, save_checkpoint

    contents = load_checkpoint(made[1])
    contents["model"]["image_extractor.fc.bias"] += 1
    contents.pop("format"), contents.pop("fingerprint")
    save_checkpoint(tmp_path / "other.ckpt", **contents)
    return str(tmp_path / "other.ckpt")


def test_queries_of_another_checkpoint_are_refused(own, other, capsys):
    photos, index = own
    assert ask(index, "a green stripe", "--checkpoint", other) == 2
    error = capsys.readouterr().err
    assert other in error and error.count("\n") == 1
    arguments = ["index", str(photos), "--out", str(index), "--checkpoint", other]
    assert run(search, arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert run(search, [*arguments, "--force"]) == 0
    assert "20 encoded" in capsys.readouterr().out
    assert ask(index, "a green stripe", "--checkpoint", other) == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["query"], "no index"),
        (["query", "", "a stripe"], "no index is given"),
        (["query", "INDEX"], "nothing to look for"),
        (["query", "INDEX", "   "], "nothing to look for"),
        (["query", "INDEX", "xyzzy plugh"], "vocabulary"),
        (["query", "INDEX", "!?"], "vocabulary"),
        (["query", "INDEX", "a stripe", "--image", "PHOTO"], "not both"),
        (["query", "INDEX", "--image", "none.jpg"], "none.jpg does not exist"),
        (["query", "INDEX", "--image", __file__], "not an image"),
        (["query", "INDEX", "a stripe", "--top-k", "0"], "--top-k"),
        (["query", "INDEX", "a stripe", "--save", "a.pdf"], "a.pdf"),
        (["query", "INDEX", "a stripe", "--checkpoint", "none.ckpt"], "none.ckpt"),
        (["query", "none", "a stripe"], "none is no index of photographs"),
        (["query", "INDEX", "a stripe", "--approximate"], "approximate"),
        (["query", "--dataset", "tiny"], "--image"),
        (["query", "--dataset", "tiny", "INDEX", "a stripe"], "--image"),
        (["index", "none", "--out", "INDEX"], "none"),
        (["index", "", "--out", "INDEX"], "is empty: give the folder of your photographs"),
        (["index", "PHOTOS", "--out", ""], "is empty: give the folder for the index"),
        (["index", "PHOTOS", "--out", "PHOTOS"], "other files"),
    ],
)
def test_mistakes_are_one_sentence(made, arguments, words, capsys):
    places = {
        "INDEX": str(made[3]),
        "PHOTO": str(made[2] / "red" / "square.png"),
        "PHOTOS": str(made[2]),
    }
    assert run(search, [places.get(word, word) for word in arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.startswith("error: ") and error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["index", "--out", "c"], ["query", "a", "--no"], ["find", "a"], []]
)
def test_what_is_no_command_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        run(search, arguments)
    assert caught.value.code == 2


_SIGNALLED = """
import os, signal, sys
from vsepp.cli.command import run
from vsepp.cli.info import main as info
from vsepp.cli.search import main
from vsepp.retrieval import model as inference
encode = inference.RetrievalModel.encode_pixels
done = []
def encode_pixels(self, pixels):
    if done:
        os.kill(os.getpid(), {number})
    done.append(len(pixels))
    return encode(self, pixels)
inference.RetrievalModel.encode_pixels = encode_pixels
sys.exit(run(main, {arguments!r}))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals differ there")
def test_sigterm_keeps_what_is_encoded(made, tmp_path, capsys):
    arguments = [
        "index",
        str(made[2]),
        "--out",
        str(tmp_path / "index"),
        "--checkpoint",
        made[1],
        "-o",
        "device=cpu",
    ]
    script = _SIGNALLED.format(number=int(signal.SIGTERM), arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 143 and "Traceback" not in done.stderr
    assert run(search, arguments) == 0
    printed = capsys.readouterr().out
    assert "16 had been encoded by an interrupted run" in printed and "4 encoded" in printed
    assert (
        next((tmp_path / "index").glob("codes-*.npy")).read_bytes()
        == next(made[3].glob("codes-*.npy")).read_bytes()
    )
