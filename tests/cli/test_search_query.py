"""``tools/search.py query`` with many sentences, and with what it finds collected in a folder."""

import json
import os

import numpy as np
import pytest
from conftest import COLOURS, SHAPES, draw_picture
from tiny import save_untrained

from vsepp import load
from vsepp.cli.command import run
from vsepp.cli.search import main as search
from vsepp.index.photographs import PhotographIndex
from vsepp.report import collecting

WORDS = ["a", *COLOURS, *SHAPES, "小狗"]
SENTENCES = ["a red square", "green stripe", "a blue frame", "小狗"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder of photographs, index): two photographs of one name among them."""
    place = tmp_path_factory.mktemp("query")
    checkpoint = save_untrained(place / "model.ckpt", WORDS)
    for colour in ("red", "green", "blue"):
        for shape in ("square", "stripe"):
            draw_picture(place / "photos" / colour / f"{shape}.png", colour, shape)
    words = ["index", str(place / "photos"), "--out", str(place / "index")]
    assert run(search, [*words, "--checkpoint", str(checkpoint), "-o", "device=cpu"]) == 0
    return place / "photos", place / "index"


@pytest.fixture
def ask(made, tmp_path, monkeypatch, capsys):
    """Ask the index: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def ask(*words):
        status = run(search, ["query", str(made[1]), *words, "-o", "device=cpu"])
        return (status, *capsys.readouterr())

    return ask


@pytest.fixture
def queries(tmp_path):
    """A file as Windows saves it: with a mark, and lines that are blank."""
    path = tmp_path / "queries.txt"
    path.write_bytes("\r\n".join(["\ufeff" + SENTENCES[0], "", *SENTENCES[1:], ""]).encode())
    return str(path)


def test_a_file_of_sentences_is_answered_as_one_by_one(ask, queries):
    status, printed, said = ask("--queries", queries, "--top-k", "4", "--json", "-")

    answers = json.loads(printed)
    assert status == 0 and [answer["query"]["text"] for answer in answers] == SENTENCES
    for sentence, answer in zip(SENTENCES, answers):
        alone = json.loads(ask(sentence, "--top-k", "4", "--json", "-")[1])
        scores = [[entry.pop("similarity") for entry in one["answers"]] for one in (answer, alone)]
        np.testing.assert_allclose(*scores, atol=1e-6)
        assert answer == alone
    assert "queries.txt: 1 blank line left out" in said and "4 sentences asked" in said


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_a_file_is_read_in_the_encoding_it_has(encoding, ask, tmp_path):
    (tmp_path / "queries.txt").write_bytes("小狗 a red square\r小狗\r".encode(encoding))

    status, printed, _ = ask("--queries", "queries.txt", "--json", "a.json")

    answers = json.loads((tmp_path / "a.json").read_text())
    assert [answer["query"]["text"] for answer in answers] == ["小狗 a red square", "小狗"]
    assert status == 0 and f"queries.txt: read as {encoding.upper()}\n" in printed


def test_each_sentence_has_its_table(ask, queries):
    _, printed, _ = ask("--queries", queries, "--top-k", "2")

    tables = printed.split("\n\n")
    assert len(tables) == len(SENTENCES)
    for sentence, table in zip(SENTENCES, tables):
        assert f"{sentence} – of the 6 photographs of" in table and "similarity" in table


def test_what_is_not_understood_is_named_and_the_rest_is_answered(ask, tmp_path):
    (tmp_path / "some.txt").write_text("zebra\na red zebra\n")

    status, printed, _ = ask("--queries", "some.txt", "--json", "answers.json")

    refused, answered = json.loads((tmp_path / "answers.json").read_text())
    assert status == 0 and "2 sentences asked, 1 not understood" in printed
    assert refused["answers"] == [] and "'zebra'" in refused["error"]
    assert len(answered["answers"]) == 6 and answered["query"]["unknown_words"] == ["zebra"]
    assert refused["error"] in printed and "not understood: zebra" in printed


def test_what_is_found_is_copied_in_its_order(ask, made, tmp_path):
    status, printed, _ = ask("a red square", "--json", "a.json", "--copy-to", "found/here")

    answers = json.loads((tmp_path / "a.json").read_text())["answers"]
    names = sorted(os.listdir(tmp_path / "found/here"))
    assert status == 0 and "6 photographs copied to found/here" in printed
    assert names == [
        f"{entry['rank']:02d}_{entry['similarity']:.3f}_{os.path.basename(entry['photograph'])}"
        for entry in answers
    ]
    for name, entry in zip(names, answers):
        copy, source = tmp_path / "found/here" / name, made[0] / entry["photograph"]
        assert copy.read_bytes() == source.read_bytes() and not copy.is_symlink()
        assert copy.stat().st_mtime == pytest.approx(source.stat().st_mtime, abs=2)


def test_links_lead_to_the_photographs(ask, made, tmp_path):
    status, printed, _ = ask("--image", str(made[0] / "red/square.png"), "--link-to", "found")

    first = tmp_path / "found" / min(os.listdir(tmp_path / "found"))
    assert status == 0 and "6 photographs linked to found" in printed
    assert first.is_symlink() and os.path.samefile(first, made[0] / "red/square.png")


def test_nothing_is_written_over(ask, tmp_path):
    assert ask("a red square", "--copy-to", "found")[0] == 0
    names = sorted(os.listdir(tmp_path / "found"))
    for name in names[:-1]:
        (tmp_path / "found" / name).unlink()
    (tmp_path / "found" / names[-1]).write_text("mine")
    (tmp_path / "found" / "letter.txt").write_text("mine")

    for option in ("--copy-to", "--link-to"):
        status, printed, error = ask("a red square", option, "found")
        assert status == 2 and f"{names[-1]} is there already" in error and printed == ""
    assert sorted(os.listdir(tmp_path / "found")) == [names[-1], "letter.txt"]  # nothing was begun
    assert (tmp_path / "found" / names[-1]).read_text() == "mine"


def test_each_sentence_has_a_folder(ask, queries, tmp_path):
    status, printed, _ = ask("--queries", queries, "--top-k", "2", "--copy-to", "found")

    assert status == 0 and "8 photographs copied to found" in printed
    expected = [f"{number:02d}_{sentence}" for number, sentence in enumerate(SENTENCES, 1)]
    assert sorted(os.listdir(tmp_path / "found")) == expected
    assert all(len(os.listdir(tmp_path / "found" / name)) == 2 for name in expected)


def test_photographs_that_are_gone_are_named(ask, made, tmp_path):
    kept = made[0].rename(made[0].with_name("away"))
    try:
        status, _, error = ask("a red square", "--link-to", "found")
        assert status == 2 and "none of the photographs that were found can be read" in error
        draw_picture(made[0] / "red" / "square.png", "red", "square")
        status, printed, _ = ask("a red square", "--copy-to", "found")
        assert status == 0 and "1 photograph copied to found" in printed
        assert (
            "cannot be read (5):" in printed and f"  {made[0] / 'green' / 'stripe.png'}" in printed
        )
        assert len(os.listdir(tmp_path / "found")) == 1
    finally:
        (made[0] / "red" / "square.png").unlink(missing_ok=True)
        for folder in (made[0] / "red", made[0]):
            if folder.is_dir():
                folder.rmdir()
        kept.rename(made[0])


def test_where_no_links_are_made_copies_are_offered(ask, monkeypatch):
    def refuse(source, target):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(collecting.os, "symlink", refuse)
    status, _, error = ask("a red square", "--link-to", "found")

    assert status == 2 and "use --copy-to instead" in error and error.count("\n") == 1


def test_long_names_are_shortened_at_their_beginning():
    (name,) = collecting.collected_names(["x/" + "狗" * 84 + ".jpg"], [0.5])
    assert name.startswith("01_0.500_狗") and name.endswith("狗.jpg")
    assert 250 < len(name.encode()) <= 255


@pytest.mark.parametrize(
    "words, said",
    [
        (["a square", "--queries", "QUERIES"], "not both"),
        (["--image", "PHOTO", "--queries", "QUERIES"], "not both"),
        (["--queries", "none.txt"], "none.txt does not exist"),
        (["--queries", "."], "cannot be read as a file"),
        (["--queries", "BLANK"], "is empty"),
        (["--queries", "ZEROS"], "holds a zero byte in line 1: save it as text"),
        (["--queries", ""], "--queries names no file"),
        (["--queries", "UNKNOWN"], "none of the words of 'zebra'"),
        (["--queries", "QUERIES", "--save", "a.png"], "--save and --html"),
        (["--queries", "QUERIES", "--html", "a.html"], "--save and --html"),
        (["a square", "--copy-to", "QUERIES"], "is a file: give --copy-to"),
        (["a square", "--link-to", ""], "--link-to is empty"),
    ],
)
def test_mistakes_are_one_sentence(words, said, ask, made, queries, tmp_path):
    (tmp_path / "blank.txt").write_text("\n \n")
    (tmp_path / "unknown.txt").write_text("zebra\n")
    (tmp_path / "zeros.txt").write_bytes("a square".encode("utf-16-le"))
    places = {
        "PHOTO": str(made[0] / "red" / "square.png"),
        "QUERIES": queries,
        "BLANK": "blank.txt",
        "UNKNOWN": "unknown.txt",
        "ZEROS": "zeros.txt",
    }

    status, _, error = ask(*(places.get(word, word) for word in words))

    assert status == 2 and said in error and error.startswith("error: ") and error.count("\n") == 1


def test_collecting_is_for_an_index_of_photographs(made, capsys):
    image = str(made[0] / "red" / "square.png")
    words = ["query", "--dataset", "tiny", "--image", image, "--copy-to", "found"]
    assert run(search, words) == 2
    assert "leave them away" in capsys.readouterr().err


class TestHubness:
    """Scores corrected by a bank of sentences."""

    @pytest.fixture
    def bank(self, tmp_path):
        path = tmp_path / "bank.txt"
        path.write_text("a red square\na green square\n\nzebra\nthe blue stripe\n", "utf-8")
        return str(path)

    def test_scores_are_corrected_as_the_whole_matrix_says(self, made, ask, bank, queries):
        status, printed, said = ask("--queries", queries, "--hubness", bank, "--json", "-")

        answers = json.loads(printed)
        sentences = ["a red square", "a green square", "the blue stripe"]
        model, index = load(made[0].parent / "model.ckpt"), PhotographIndex(made[1])
        images = np.stack([index.code(row) for row in range(len(index))]).astype(float)
        others = images @ model.encode_text(sentences).T
        hubs = others.std() / 6 * np.log(np.exp(3 * others / others.std()).sum(1))
        for sentence, answer in zip(SENTENCES, answers):
            scores = images @ model.encode_text(sentence)[0] - (hubs - hubs.mean())
            order = np.argsort(-scores)
            names = [index.manifest.photographs[row].path for row in order]
            assert [entry["photograph"] for entry in answer["answers"]] == names
            found = [entry["corrected_similarity"] for entry in answer["answers"]]
            np.testing.assert_allclose(found, scores[order], atol=1e-5)
            assert answer["hubness"] == {"bank": bank, "sentences": 3, "temperature": 3.0}
        assert status == 0 and "1 blank line left out" in said
        assert "bank.txt: 1 sentence not understood and left out, of the first: none of" in said

    def test_answers_say_that_they_are_corrected(self, ask, bank):
        _, printed, _ = ask("a red square", "--hubness", bank)
        assert f"(scores corrected for hubness by 3 sentences of {bank}, temperature 3):" in printed
        assert "rank  corrected" in printed
        assert "corrected" not in ask("a red square")[1]

    @pytest.mark.parametrize(
        "content, more, said",
        [
            ("", (), "bank.txt is empty"),
            ("zebra", (), "bank.txt: of its first sentence, none of the words of 'zebra'"),
            (None, (), "bank.txt does not exist"),
            ("a", ("--approximate",), "--hubness looks at every photograph"),
        ],
    )
    def test_a_bank_that_corrects_nothing_is_refused(self, ask, tmp_path, content, more, said):
        if content is not None:
            (tmp_path / "bank.txt").write_text(content)
        status, printed, errors = ask("a red square", "--hubness", "bank.txt", *more)
        assert status == 2 and printed == "" and f"error: {said}" in errors

    def test_photographs_that_ask_are_refused(self, made, ask, bank):
        status, _, errors = ask("--image", str(made[0] / "red/square.png"), "--hubness", bank)
        assert status == 2 and "--hubness corrects what sentences find" in errors
