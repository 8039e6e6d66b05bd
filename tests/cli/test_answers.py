"""``tools/eval.py`` and ``tools/infer.py`` over a model trained on twenty pictures."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny import make_config, make_data

from vsepp import calc_recall, load, train
from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.cli.infer import main as infer
from vsepp.retrieval.gallery import open_gallery
from vsepp.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(data_dir, checkpoint) of a short run over stored features."""
    folder = tmp_path_factory.mktemp("answers")
    data_dir = make_data(folder / "data")
    config = make_config(data_dir, folder, num_epochs=6)
    train(config)
    return data_dir, config.path("best_checkpoint")


@pytest.fixture
def arguments(trained, tmp_path):
    """Arguments for a tool, with the checkpoint in a folder of the test's own."""
    data_dir, checkpoint = trained
    own = tmp_path / "model.ckpt"
    shutil.copy(checkpoint, own)
    return [
        "--dataset",
        "tiny",
        "--data-dir",
        data_dir,
        "--checkpoint",
        str(own),
        "-o",
        "device=cpu",
    ]


def test_eval_prints_and_writes_the_scores_of_the_codes(arguments, tmp_path, capsys):
    path = tmp_path / "scores.json"
    assert run(evaluate, [*arguments, "--json", str(path)]) == 0
    scores = json.loads(path.read_text())
    printed = capsys.readouterr().out
    assert "tiny, test split: 4 images, 20 sentences" in printed
    assert f"rsum {scores['rsum']:.1f}" in printed

    model = load(arguments[5])
    gallery = open_gallery(model, f"{arguments[3]}/tiny", "test")
    recalls = calc_recall(np.repeat(gallery.images, 5, axis=0), gallery.texts, 5)
    found = [scores[way][f"R@{k}"] for k in (1, 5, 10) for way in ("i2t", "t2i")]
    np.testing.assert_allclose(found, recalls)


def test_eval_goes_beside_the_checkpoint_by_default(arguments, tmp_path):
    assert run(evaluate, [*arguments, "--split", "val"]) == 0
    assert json.loads((tmp_path / "model.tiny_val.json").read_text())["split"] == "val"


def test_eval_without_one_whole_fold_is_refused(arguments, capsys):
    assert run(evaluate, [*arguments, "--folds"]) == 2
    assert "1000" in capsys.readouterr().err.replace(",", "")


class TestCarefulScores:
    """Intervals, ranks, comparisons, ensembles and summaries of ``tools/eval.py``."""

    @pytest.fixture
    def score(self, arguments, tmp_path, capsys):
        """Run the tool: (what it wrote as JSON, what it printed)."""

        def run_it(*more):
            path = tmp_path / "scores.json"
            assert run(evaluate, [*arguments, "--json", str(path), *more]) == 0
            return json.loads(path.read_text()), capsys.readouterr().out

        return run_it

    @pytest.fixture
    def other(self, arguments, tmp_path):
        """Another checkpoint for the same data: its image encoder is disturbed."""
        from vsepp.checkpoint import load_checkpoint, save_checkpoint

        path = tmp_path / "other.ckpt"
        contents = load_checkpoint(arguments[5])
        bias = contents["model"]["image_extractor.fc.bias"]
        bias += np.random.default_rng(0).normal(size=bias.shape).astype(bias.dtype)
        contents.pop("format"), contents.pop("fingerprint")
        save_checkpoint(path, **contents)
        return str(path)

    def test_intervals_are_printed_and_written(self, score):
        scores, printed = score()
        for way in ("i2t", "t2i"):
            for name, (low, high) in scores["intervals"][way].items():
                assert low <= scores[way][name] <= high
        assert printed.count("95 % interval") == 3
        assert scores["bootstrap"]["draws"] == 1000 and scores["bootstrap"]["level"] == 95
        assert "Protocol: all 4 images." in printed and scores["protocol"] == "all 4 images"

    def test_intervals_can_be_left_out(self, score):
        scores, printed = score("--no-intervals")
        assert "intervals" not in scores and "95 %" not in printed

    def test_both_medians_are_written_and_ours_is_printed(self, score):
        scores, printed = score()
        for way in ("i2t", "t2i"):
            assert scores[way]["Med r"] <= scores[way]["Med r (authors)"]
        assert "authors" not in printed

    def test_ranks_of_every_query_are_saved(self, score, arguments, tmp_path):
        scores, _ = score("--ranks", str(tmp_path / "ranks.npz"))
        with np.load(tmp_path / "ranks.npz", allow_pickle=False) as saved:
            for way, count in (("i2t", 4), ("t2i", 20)):
                assert saved[way].shape == (count,)
                for k in (1, 5, 10):
                    assert 100 * np.mean(saved[way] < k) == pytest.approx(scores[way][f"R@{k}"])
            assert (saved["dataset"], saved["split"]) == ("tiny", "test")
            assert saved["checkpoint"] == arguments[5]
            assert saved["fingerprint"] == scores["fingerprint"]

    def test_a_checkpoint_does_not_differ_from_itself(self, score, arguments):
        scores, printed = score("--compare", arguments[5])
        differences = scores["compare"]["differences"]
        for cell in (
            *differences["i2t"].values(),
            *differences["t2i"].values(),
            differences["rsum"],
        ):
            assert cell == {"difference": 0, "interval": [0, 0]}
        assert "rsum 0.0  95 % interval [0.0, 0.0]" in printed

    def test_a_comparison_is_this_one_less_the_other(self, score, other):
        scores, printed = score("--compare", other)
        compared = scores["compare"]
        assert compared["checkpoint"] == other and f"Difference from {other}" in printed
        assert compared["fingerprint"] != scores["fingerprint"]
        assert compared["differences"]["rsum"]["difference"] == pytest.approx(
            scores["rsum"] - compared["rsum"]
        )
        assert compared["rsum"] != scores["rsum"]

    def test_an_ensemble_with_itself_is_the_model(self, score, arguments):
        alone, _ = score()
        together, printed = score("--ensemble", arguments[5])
        for name in ("i2t", "t2i", "rsum", "intervals"):
            assert together[name] == alone[name]
        assert together["ensemble"] == [arguments[5]] * 2
        assert f"Ensemble, mean of similarities: {arguments[5]}, {arguments[5]}" in printed

    def test_an_ensemble_ranks_by_the_mean_of_the_similarities(
        self, score, arguments, other, tmp_path
    ):
        score("--ensemble", other, "--ranks", str(tmp_path / "ranks.npz"))
        table = 0
        for path in (arguments[5], other):
            gallery = open_gallery(load(path), f"{arguments[3]}/tiny", "test")
            table = table + gallery.images.astype(float) @ gallery.texts.astype(float).T
        with np.load(tmp_path / "ranks.npz") as saved:
            for caption, rank in enumerate(saved["t2i"]):
                wrong = np.delete(table[:, caption], caption // 5)
                assert rank == (wrong >= table[caption // 5, caption]).sum()

    def test_protocols_and_ensembles_do_not_write_over_each_other(self, arguments, other, tmp_path):
        assert run(evaluate, [*arguments, "--ensemble", other]) == 0
        assert (tmp_path / "model.tiny_test_ensemble.json").exists()
        assert not (tmp_path / "model.tiny_test.json").exists()

    @pytest.mark.parametrize(
        "given, name, chosen_on",
        [((), "(chosen on val)", "val"), (("2.5",), "temperature 2.5 (given by hand)", None)],
    )
    def test_hubness_correction_is_said_apart(self, score, other, given, name, chosen_on):
        plain, without = score("--compare", other)
        scores, printed = score("--compare", other, "--hubness", *given)

        corrected = scores.pop("hubness")
        assert scores == plain and "with hubness" not in without
        (line,) = [line for line in printed.splitlines() if "with hubness" in line]
        assert printed.replace(f"\n{line}\n", "") == without
        assert line.startswith("with hubness correction, temperature") and name in line
        assert f"rsum {corrected['rsum']:.1f}; " in line
        assert line.endswith(
            "uses the other queries of the split; not comparable with plain results"
        )
        assert (
            corrected["chosen_on"] == chosen_on and corrected["i2t"].keys() == plain["i2t"].keys()
        )

    def test_a_temperature_chosen_on_the_split_itself_is_said_to_be(self, score):
        _, printed = score("--hubness", "--split", "val")
        assert "(chosen on val, the split itself)" in printed

    def test_without_validation_the_temperature_is_given(self, arguments, tmp_path, capsys):
        shutil.copytree(f"{arguments[3]}/tiny", tmp_path / "tiny")
        (tmp_path / "tiny" / "val_data.json").unlink()
        arguments[3] = str(tmp_path)
        assert run(evaluate, [*arguments, "--hubness"]) == 2
        assert "by hand, such as --hubness 3." in capsys.readouterr().err
        assert run(evaluate, [*arguments, "--hubness", "3"]) == 0

    @pytest.mark.parametrize("wrong", ["0", "-2", "warm", "nan", ""])
    def test_a_wrong_temperature_is_refused(self, arguments, capsys, wrong):
        assert run(evaluate, [*arguments, f"--hubness={wrong}"]) == 2
        assert capsys.readouterr().err.startswith("error: --hubness")

    def test_a_missing_checkpoint_to_compare_with_is_named(self, arguments, capsys):
        assert run(evaluate, [*arguments, "--compare", "none.ckpt"]) == 2
        assert "none.ckpt does not exist" in capsys.readouterr().err

    def test_several_runs_are_summarised(self, arguments, other, tmp_path, capsys):
        paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
        for path, checkpoint in zip(paths, (arguments[5], other)):
            assert run(evaluate, [*arguments, "--checkpoint", checkpoint, "--json", path]) == 0
        rsums = [json.loads(open(path).read())["rsum"] for path in paths]
        capsys.readouterr()

        written = tmp_path / "summary.json"
        assert run(evaluate, ["--summarise", *paths, "--json", str(written)]) == 0

        printed = capsys.readouterr().out
        mean, std = np.mean(rsums), np.std(rsums, ddof=1)
        assert f"rsum {mean:.1f} ± {std:.1f}" in printed and "2 runs" in printed
        assert json.loads(written.read_text())["rsum"] == pytest.approx({"mean": mean, "std": std})

    @pytest.mark.parametrize(
        "content, words",
        [(None, "does not exist"), ("{", "not JSON"), ("[]", "not a result of tools/eval.py")],
    )
    def test_what_cannot_be_summarised_is_named(self, tmp_path, capsys, content, words):
        path = tmp_path / "result.json"
        if content is not None:
            path.write_text(content)
        assert run(evaluate, ["--summarise", str(path), str(path)]) == 2
        error = capsys.readouterr().err
        assert "result.json" in error and words in error


def test_a_sentence_finds_images(arguments, tmp_path, capsys):
    picture = tmp_path / "answer.png"
    status = run(
        infer,
        [*arguments, "--text", "A green stripe, here!", "--top-k", "3", "--save", str(picture)],
    )
    printed = capsys.readouterr().out
    assert status == 0
    assert printed.count(".png\n") >= 3 and "4 images of tiny's test split" in printed
    assert Image.open(picture).width > 500


def test_words_that_are_not_known_are_named(arguments, capsys):
    assert run(infer, [*arguments, "--text", "a gren zebra on a gren frme"]) == 0
    assert "not understood: gren (green, grey), zebra, frme (frame)\n" in capsys.readouterr().out


def test_a_sentence_of_unknown_words_is_refused(arguments, capsys):
    assert run(infer, [*arguments, "--text", "zebras gallop"]) == 2
    assert capsys.readouterr().err.endswith("use words that the training captions have.\n")
    assert run(infer, [*arguments, "--text", "Zebras frmae"]) == 2
    assert "training captions have, such as frame.\n" in capsys.readouterr().err


def test_an_image_of_the_split_shows_its_own_descriptions(arguments, capsys):
    image = f"{arguments[3]}/tiny/images/16.png"
    assert run(infer, [*arguments, "--image", image]) == 0
    printed = capsys.readouterr().out
    assert "is in the test split" in printed and "there is a green square here" in printed
    assert "20 captions of tiny's test split" in printed


def test_an_image_is_known_by_its_content(arguments, tmp_path, capsys):
    copy = tmp_path / "elsewhere.png"
    shutil.copy(f"{arguments[3]}/tiny/images/00.png", copy)
    assert run(infer, [*arguments, "--image", str(copy)]) == 0
    assert "is in the train split" in capsys.readouterr().out


def test_an_image_from_anywhere_finds_sentences(arguments, tmp_path, capsys):
    Image.new("L", (50, 70), 120).save(tmp_path / "new.jpg")
    status = run(infer, [*arguments, "--image", str(tmp_path / "new.jpg"), "--top-k", "2"])
    printed = capsys.readouterr().out
    assert status == 0 and "descriptions" not in printed
    assert [line.split()[0] for line in printed.splitlines()[-2:]] == ["1", "2"]


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_an_image_that_cannot_be_read_is_refused(arguments, tmp_path, capsys, content):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(content)
    assert run(infer, [*arguments, "--image", str(broken)]) == 2
    assert "broken.jpg" in capsys.readouterr().err


def test_a_picture_format_that_cannot_be_written_is_refused_first(arguments, capsys):
    assert run(infer, [*arguments, "--text", "a green stripe", "--save", "answer.docx"]) == 2
    assert ".png" in capsys.readouterr().err


def test_no_checkpoint_yet(tmp_path, trained, capsys):
    data_dir, _ = trained
    status = run(
        evaluate,
        [
            "--dataset",
            "tiny",
            "--data-dir",
            data_dir,
            "-o",
            f"best_checkpoint={tmp_path}/none.ckpt",
        ],
    )
    assert status == 2 and "tools/train.py" in capsys.readouterr().err


def test_no_data_set(tmp_path, capsys):
    status = run(evaluate, ["--dataset", "tiny", "--data-dir", str(tmp_path)])
    assert status == 2 and "tools/prepare.py" in capsys.readouterr().err


class TestAnotherVocabulary:
    """A data set that was prepared otherwise than for the checkpoint's training."""

    @pytest.fixture
    def other(self, arguments, tmp_path):
        """The arguments for the same captions under a vocabulary that lacks their last word."""
        data = tmp_path / "data"
        shutil.copytree(arguments[3], data)
        words = Vocabulary.load(data / "tiny/vocab.json").words
        Vocabulary.build([words[-4::-1]], 0).save(data / "tiny/vocab.json")
        return [*arguments[:3], str(data), *arguments[4:]]

    def test_its_sentences_are_encoded_as_the_checkpoints(self, arguments, other, tmp_path, capsys):
        paths = [tmp_path / "own.json", tmp_path / "other.json"]
        assert run(evaluate, [*arguments, "--json", str(paths[0])]) == 0
        assert "vocabulary" not in capsys.readouterr().out
        assert run(evaluate, [*other, "--json", str(paths[1])]) == 0
        assert (
            "tokenizer words and encoded with its vocabulary, which lacks 0.0 %"
            in capsys.readouterr().out
        )
        own, others = (json.loads(path.read_text()) for path in paths)
        assert own == others

    def test_unknown_words_are_counted(self, arguments, other, capsys):
        path = f"{other[3]}/tiny/test_sentences.json"
        sentences = ["a red zebra here"] * 20
        with open(path, "w") as file:
            json.dump(sentences, file)
        assert run(infer, [*other, "--text", "a red frame"]) == 0
        assert "lacks 25.0 % of their words" in capsys.readouterr().out
        model = load(arguments[5])
        gallery = open_gallery(model, f"{other[3]}/tiny", "test")
        np.testing.assert_allclose(gallery.texts, model.encode_text(sentences), atol=1e-6)
        assert gallery.dataset.vocabulary.word_to_index == model.vocabulary.word_to_index

    def test_stored_codes_of_other_sentences_are_not_used(self, arguments, other):
        folder = f"{other[3]}/tiny"
        before = open_gallery(load(arguments[5]), folder, "test").texts
        with open(f"{folder}/test_sentences.json", "w") as file:
            json.dump(["a red frame"] * 20, file)
        after = open_gallery(load(arguments[5]), folder, "test").texts
        assert not np.allclose(before, after) and np.ptp(after, axis=0).max() < 1e-6

    def test_without_the_sentences_it_is_refused(self, other, tmp_path, capsys):
        (tmp_path / "data/tiny/test_sentences.json").unlink()
        assert run(evaluate, other) == 2
        assert "does not belong to" in capsys.readouterr().err


class TestStoredCodes:
    """The codes of the candidates are kept beside the checkpoint, and checked on use."""

    @pytest.fixture
    def gallery(self, arguments):
        def make():
            return open_gallery(load(arguments[5]), f"{arguments[3]}/tiny", "test")

        return make

    @pytest.fixture
    def encoded(self, monkeypatch):
        """How often captions were encoded."""
        from vsepp import RetrievalModel

        calls, encode = [], RetrievalModel.encode_indices
        monkeypatch.setattr(
            RetrievalModel,
            "encode_indices",
            lambda *args, **more: calls.append(1) or encode(*args, **more),
        )
        return calls

    def test_they_are_computed_once(self, gallery, encoded):
        first, second = gallery(), gallery()
        assert len(encoded) == 1
        np.testing.assert_array_equal(first.images, second.images)
        np.testing.assert_array_equal(first.texts, second.texts)

    def test_they_are_those_of_photographs_as_well(self, arguments, gallery):
        stored = gallery()
        model = load(arguments[5])
        paths = [stored.dataset.image_path(k) for k in range(4)]
        np.testing.assert_allclose(model.encode_image(paths, exif=False), stored.images, atol=1e-5)

    def test_another_checkpoint_does_not_use_them(self, arguments, gallery, encoded, tmp_path):
        from vsepp.checkpoint import load_checkpoint, save_checkpoint

        gallery()
        contents = load_checkpoint(arguments[5])
        contents["model"]["image_extractor.fc.bias"] += 1
        contents.pop("format"), contents.pop("fingerprint")
        save_checkpoint(arguments[5], **contents)
        gallery()
        assert len(encoded) == 2

    def test_damaged_ones_are_computed_again(self, gallery, encoded, tmp_path):
        good = gallery().texts
        (path,) = tmp_path.glob("*.codes")
        path.write_bytes(path.read_bytes()[:200])
        np.testing.assert_array_equal(gallery().texts, good)
        assert len(encoded) == 2


@pytest.mark.parametrize("query", ["--image", "--text"])
def test_an_empty_question_is_refused(arguments, capsys, query):
    assert run(infer, [*arguments, query, ""]) == 2
    assert capsys.readouterr().err.startswith("error: ")
