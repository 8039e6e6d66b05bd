"""Captions are equal word for word, and not because the vocabulary lacks the words that differ."""

import pytest
from conftest import sentences_about

from vsepp import create_dataset
from vsepp.data.dataset import open_dataset
from vsepp.data.equal_captions import equal_captions

# Each word of `common` occurs twice outside test, "zebra" and "yak" never.
TEST = ["a red dog", "A red dog.", "a red zebra", "a red yak", "a red zebra"]


@pytest.fixture
def folder(data_set):
    images = [("t0.png", "train", ["a red dog"]), ("t1.png", "train", ["a red dog"])]
    images += [("v.png", "val", sentences_about("red", "frame")[:1])]
    images += [(f"{place}.png", "test", [text]) for place, text in enumerate(TEST)]
    folder = data_set(images)
    create_dataset(str(folder.parent), "tiny", captions_per_image=1, min_word_count=1)
    return folder


def test_unknown_words_are_compared_as_they_were_written(folder):
    dataset = open_dataset(folder, "test")
    assert dataset.captions[2] == dataset.captions[3]  # to the model

    equal = equal_captions(dataset)

    assert equal.first.tolist() == [0, 1, 2, 3, 2]
    assert (equal.captions, equal.sentences) == (2, 1)


def test_captions_with_unknown_words_equal_none_where_it_is_not_known(folder):
    (folder / "test_sentences.json").unlink()

    assert equal_captions(open_dataset(folder, "test")).captions == 0
    assert equal_captions(open_dataset(folder, "train")).captions == 2


def test_preparing_counts_and_says_it(folder, capsys):
    prepared = create_dataset(str(folder.parent), "tiny", captions_per_image=1, min_word_count=1)

    said = capsys.readouterr().out
    assert prepared["splits"]["test"]["equal"] == prepared["splits"]["train"]["equal"] == 2
    assert "equal" not in prepared["splits"]["val"]
    assert (
        "tiny: 4 captions of different images are word for word equal (2 of train, 2 of test)"
        in said
    )


def test_nothing_is_said_where_all_differ(prepared, capsys):
    create_dataset(str(prepared.data_dir), "tiny", captions_per_image=5, min_word_count=0)

    assert "word for word" not in capsys.readouterr().out
