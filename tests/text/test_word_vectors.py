"""Vectors of words: every format of theirs is read, and what is broken is named by its line."""

import gzip

import numpy as np
import pytest

from vsepp import InputError
from vsepp.text import word_vectors
from vsepp.text.vocabulary import Vocabulary
from vsepp.text.word_vectors import read_word_vectors

WORDS = Vocabulary.build([["dog", "Paris", "usa", "zorbel", "café"]], 0)
DOG, PARIS, USA, ZORBEL, CAFE = range(1, 6)
LINES = ["the 0.1 0.2 0.3", "dog 1 -2 3e-1", "café .5 6 7"]


@pytest.fixture
def read(tmp_path):
    def read(text, word_dim=4, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_word_vectors(path, WORDS, word_dim)

    return read


def text(*lines, header=""):
    return header + "".join(f"{line}\n" for line in lines)


FORMATS = {
    "GloVe": text(*LINES),
    "word2vec, a blank at each end": text(*(f"{line} " for line in LINES), header="3 3\n"),
    "carriage returns": text(*LINES).replace("\n", "\r\n"),
    "tabs": text(*(line.replace(" ", "\t") for line in LINES)),
    "no end of the last line": text(*LINES).rstrip(),
    "blank lines": text(*LINES) + "\n\n",
    "gzip": gzip.compress(text(*LINES).encode()),
    "a word with blanks inside": text(". . . 1 2 3", "at name@domain.com 1 2 3", *LINES),
    "bytes that are no UTF-8": b"\xff\xfe\xa0 1 2 3\n" + text(*LINES).encode(),
    "a no-break space inside a word": text("1\u00a01/2 1 2 3", *LINES),
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_formats(content, read):
    vectors = read(content)

    assert vectors.size == 3 and vectors.places == [DOG, CAFE]
    assert vectors.values.dtype == np.float32
    np.testing.assert_allclose(vectors.values, [[1, -2, 0.3], [0.5, 6, 7]])
    assert vectors.missing == ["Paris", "usa", "zorbel"]


def test_a_word_as_it_stands_goes_before_other_spellings(read):
    lines = ["DOG 9 9 9", "USA 2 2 2", "paris 4 4 4", "dog 1 1 1", "dog 8 8 8", "Usa 3 3 3"]

    vectors = read(text(*lines))

    assert vectors.places == [DOG, PARIS, USA]
    np.testing.assert_allclose(vectors.values[:, 0], [1, 4, 3])


def test_the_line_for_the_log_counts_and_names(read):
    line = read(text(*LINES)).line(word_dim=4)

    assert line.startswith("word_vectors: of the 5 words, 2 begin with their vector of ")
    assert line.endswith("(3 of 4 numbers) and 3 are missing there (Paris, usa, zorbel)")
    assert read(text(*LINES)).line(word_dim=3).count("(all numbers)") == 1


BROKEN = {
    "a number is missing": (text(*LINES, "cat 1 2"), "line 4: it is no word and 3 numbers"),
    "a number too many": (text(*LINES, "cat 1.5 2 3 4"), "line 4: it has more than 3 numbers"),
    "no number": (text("cat 1 x 3", *LINES), "line 1: not all of its numbers are numbers"),
    "two points": (text(*LINES, "usa 1 2 3.4.5"), "line 4: not all of its numbers are numbers"),
    "infinite": (text(*LINES, "usa 1 2 1e99"), "line 4: not all of its numbers are numbers"),
    "two blanks": (text(*LINES, "usa 1  3"), "line 4: not all of its numbers are numbers"),
    "binary": (b"3 3\ndog \x00\x01\x02\x03\x04\n", "line 2: it is no word and 3 numbers"),
    "no numbers at all": (text("a", "dog"), "line 1: it is no word and its numbers"),
    "too few lines": (text(*LINES, header="5 3\n"), "announces 5 words.* has 3: .*say 3 3"),
    "empty": (b"", "is empty"),
    "cut gzip": (gzip.compress(text(*LINES).encode())[:-9], "is cut short or damaged"),
    "damaged gzip": (b"\x1f\x8b\x08" + b"\x00" * 40, "is cut short or damaged"),
    "a ZIP archive": (b"PK\x03\x04" + b"\x00" * 40, "is a ZIP archive: unpack it"),
    "other words": (text("le 1 2 3", "chien 1 2 3"), "none of the 5 words of the vocabulary"),
}


@pytest.mark.parametrize("content, message", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_refused_in_one_sentence(content, message, read):
    with pytest.raises(InputError, match=message) as refused:
        read(content)

    assert str(refused.value).startswith("word_vectors: ") and "vectors.txt" in str(refused.value)


def test_the_mend_of_a_wrong_count_works(read):
    with pytest.raises(InputError, match="say 3 3"):
        read(text(*LINES, header="5 3\n"))
    assert read(text(*LINES, header="3 3\n")).places == [DOG, CAFE]


def test_more_numbers_than_there_is_room_for_are_refused_with_the_key(read):
    with pytest.raises(InputError, match="has 3 numbers and word_dim is 2: set word_dim=3"):
        read(text(*LINES), word_dim=2)
    assert read(text(*LINES), word_dim=3).size == 3


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read .*No such file.*check the path"):
        read_word_vectors(tmp_path / "nowhere.txt", WORDS, 4)


def test_a_large_file_shows_how_far_it_is(read, monkeypatch, capsys):
    monkeypatch.setattr(word_vectors, "_LARGE", 10)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    read(text(*LINES), name="big.vec")

    assert "reading big.vec" in capsys.readouterr().err


def test_a_mark_of_an_editor_before_the_first_word_is_no_part_of_it(read):
    assert read("\ufeff" + text("dog 1 2 3", *LINES)).places == [DOG, CAFE]


@pytest.mark.parametrize(
    "content, said",
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        ("8 " + "9" * 5000 + "\n" + text(*LINES), "line 1: it is no word and 3 numbers"),
        ("8 999999999999\n" + text(*LINES), "it is no word and 999,999,999,999 numbers"),
        ("dog " + "1 " * 100_000, "it is no word and 100,000 numbers"),
        ("8 3\n", "has 0: download or unpack it again, or leave word_vectors out."),
        (gzip.compress(b"0" * 20_000_000), "line 1: it is too long"),
    ],
)
def test_files_that_are_none_say_so(content, said, read):
    with pytest.raises(InputError) as raised:
        read(content, word_dim=1 << 16)
    assert said in str(raised.value)
