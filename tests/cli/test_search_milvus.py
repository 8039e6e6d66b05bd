"""``search.py`` and ``demo.py`` with an index in Milvus Lite, and of codes made elsewhere."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import COLOURS, SHAPES, draw_picture
from tiny import save_untrained

from vsepp.checkpoint import read_header
from vsepp.cli.command import run
from vsepp.cli.demo import main as demo
from vsepp.cli.search import main as search

pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite")

ON_CPU = ["-o", "device=cpu"]
WORDS = ["a", "green", "stripe", "dog"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(checkpoint, folder of photographs, index of them, the options of one in Milvus)."""
    place = tmp_path_factory.mktemp("milvus")
    checkpoint = str(save_untrained(place / "best.ckpt", WORDS))
    for colour in COLOURS:
        for shape in SHAPES:
            draw_picture(place / "photos" / colour / f"{shape}.png", colour, shape)
    options = ["--store", "milvus", "--uri", str(place / "photos.db")]
    index = ["index", str(place / "photos"), "--checkpoint", checkpoint, *ON_CPU]
    assert run(search, [*index, "--out", str(place / "index")]) == 0
    assert run(search, [*index, *options]) == 0
    return checkpoint, place / "photos", place / "index", options


def answer(place, *words):
    file = place / "answer.json"
    assert run(search, ["query", *words, "--json", str(file), *ON_CPU]) == 0
    return json.loads(file.read_text())


@pytest.mark.parametrize("asked", ["sentence", "image"])
def test_answers_are_those_of_the_folder(made, tmp_path, asked):
    _, photos, index, options = made
    words = ["a green stripe"]
    if asked == "image":
        words = ["--image", str(next(photos.glob("*/*.png")))]
    assert answer(tmp_path, *words, *options) == answer(tmp_path, str(index), *words)


def test_a_second_run_finds_the_checkpoint_and_does_nothing(made, capsys):
    _, photos, _, options = made
    assert run(search, ["index", str(photos), *options, *ON_CPU]) == 0
    out = capsys.readouterr().out
    assert out.startswith("the collection vsepp of ")
    count = len(list(photos.glob("*/*.png")))
    assert f"(0 new, 0 changed, 0 gone, {count} unchanged, 0 unreadable)" in out


def test_the_demo_searches_it(made, monkeypatch, capsys):
    from vsepp.demo import server

    served = []

    def make_server(answers, folder, ready, api, captions):
        ready()
        found = answers.search_by_sentence("a green stripe", 3).found
        served.append((found, answers.more_like(found[0].place, 2).found))
        return SimpleNamespace(run=lambda sockets: None)

    monkeypatch.setattr(server, "make_server", make_server)
    monkeypatch.setattr(server, "import_gradio", lambda: None)
    _, _, index, options = made
    for where in (options, ["--index", str(index)]):
        assert run(demo, [*where, "--port", "0", *ON_CPU]) == 0
    assert served[0] == served[1] and len(served[0][0]) == 3
    assert capsys.readouterr().out.count("searching ") == 2


def test_codes_made_elsewhere_are_indexed_and_found(made, tmp_path, capsys):
    checkpoint, photos, index, _ = made
    from vsepp.index.photographs import PhotographIndex

    own = PhotographIndex(index)
    np.save(tmp_path / "codes.npy", np.stack([own.code(row) for row in range(len(own))]))
    names = [own.photograph(row).path for row in range(len(own))]
    (tmp_path / "names.json").write_text(json.dumps(names))
    given = ["--codes", str(tmp_path / "codes.npy"), "--names", str(tmp_path / "names.json")]
    words = ["--out", str(tmp_path / "given"), "--checkpoint", checkpoint, *given]
    assert run(search, ["index", str(photos), *words, *ON_CPU]) == 0
    assert f"({len(own)} new, 0 changed" in capsys.readouterr().out
    found = answer(tmp_path, str(tmp_path / "given"), "a green stripe")
    assert found == answer(tmp_path, str(index), "a green stripe")


@pytest.mark.parametrize(
    "words, said",
    [
        (["index", "."], "--out, or --store milvus"),
        (["index", ".", "--store", "milvus"], "needs --uri"),
        (["index", ".", "--out", "x", "--uri", "a.db"], "--uri is for --store milvus"),
        (["index", ".", "--out", "x", "--store", "milvus", "--uri", "a.db"], "--out is the folder"),
        (["index", "--out", "x", "--codes", "a.npy"], "--codes and --names go together"),
        (["index", "gone", "--store", "milvus", "--uri", "a.db"], "gone does not exist"),
        (["query", "a dog", "--uri", "a.db"], "--uri is for --store milvus"),
        (["query", "--store", "milvus", "--uri", "a.db"], "nothing to look for"),
        (["query", "a dog", "--store", "milvus", "--uri", "a.txt"], "a.txt names no Milvus"),
        (
            ["query", "a dog", "--store", "milvus", "--uri", "a.db", "--approximate"],
            "leave --approximate away",
        ),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert run(search, words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and said in error
    assert list(tmp_path.iterdir()) == []


def test_another_checkpoint_and_an_empty_milvus_are_refused(made, tmp_path, capsys):
    checkpoint, photos, _, options = made
    empty = [*options, "--collection", "other"]
    assert run(search, ["query", "a dog", *empty, *ON_CPU]) == 2
    assert "has no index of photographs in a collection other" in capsys.readouterr().err
    assert run(demo, [*options, "--index", "x"]) == 2
    assert "leave it away with --store milvus" in capsys.readouterr().err
    seen = read_header(checkpoint)["fingerprint"][:12]
    other = ["--checkpoint", str(save_untrained(tmp_path / "other.ckpt", WORDS[:2]))]
    for words in (["index", str(photos)], ["query", "a dog"]):
        assert run(search, [*words, *options, *other, *ON_CPU]) == 2
        error = capsys.readouterr().err
        assert "the collection vsepp of" in error and seen in error and error.count("\n") == 1
