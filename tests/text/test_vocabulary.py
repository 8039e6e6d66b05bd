"""Words get their indices in a fixed order, and come back from the file unchanged."""

import json

import pytest

from vsepp.system.errors import InputError
from vsepp.text.vocabulary import END, PAD, START, UNK, Vocabulary, tokenize

SPECIAL = {PAD: 0, UNK: 1, START: 2, END: 3}


@pytest.mark.parametrize(
    "sentence, words",
    [
        ("A man, a plan.", ["a", "man", "a", "plan"]),
        ("T-shirt and child's_dog", ["t", "shirt", "and", "child", "s", "dog"]),
        ("Route 66!", ["route", "66"]),
        ("Ein Käfer", ["ein", "käfer"]),
        (" … ", []),
    ],
)
def test_sentences_fall_into_lower_case_words_without_punctuation(sentence, words):
    assert tokenize(sentence) == words


def test_indices_follow_first_appearance_between_pad_and_the_other_marks():
    vocabulary = Vocabulary.build([["dog", "a"], ["cat", "a"]], min_word_count=0)

    assert vocabulary.word_to_index == {
        "<pad>": 0,
        "dog": 1,
        "a": 2,
        "cat": 3,
        "<unk>": 4,
        "<start>": 5,
        "<end>": 6,
    }


def test_a_word_must_occur_more_often_than_min_word_count():
    captions = [["thrice", "twice"], ["thrice", "twice"], ["thrice", "once"]]

    assert "twice" not in Vocabulary.build(captions, 2)
    assert "thrice" in Vocabulary.build(captions, 2)
    assert len(Vocabulary.build(captions, 3)) == 4


def test_a_mark_among_the_words_does_not_get_a_second_index():
    vocabulary = Vocabulary.build([["<unk>", "dog", "<pad>"]], 0)

    assert vocabulary.words == [PAD, "dog", UNK, START, END]


def test_captions_are_wrapped_and_unknown_words_marked():
    vocabulary = Vocabulary.build([["a", "dog"]], 0)

    assert vocabulary.encode(["a", "green", "dog"]) == [4, 1, 3, 2, 5]
    assert vocabulary.encode([]) == [4, 5]


def test_decoding_leaves_out_padding_and_marks_but_shows_unknown_words():
    vocabulary = Vocabulary.build([["a", "dog"]], 0)

    assert vocabulary.decode([*vocabulary.encode(["a", "green", "dog"]), 0, 0]) == "a <unk> dog"


def test_saved_and_loaded_it_is_the_same(tmp_path):
    vocabulary = Vocabulary.build([["käfer", "小狗", "dog"]], 0)
    path = tmp_path / "new" / "vocab.json"

    vocabulary.save(path)

    assert Vocabulary.load(path).word_to_index == vocabulary.word_to_index
    assert json.loads(path.read_text(encoding="utf-8"))["小狗"] == 2


def test_changing_the_dictionary_handed_in_does_not_change_the_vocabulary():
    words = dict(SPECIAL)
    vocabulary = Vocabulary(words)

    words["dog"] = 4

    assert "dog" not in vocabulary and len(vocabulary) == 4


@pytest.mark.parametrize(
    "content",
    [
        [],
        ["<pad>"],
        {},
        {"<pad>": 0},
        {**SPECIAL, "dog": 5},
        {**SPECIAL, "dog": 3},
        {**SPECIAL, "dog": -1},
        {**SPECIAL, "dog": 4.0},
        {**SPECIAL, "dog": "4"},
        {**SPECIAL, "dog": None},
        {**SPECIAL, UNK: True},
        {**SPECIAL, PAD: 1, UNK: 0},
    ],
)
def test_a_malformed_vocabulary_is_refused_by_its_file_name(tmp_path, content):
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(content))

    with pytest.raises(InputError, match=r"vocab\.json.*tools/prepare\.py"):
        Vocabulary.load(path)


def test_a_missing_vocabulary_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match=r"vocab\.json does not exist.*tools/prepare\.py"):
        Vocabulary.load(tmp_path / "vocab.json")


def test_the_nearest_words_are_spelled_alike_and_common_ones_first():
    vocabulary = Vocabulary.build([["a", "dogs", "goes", "snow", "snowy", "does"]], 0)

    assert vocabulary.nearest("dgos") == ["dogs", "goes", "does"]
    assert vocabulary.nearest("dgos", count=1) == ["dogs"]
    assert vocabulary.nearest("snwo") == ["snow"]
    assert vocabulary.nearest("zebra") == vocabulary.nearest("") == vocabulary.nearest("pad") == []
    assert Vocabulary.build([], 0).nearest("dog") == []


def test_a_vocabulary_grows_behind_its_last_word(tmp_path):
    vocabulary = Vocabulary.build([["a", "dog"]], 0)
    captions = [["zorbel", "dog", "blick", UNK], ["blick", "zorbel"], ["once", PAD]]

    grown = vocabulary.grown(captions, 1)

    assert grown.words == [*vocabulary.words, "zorbel", "blick"]
    assert grown.encode(["a", "zorbel", "once"]) == [4, 1, 6, 3, 5]
    assert grown.decode([4, 1, 6, 7, 5]) == "a zorbel blick"
    assert grown.nearest("zorbl") == ["zorbel"]
    grown.save(tmp_path / "vocab.json")
    assert Vocabulary.load(tmp_path / "vocab.json").word_to_index == grown.word_to_index
    assert vocabulary.words == [PAD, "a", "dog", UNK, START, END]


def test_a_checksum_is_of_words_and_indices():
    vocabulary = Vocabulary.build([["a", "dog"]], 0)
    mixed = dict(reversed(vocabulary.word_to_index.items()))

    assert Vocabulary(mixed).sha256 == vocabulary.sha256
    assert Vocabulary.build([["dog", "a"]], 0).sha256 != vocabulary.sha256
