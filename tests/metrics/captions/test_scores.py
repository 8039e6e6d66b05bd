import numpy as np
import pytest
from slow_captions import random_captions

import vsepp
from vsepp.metrics.captions.scores import CaptionReferences

NAMES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"]
CANDIDATES = ["a dog runs on grass", "two cats sit here"]
REFERENCES = [["A dog is running on grass.", "a brown dog"], ["Two cats sit.", "cats"]]


def test_scores_have_the_names_of_the_literature():
    result = vsepp.caption_scores(CANDIDATES, REFERENCES)

    assert list(result) == NAMES
    assert all(type(value) is float and 0 <= value <= 1000 for value in result.values())


def test_tokenized_sentences_are_compared_as_they_are():
    lists = [sentence.split() for sentence in CANDIDATES]
    references = [[sentence.split() for sentence in image] for image in REFERENCES]
    texts = [[" ".join(words) for words in image] for image in references]

    by_lists = vsepp.caption_scores(lists, references, tokenized=True)
    assert by_lists == vsepp.caption_scores(CANDIDATES, texts, tokenized=True)
    # "A" is not "a" then, nor "grass." "grass".
    assert by_lists["BLEU-1"] < vsepp.caption_scores(CANDIDATES, REFERENCES)["BLEU-1"]


def test_any_ordered_collection_does():
    expected = vsepp.caption_scores(CANDIDATES, REFERENCES)

    assert vsepp.caption_scores(np.array(CANDIDATES), map(tuple, REFERENCES)) == expected


def test_what_has_no_word_scores_0_and_crashes_nothing():
    assert vsepp.caption_scores(["", "..."], REFERENCES) == dict.fromkeys(NAMES, 0.0)
    assert vsepp.caption_scores(["a dog"], [["."]]) == dict.fromkeys(NAMES, 0.0)
    assert vsepp.caption_scores([""], [[""]]) == dict.fromkeys(NAMES, 0.0)
    one = vsepp.caption_scores(["", CANDIDATES[1]], REFERENCES)
    assert 0 < one["BLEU-1"] < 100


def test_references_prepared_once_score_many_candidates():
    candidates, references = random_captions()
    prepared = CaptionReferences(references, tokenized=True)

    for some in (candidates, candidates[::-1]):
        expected = vsepp.caption_scores(some, references, tokenized=True)
        assert prepared.score(some).scores() == expected
    assert (len(prepared), prepared.sentences) == (30, sum(map(len, references)))


@pytest.mark.parametrize(
    "candidates, references, tokenized, message",
    [
        ([], [], False, "no images to score"),
        (["a"], [["a"], ["b"]], False, "1 candidate for the references of 2 images: give one"),
        ("a dog", [["a dog"]], False, "candidates is a str: give a list"),
        (["a dog"], ["a dog"], False, r"references\[0\] is a str: give a list"),
        (["a dog"], "a dog", False, "references is a str: give a list"),
        (["a dog"], [[]], False, r"references\[0\] is empty: give each image one"),
        (None, [["a"]], False, "candidates is None"),
        ([None], [["a"]], False, r"candidates\[0\] is None, not a sentence: give a str"),
        (["a"], [[7]], False, r"references\[0\]\[0\] is an int, not a sentence"),
        ([["a", "dog"]], [["a dog"]], False, r"candidates\[0\] is a list.*tokenized=True"),
        ([["a", 7]], [["a dog"]], True, r"candidates\[0\] holds something that is no str"),
        ([7], [["a dog"]], True, r"candidates\[0\] is an int"),
        ({"a": 1}, [["a dog"]], False, "candidates is a dict"),
        (["a"], [{"a", "b"}], False, r"references\[0\] is a set"),
    ],
)
def test_what_is_no_set_of_captions_is_refused_in_a_sentence(
    candidates, references, tokenized, message
):
    with pytest.raises(vsepp.InputError, match=message) as error:
        vsepp.caption_scores(candidates, references, tokenized)
    assert "\n" not in str(error.value)
