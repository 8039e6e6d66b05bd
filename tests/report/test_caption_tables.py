import json

from vsepp.metrics.captions.result import evaluate_captions
from vsepp.metrics.captions.summary import summarise_captions
from vsepp.report.caption_tables import (
    caption_comparison_table,
    caption_summary_table,
    caption_table,
)

REFERENCES = [["A dog is running on grass.", "a brown dog"], ["Two cats sit.", "cats"]]


def evaluated(candidates=("a dog runs on grass", "two cats sit here"), **about):
    return evaluate_captions(candidates, REFERENCES, dataset="tiny", split="test", **about)


def test_a_table_names_everything_that_its_scores_depend_on():
    result = evaluated(checkpoint="model/best.ckpt", source="beam 5")

    assert caption_table(result, "beam 5").splitlines() == [
        "tiny, test split: 2 images, 4 references. Scores: corpus BLEU with brevity penalty, "
        "closest reference; full stops not counted. Words: lower case, 's and n't split off, "
        "marks dropped, hyphens kept.",
        "Checkpoint: model/best.ckpt",
        "Captions: beam 5, 2 of 2 different, 4.5 words each, brevity penalty 1.000.",
        "",
        "        BLEU-1  BLEU-2  BLEU-3  BLEU-4  ROUGE-L  CIDEr-D",
        "------  ------  ------  ------  ------  -------  -------",
        "beam 5    77.8    66.7    44.6     0.0     79.8    278.0",
    ]
    assert caption_table(json.loads(json.dumps(result.to_dict()))) == caption_table(result)


def test_intervals_stand_below_and_say_what_they_are_of():
    lines = caption_table(evaluated().with_intervals()).splitlines()

    assert lines[-3].startswith("  95 % interval  [") and lines[-3].count("[") == 6
    assert lines[-1] == "Intervals: bootstrap over images; the IDF of CIDEr-D stays that of all."


def test_what_is_wrong_with_all_captions_is_said():
    line = caption_table(evaluated(["", ""])).splitlines()[1]

    assert line == (
        "Captions: 1 of 2 different, 0.0 words each, brevity penalty 0.000, 2 without a word, "
        "which score 0."
    )


def test_differences_have_a_sign_and_intervals():
    result = evaluated().compared_with(evaluated(["a dog", "a cat"]))

    table = caption_comparison_table(result.comparison["differences"], "other.ckpt")

    lines = table.splitlines()
    assert lines[0] == (
        "Difference from other.ckpt (positive: that one is worse), paired bootstrap:"
    )
    assert lines[4].startswith("difference") and lines[4].split()[4] == "0.0"
    assert lines[4].split()[1].startswith("+")
    assert lines[5].startswith("  95 % interval  [")


def test_runs_are_shown_as_mean_and_spread():
    results = [
        evaluated(fingerprint="a", source="beam 5").to_dict(),
        evaluated(["a dog", "cats"], fingerprint="b", source="beam 5").to_dict(),
    ]

    lines = caption_summary_table(summarise_captions(results)).splitlines()

    assert lines[1] == "Mean ± sample standard deviation of 2 runs, beam 5."
    assert lines[-1].startswith("captions") and lines[-1].count("±") == 6
