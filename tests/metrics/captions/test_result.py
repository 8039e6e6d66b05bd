import json

import pytest

import vsepp
from vsepp.metrics.captions.result import evaluate_captions
from vsepp.metrics.captions.scores import CaptionReferences
from vsepp.metrics.captions.statistics import caption_intervals, compare_captions
from vsepp.metrics.captions.summary import summarise_captions

CANDIDATES = ["a dog runs on grass", "two cats sit here", ""]
REFERENCES = [["A dog is running on grass.", "a brown dog"], ["Two cats sit.", "cats"], ["a man"]]
ABOUT = {"dataset": "tiny", "split": "test", "source": "beam 5"}


def evaluated(candidates=CANDIDATES, **more):
    return evaluate_captions(candidates, REFERENCES, **ABOUT, **more)


def test_a_result_says_what_was_scored_and_how():
    written = evaluated(checkpoint="a.ckpt", fingerprint="f00").to_dict()

    scores = vsepp.caption_scores(CANDIDATES, REFERENCES)
    assert list(written.items()) == [
        ("dataset", "tiny"),
        ("split", "test"),
        ("images", 3),
        ("references", 5),
        ("protocol", "corpus BLEU with brevity penalty, closest reference; full stops not counted"),
        ("tokenizer", "lower case, 's and n't split off, marks dropped, hyphens kept"),
        ("checkpoint", "a.ckpt"),
        ("fingerprint", "f00"),
        ("source", "beam 5"),
        ("distinct", 3),
        ("empty", 1),
        ("words", 9),
        ("reference_words", 11),
        ("brevity_penalty", pytest.approx(2.718281828 ** (1 - 11 / 9))),
        *scores.items(),
    ]
    assert json.loads(json.dumps(written)) == written


def test_given_words_are_named_with_what_cut_them_and_their_full_stops():
    dotted = evaluate_captions(["a dog ."], [["a dog ."]], tokenized=True, tokenizer="jieba")
    plain = evaluate_captions(["a dog"], CaptionReferences([["a dog"]], tokenized=True))

    assert dotted.protocol.endswith("; full stops counted") and dotted.tokenizer == "jieba"
    assert plain.protocol.endswith("; full stops not counted")
    assert plain.tokenizer == "words as they were given"


def test_intervals_and_a_comparison_come_after_the_scores():
    ours, other = evaluated(), evaluated(["a dog", "a cat", "a man"], checkpoint="b.ckpt")

    written = ours.with_intervals().compared_with(other).to_dict()

    assert list(written)[-4:] == ["CIDEr-D", "bootstrap", "intervals", "compare"]
    assert written["bootstrap"] == {
        "resampled": "images; the IDF of CIDEr-D stays that of all images",
        "draws": 1000,
        "level": 95,
        "seed": 0,
    }
    assert written["intervals"] == caption_intervals(ours.statistics)
    assert written["compare"] == {
        "checkpoint": "b.ckpt",
        "source": "beam 5",
        **other.metrics,
        "differences": compare_captions(ours.statistics, other.statistics),
    }


def test_runs_are_summarised_when_they_belong_together():
    results = [
        evaluated(candidates, fingerprint=str(place)).to_dict()
        for place, candidates in enumerate([CANDIDATES, ["a dog", "cats", "a man"]])
    ]

    summary = summarise_captions(results)

    first, second = (result["BLEU-1"] for result in results)
    assert summary["BLEU-1"]["mean"] == pytest.approx((first + second) / 2)
    assert summary["BLEU-1"]["std"] == pytest.approx(abs(first - second) / 2**0.5)
    assert (summary["runs"], summary["source"], summary["references"]) == (2, "beam 5", 5)
    with pytest.raises(vsepp.InputError, match="two results or more"):
        summarise_captions(results[:1])
    with pytest.raises(vsepp.InputError, match="of the same weights"):
        summarise_captions([results[0], results[0]])
    greedy = {**results[1], "source": "greedy"}
    with pytest.raises(vsepp.InputError, match="result 1 and result 2 differ in source"):
        summarise_captions([results[0], greedy])
    with pytest.raises(vsepp.InputError, match="result 2 is not a result of"):
        summarise_captions([results[0], {"i2t": {}}])
