"""Sentences as the tokens of a pretrained encoder."""

import sys

import pytest

pytest.importorskip("tokenizers")

from vsepp.system.errors import InputError
from vsepp.text.subwords import SubwordReader
from vsepp.text.tokenizer_definition import wordpiece_definition

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENS = [*SPECIAL, "a", "dog", "run", "##s", "cafe", "狗", "."]
PAD, UNK, CLS, SEP, MASK, A, DOG, RUN, S, CAFE, GOU, STOP = range(len(TOKENS))


def reader(longest=10, **options):
    definition = wordpiece_definition(TOKENS, SPECIAL, **options)
    return SubwordReader(definition, "[CLS]", "[SEP]", longest, "[UNK]", "[MASK]")


def test_sentences_are_cut_into_known_pieces():
    assert reader().indices(["A dog runs.", "Café 狗狗"]) == [
        [CLS, A, DOG, RUN, S, STOP, SEP],
        [CLS, CAFE, GOU, GOU, SEP],
    ]
    assert reader().size == len(TOKENS)


def test_what_no_piece_spells_is_named():
    words = reader()

    assert words.indices(["a cat runs"]) == [[CLS, A, UNK, RUN, S, SEP]]
    assert words.unknown_words("a Cat runs") == ["Cat"]
    assert "Cat" in words.explain_unknown("a Cat runs") and not words.explain_unknown("a dog")
    assert words.knows_some("a cat") and not words.knows_all("a cat")
    assert words.knows_all("dogs") and not words.knows_all("") and not words.knows_some("cat")
    assert words.nearest_words("dgo") == []


@pytest.mark.parametrize("sentence", ["", "cat", "\ud800"])
def test_a_sentence_of_nothing_known_is_refused(sentence):
    with pytest.raises(InputError, match="knows none"):
        reader().indices(["a dog", sentence])


def test_a_data_set_may_have_such_sentences():
    captions, unknown = reader().read_anew(["", "a cat"])

    assert captions == [[CLS, SEP], [CLS, A, UNK, SEP]] and unknown == 1 / 2


def test_a_long_sentence_keeps_its_end_and_it_is_said_once_with_the_count(capsys):
    words = reader(longest=5)
    long = "a dog a dog a dog"

    cut = words.indices([long, "a", long])
    assert cut[0] == cut[2] == [CLS, A, DOG, A, SEP]
    assert words.indices([long]) == cut[:1]
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert "2 of 3 sentences" in said.err and "5 tokens" in said.err
    words.read_anew([long, "a"])  # another data set has its own count
    assert "1 of 2 sentences" in capsys.readouterr().err


def test_what_a_checkpoint_holds_makes_the_same_reader():
    words = reader(longest=7, lowercase=False)

    again = SubwordReader.from_contents(words.contents(), "x.ckpt")

    assert again.is_of(words.contents()) and not again.is_of(reader().contents())
    assert again.indices(["a dog"]) == words.indices(["a dog"]) and again.longest == 7
    assert (again.mask, again.unknown, again.start, again.end) == (MASK, UNK, CLS, SEP)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"definition": None}, "lacks its tokenizer"),
        ({"longest": True}, "lacks its tokenizer"),
        ({"unknown": 7}, "malformed tokenizer"),
        ({"definition": "{}"}, "x.ckpt is no tokenizer"),
        ({"start": "<s>"}, "x.ckpt lacks the token <s>"),
        ({"longest": 2}, "takes 2 tokens"),
    ],
)
def test_a_damaged_one_is_refused(changes, said):
    contents = {"subwords": {**reader().contents()["subwords"], **changes}}

    with pytest.raises(InputError, match=said):
        SubwordReader.from_contents(contents, "x.ckpt")


def test_indices_from_elsewhere_are_looked_at():
    words = reader(longest=4)

    words.check_indices([[CLS, A, SEP]])
    with pytest.raises(InputError, match="index 12"):
        words.check_indices([[12]])
    with pytest.raises(InputError, match="has 5 tokens"):
        words.check_indices([[CLS, A, A, A, SEP]])


def test_a_sentence_comes_back():
    words = reader()

    assert words.decode(words.indices(["A dog runs."])[0]) == "a dog runs."


def test_the_package_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)

    with pytest.raises(InputError, match="`pip install tokenizers`"):
        reader()
