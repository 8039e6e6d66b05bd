"""One evaluation as it is stored: the same keys in the same order, whatever it is of."""

import json

import numpy as np
import pytest

import vsepp
from vsepp.metrics import protocol
from vsepp.metrics.bootstrap import compare, intervals
from vsepp.metrics.correspondence import Correspondence
from vsepp.metrics.protocol import evaluate_codes
from vsepp.metrics.scores import all_metrics, recalls
from vsepp.metrics.similarity import Ensemble
from vsepp.report.tables import metric_cells, metrics_table
from vsepp.system.errors import InputError

ABOUT = {"dataset": "tiny", "split": "test", "checkpoints": ["a.ckpt"], "fingerprints": ["f00"]}


def make_codes(seed=0, n_images=12, captions_per_image=3, noise=1.0):
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(n_images, 6)).astype(np.float32)
    texts = images.repeat(captions_per_image, 0)
    texts = texts + noise * generator.normal(size=texts.shape)
    return images, texts.astype(np.float32)


def test_a_result_is_written_as_it_ever_was():
    images, texts = make_codes()
    metrics = all_metrics(images, texts, 3)

    result = evaluate_codes(images, texts, 3, **ABOUT)

    assert list(result.to_dict().items()) == [
        ("dataset", "tiny"),
        ("split", "test"),
        ("images", 12),
        ("captions", 36),
        ("captions_per_image", 3),
        ("protocol", "all 12 images"),
        ("measure", "cosine"),
        ("checkpoint", "a.ckpt"),
        ("fingerprint", "f00"),
        ("i2t", metrics["i2t"]),
        ("t2i", metrics["t2i"]),
        ("rsum", metrics["rsum"]),
    ]
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


def test_intervals_and_a_comparison_come_after_the_scores():
    ours = evaluate_codes(*make_codes(), 3, **ABOUT)
    other = evaluate_codes(*make_codes(noise=3), 3, checkpoints=["b.ckpt"], fingerprints=["b"])

    written = ours.with_intervals().compared_with(other).to_dict()

    assert list(written)[-4:] == ["rsum", "bootstrap", "intervals", "compare"]
    assert written["bootstrap"] == {"resampled": "images", "draws": 1000, "level": 95, "seed": 0}
    assert written["intervals"] == intervals(ours.ranks)
    assert written["compare"] == {
        "checkpoint": "b.ckpt",
        "fingerprint": "b",
        **other.metrics,
        "differences": compare(ours.ranks, other.ranks),
    }
    alone = ours.compared_with(other).to_dict()
    assert "bootstrap" in alone and "intervals" not in alone


def test_an_ensemble_names_all_its_checkpoints():
    images, texts = make_codes()
    result = evaluate_codes(
        images,
        texts,
        3,
        Ensemble("order", (2, 4)),
        checkpoints=["a.ckpt", "b.ckpt"],
        fingerprints=["a", "b"],
    ).to_dict()

    assert (result["measure"], result["checkpoint"]) == ("order", "a.ckpt")
    assert (result["fingerprint"], result["ensemble"]) == ("a+b", ["a.ckpt", "b.ckpt"])


def test_codes_of_no_data_set_are_scored_and_shown():
    images, texts = make_codes()
    result = evaluate_codes(images, texts, 3)

    assert not {"dataset", "split", "checkpoint", "fingerprint"} & result.to_dict().keys()
    assert metrics_table(result).splitlines()[0] == (
        "12 images, 36 sentences. Protocol: all 12 images."
    )


def test_a_result_and_what_it_writes_are_printed_alike():
    result = evaluate_codes(*make_codes(), 3, **ABOUT).with_intervals()
    written = json.loads(json.dumps(result.to_dict()))

    assert metrics_table(result) == metrics_table(written)
    assert metric_cells(result) == metric_cells(written)
    assert "tiny, test split: 12 images, 36 sentences" in metrics_table(result)


def test_a_relation_is_scored_by_the_public_names():
    images = np.eye(3, dtype=np.float32)
    texts = np.array([[1, 0.1, 0], [0.9, 0.8, 0], [0, 0, 1], [0, 0.2, 1]], np.float32)
    relation = vsepp.Correspondence.from_lists([[0, 1], [1], [2, 3]])

    result = vsepp.evaluate_codes(images, texts, relation)

    assert result.metrics == all_metrics(images, texts, relation)
    assert result.metrics["rsum"] == 600 and result.captions_per_image is None
    assert "captions_per_image" not in result.to_dict()
    assert result.with_intervals().to_dict()["bootstrap"]["resampled"].startswith("groups of")


def test_flat_recalls_have_the_documented_names():
    result = evaluate_codes(*make_codes(noise=4), 3)
    flat = recalls(result.metrics)

    names = ["r1_i2t", "r1_t2i", "r5_i2t", "r5_t2i", "r10_i2t", "r10_t2i", "rsum"]
    assert list(flat) == names
    assert flat["r5_t2i"] == result.metrics["t2i"]["R@5"] != flat["r5_i2t"]
    assert flat["rsum"] == pytest.approx(sum(flat[name] for name in names[:-1]))


class TestSavedRanks:
    def test_they_say_what_they_are_of(self, tmp_path):
        about = {**ABOUT, "checkpoints": ["a", "b"], "fingerprints": ["1", "2"]}
        result = evaluate_codes(*make_codes(noise=3), 3, **about)
        result.save_ranks(tmp_path / "ranks")

        with np.load(tmp_path / "ranks", allow_pickle=False) as saved:
            assert np.array_equal(saved["i2t"], result.ranks.i2t)
            assert np.array_equal(saved["t2i"], result.ranks.t2i)
            assert saved["folds"] == 1 and saved["split"] == "test" and saved["images"] == 12
            assert saved["ensemble"].tolist() == ["a", "b"] and saved["fingerprint"] == "1+2"
            assert "pairs" not in saved and saved["captions_per_image"] == 3

    def test_of_a_relation_they_say_what_belongs_together(self, tmp_path):
        pairs = [[0, 0], [0, 1], [1, 1], [2, 2]]
        codes = np.eye(3, dtype=np.float32)
        evaluate_codes(codes, codes, Correspondence.from_pairs(pairs)).save_ranks(
            tmp_path / "ranks.npz"
        )

        with np.load(tmp_path / "ranks.npz", allow_pickle=False) as saved:
            assert saved["pairs"].tolist() == pairs and "captions_per_image" not in saved


def test_folds_are_refused_where_captions_are_unequal(monkeypatch):
    monkeypatch.setattr(protocol, "FOLD", 2)
    images, texts = make_codes(n_images=4, captions_per_image=1)
    relation = Correspondence.from_lists([[0, 1], [2], [3], [0]])

    with pytest.raises(InputError, match="folds need as many captions"):
        evaluate_codes(images, texts, relation, folds=True)
