"""``tools/eval.py`` of a captioner, and of captions that another program wrote."""

import json
import shutil

import pytest
from captioners import save_captioner
from tiny import make_data, save_untrained

import vsepp
from vsepp.captioning.scoring import CaptionScorer
from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.data.dataset import open_dataset
from vsepp.text.vocabulary import SPECIAL_WORDS, Vocabulary


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the data set `tiny`, a captioner and a retrieval model of its words."""
    folder = tmp_path_factory.mktemp("place")
    make_data(folder / "data")
    words = [
        word
        for word in Vocabulary.load(folder / "data" / "tiny" / "vocab.json").words
        if word not in SPECIAL_WORDS
    ]
    save_captioner(folder / "captioner.ckpt", words)
    save_captioner(folder / "other.ckpt", words, seed=3)
    save_untrained(folder / "retrieval.ckpt", words)
    return folder


@pytest.fixture
def tool(place, tmp_path, monkeypatch, capsys):
    """Run the tool in a copy of the place: (exit status, output, errors)."""
    here = tmp_path / "here"
    shutil.copytree(place, here)
    monkeypatch.chdir(here)

    def tool(*words):
        status = run(evaluate, [*map(str, words), "--dataset", "tiny", "-o", "device=cpu"])
        return (status, *capsys.readouterr())

    return tool


def results_of(sentences, images):
    return [
        {"image_id": image.rpartition("/")[2], "caption": sentence}
        for image, sentence in zip(images, sentences)
    ]


def test_a_captioner_is_scored_and_its_captions_are_written(tool):
    status, printed, _ = tool("--checkpoint", "captioner.ckpt")

    assert status == 0
    assert "tiny, test split: 4 images, 20 references. Scores: corpus BLEU" in printed
    assert "Checkpoint: captioner.ckpt" in printed and "95 % interval" in printed
    with open("captioner.tiny_test.json", encoding="utf-8") as file:
        written = json.load(file)
    with open("captioner.tiny_test.results.json", encoding="utf-8") as file:
        results = json.load(file)
    dataset = open_dataset("data/tiny", "test")
    model = vsepp.load("captioner.ckpt")
    expected = [
        found[0].sentence
        for found in model.captions_of([dataset.photograph(number) for number in range(4)])
    ]
    assert results == results_of(expected, dataset.images)
    scores = CaptionScorer(dataset, "words").score(expected, "").metrics
    assert {name: written[name] for name in scores} == scores
    assert set(written["intervals"]) == set(scores)


def test_options_of_decoding_are_obeyed_and_named(tool):
    status, printed, _ = tool(
        "--checkpoint", "captioner.ckpt", "-o", "beam=1", "length_penalty=0.5"
    )

    assert status == 0 and "Captions: greedy, length_penalty 0.5" in printed


def test_captions_of_another_program_are_scored(tool):
    dataset = open_dataset("data/tiny", "test")
    own = [dataset.sentences()[5 * number] for number in range(4)]
    with open("theirs.json", "w", encoding="utf-8") as file:
        json.dump(results_of(own, dataset.images), file)

    status, printed, _ = tool("--results", "theirs.json", "--compare", "captioner.ckpt")

    assert status == 0 and "theirs.json, matched by their names" in printed
    with open("theirs.tiny_test.json", encoding="utf-8") as file:
        written = json.load(file)
    assert written["BLEU-1"] == pytest.approx(100)
    assert written["compare"]["checkpoint"] == "captioner.ckpt"
    assert written["compare"]["differences"]["BLEU-1"]["difference"] > 0
    assert "Difference from captioner.ckpt" in printed


def test_two_captioners_are_compared_in_pairs(tool):
    words = ["--checkpoint", "captioner.ckpt", "--compare", "other.ckpt"]
    status, printed, _ = tool(*words, "-o", "beam=2")

    assert status == 0 and "Captions: beam 2, " in printed
    assert "Difference from other.ckpt (beam 2)" in printed  # options are of both


def test_a_retrieval_model_looks_for_the_images_again(tool):
    status, printed, _ = tool("--checkpoint", "captioner.ckpt", "--retrieve", "retrieval.ckpt")

    assert status == 0 and "retrieval.ckpt looks for the image of each caption among 4" in printed
    with open("captioner.tiny_test.json", encoding="utf-8") as file:
        found = json.load(file)["retrieval"]
    assert found["made"]["R@5"] == found["people"]["R@5"] == 100
    assert found["unread"] == 0


def test_a_sentence_that_a_retrieval_model_cannot_read_finds_nothing(tool):
    dataset = open_dataset("data/tiny", "test")
    own = [dataset.sentences()[5 * number] for number in range(3)]
    with open("theirs.json", "w", encoding="utf-8") as file:
        json.dump(results_of([*own, "qwerty"], dataset.images), file)

    status, printed, _ = tool("--results", "theirs.json", "--retrieve", "retrieval.ckpt")

    assert status == 0 and "1 made caption without a word that it knows" in printed
    with open("theirs.tiny_test.json", encoding="utf-8") as file:
        found = json.load(file)["retrieval"]
    assert found["unread"] == 1
    assert found["made"]["R@5"] == found["made"]["R@10"] == 75  # though there are but 4 images


def test_people_s_captions_are_found_as_a_retrieval_model_is_scored(tool):
    dataset = open_dataset("data/tiny", "test")
    own = [dataset.sentences()[5 * number] for number in range(4)]
    with open("theirs.json", "w", encoding="utf-8") as file:
        json.dump(results_of(own, dataset.images), file)
    assert tool("--results", "theirs.json", "--retrieve", "retrieval.ckpt")[0] == 0
    with open("theirs.tiny_test.json", encoding="utf-8") as file:
        people = json.load(file)["retrieval"]["people"]

    tool("--checkpoint", "retrieval.ckpt")

    with open("retrieval.tiny_test.json", encoding="utf-8") as file:
        plain = json.load(file)["t2i"]
    assert people == {name: pytest.approx(plain[name]) for name in people}


def test_a_retrieval_model_chooses_among_candidates(tool):
    status, printed, _ = tool(
        "--checkpoint", "captioner.ckpt", "--rerank", "retrieval.ckpt", "-o", "beam=4"
    )

    assert status == 0 and printed.count("captions ") >= 2
    assert "beam 4, of 4 the nearest by retrieval.ckpt" in printed
    with open("captioner.tiny_test_rerank.results.json", encoding="utf-8") as file:
        chosen = [each["caption"] for each in json.load(file)]
    captioner, retrieval = vsepp.load("captioner.ckpt"), vsepp.load("retrieval.ckpt")
    dataset = open_dataset("data/tiny", "test")
    for number, sentence in enumerate(chosen):
        photograph = dataset.photograph(number)
        candidates = captioner.caption([photograph], beam=4, captions=4)[0]
        similarities = retrieval.similarity([photograph], candidates)[0]
        assert similarities[candidates.index(sentence)] >= similarities.max() - 1e-5


@pytest.mark.parametrize(
    "words, told",
    [
        (["--checkpoint", "captioner.ckpt", "--folds"], "--folds is of a retrieval model"),
        (["--checkpoint", "captioner.ckpt", "--hubness"], "--hubness is of a retrieval model"),
        (["--checkpoint", "retrieval.ckpt", "--retrieve", "best"], "is a retrieval model: give a"),
        (["--checkpoint", "captioner.ckpt", "--retrieve", "other.ckpt"], "other.ckpt is a captio"),
        (["--checkpoint", "captioner.ckpt", "--compare", "retrieval.ckpt"], "is a retrieval mod"),
        (["--checkpoint", "captioner.ckpt", "--candidates", "3"], "--candidates goes with --rera"),
        (
            ["--checkpoint", "captioner.ckpt", "--rerank", "retrieval.ckpt", "--candidates", "0"],
            "--candidates must be at least 1, not 0",
        ),
        (["--results", "nowhere.json"], "nowhere.json does not exist"),
        (["--results", "r.json", "--rerank", "retrieval.ckpt"], "leave one of them out"),
        (["--results", "r.json", "--checkpoint", "captioner.ckpt"], "checkpoint with --compare"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(tool, words, told):
    status, _, errors = tool(*words)

    assert status == 2 and told in errors and errors.count("\n") == 1


def test_nothing_that_is_read_is_written_over(tool):
    dataset = open_dataset("data/tiny", "test")
    with open("theirs.json", "w", encoding="utf-8") as file:
        json.dump(results_of(["a"] * 4, dataset.images), file)
    shutil.copy("theirs.json", "captioner.tiny_test.results.json")

    for words in (
        ("--results", "theirs.json", "--json", "theirs.json"),
        ("--checkpoint", "captioner.ckpt", "--json", "captioner.ckpt"),
        ("--checkpoint", "captioner.ckpt", "--compare", "captioner.tiny_test.results.json"),
    ):
        status, _, error = tool(*words)
        assert status == 2 and "is read, and would be written over: give another file" in error


@pytest.mark.parametrize(
    "words, said",
    [
        (("--retrieve", "none.ckpt"), "none.ckpt does not exist"),
        (("--retrieve", "captioner.ckpt"), "is a captioner"),
        (("--rerank", "none.ckpt"), "none.ckpt does not exist"),
        (("--compare", "none.ckpt"), "none.ckpt does not exist"),
        (("--compare", "none.json"), "none.json does not exist"),
        (("--rerank", "retrieval.ckpt", "--candidates", 0), "--candidates must be at least 1"),
    ],
)
def test_a_mistake_is_said_before_a_caption_is_made(words, said, tool, monkeypatch):
    monkeypatch.setattr("vsepp.captioning.evaluation.caption_split", None)

    status, _, error = tool("--checkpoint", "captioner.ckpt", *words)

    assert status == 2 and said in error
