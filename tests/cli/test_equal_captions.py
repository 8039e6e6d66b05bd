"""``eval``: captions that another image has word for word, as wrong and as right."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import COLOURS, SHAPES, draw_picture
from tiny import hardly_drawn, make_config, make_data_with_features

import vsepp
from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.cli.prepare import main as prepare
from vsepp.metrics import compute_ranks
from vsepp.retrieval.gallery import open_gallery
from vsepp.system.tensor_files import write_tensors


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(data_dir with the sets `once` and `twice`, checkpoint): every picture of `twice` is there
    in two sizes, with the same sentence."""
    folder = tmp_path_factory.mktemp("equal")
    once, twice = ["filename\tcaption\tsplit"], ["filename\tcaption\tsplit"]
    for number, (colour, shape) in enumerate((c, s) for c in COLOURS for s in SHAPES):
        draw_picture(folder / "photos" / f"{number}.png", colour, shape)
        draw_picture(folder / "photos" / f"b{number}.png", colour, shape, (44, 36))
        split = "train" if number < 4 else "test"
        once.append(f"{number}.png\ta {colour} {shape}\t{split}")
        twice += [once[-1], f"b{once[-1]}"]
    for name, lines in (("once", once), ("twice", twice)):
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
        options = ["--captions-per-image", "1", "--min-word-count", "0"]
        table = ["--captions", str(folder / f"{name}.tsv"), "--images", str(folder / "photos")]
        assert prepare([*table, *options, "--data-dir", str(folder / "data")]) == 0
    config = make_config(make_data_with_features(folder / "tiny"), folder, num_epochs=2)
    with hardly_drawn():
        vsepp.train(config)
    return str(folder / "data"), str(config.path("best_checkpoint"))


@pytest.fixture
def score(place, tmp_path, capsys):
    """Run the tool on one of the sets: (what it wrote as JSON, what it printed)."""

    def score(dataset, *more):
        path = tmp_path / "scores.json"
        arguments = ["--dataset", dataset, "--data-dir", place[0], "--checkpoint", place[1]]
        assert run(evaluate, [*arguments, "--json", str(path), *more]) == 0
        return json.loads(path.read_text()), capsys.readouterr().out

    return score


def slow_ranks(scores, own):
    """Of every row of ``scores``: how many that are not right score as much as the best right."""
    return [
        sum(row[place] >= max(row[right]) for place in range(len(row)) if place not in right)
        for row, right in zip(scores, own)
    ]


def test_without_right_the_loss_is_stated(score, place):
    wrong, printed = score("twice")
    right, _ = score("twice", "--equal-captions", "right")

    assert wrong["protocol"] == "all 32 images"
    assert wrong["equal_captions"] == {
        "captions": 32,
        "sentences": 16,
        "counted": "wrong",
        "rsum_right": right["rsum"],
    }
    assert wrong["i2t"]["R@1"] == 0  # the other's equal sentence ties, and ties count against
    assert (
        "32 captions of different images are word for word equal (16 sentences) and count as wrong "
        f"for each other's images; counted as right (--equal-captions right) rsum is "
        f"{right['rsum']:.1f}." in printed
    )


def test_as_right_every_image_with_the_sentence_counts(score, place, tmp_path):
    found, printed = score("twice", "--equal-captions", "right", "--ranks", str(tmp_path / "r.npz"))
    once, _ = score("once")

    assert found["protocol"] == "all 32 images, equal captions right"
    assert "and count as right for each other's images" in printed
    assert found["equal_captions"]["counted"] == "right"
    assert found["bootstrap"]["resampled"] == "groups of images that share captions"
    assert found["intervals"]["rsum"][0] <= found["rsum"] <= found["intervals"]["rsum"][1]
    assert found["i2t"]["R@1"] == pytest.approx(once["i2t"]["R@1"], abs=10)
    gallery = open_gallery(vsepp.load(place[1]), f"{place[0]}/twice", "test")
    scores = (gallery.images.astype(np.float64) @ gallery.texts.T.astype(np.float64)).round(12)
    own = [{place // 2 * 2, place // 2 * 2 + 1} for place in range(32)]
    with np.load(tmp_path / "r.npz") as ranks:
        assert ranks["i2t"].tolist() == slow_ranks(scores, list(map(list, own)))
        assert ranks["t2i"].tolist() == slow_ranks(scores.T, list(map(list, own)))
        assert len(ranks["pairs"]) == 64


def test_where_none_are_equal_nothing_changes(score, place):
    wrong, printed = score("once")
    right, _ = score("once", "--equal-captions", "right")

    assert "No captions of different images are word for word equal." in printed
    assert {key: right[key] for key in ("i2t", "t2i", "rsum", "intervals")} == {
        key: wrong[key] for key in ("i2t", "t2i", "rsum", "intervals")
    }
    gallery = open_gallery(vsepp.load(place[1]), f"{place[0]}/once", "test")
    ranks = compute_ranks(gallery.images, gallery.texts, 1)
    assert wrong["i2t"]["R@1"] == 100 * np.mean(ranks[0] < 1)


def test_a_comparison_and_an_ensemble_count_alike(score, place):
    found, _ = score(
        "twice", "--equal-captions", "right", "--compare", place[1], "--ensemble", place[1]
    )

    assert found["compare"]["rsum"] == pytest.approx(found["rsum"])
    assert found["compare"]["differences"]["rsum"]["difference"] == pytest.approx(0)


def test_folds_are_refused(place, capsys):
    arguments = ["--dataset", "twice", "--data-dir", place[0], "--checkpoint", place[1]]

    assert run(evaluate, [*arguments, "--folds", "--equal-captions", "right"]) == 2

    error = capsys.readouterr().err
    assert error.startswith("error: --folds counts") and error.count("\n") == 1


def test_a_file_of_its_own_by_default(place):
    arguments = ["--dataset", "twice", "--data-dir", place[0], "--checkpoint", place[1]]
    assert evaluate([*arguments, "--equal-captions", "right"]) == 0

    assert Path(place[1]).with_name("best_tiny.twice_test_equal.json").exists()


def test_codes_that_were_stored_one_by_one_become_equal(place):
    model, folder = vsepp.load(place[1]), f"{place[0]}/twice"
    gallery = open_gallery(model, folder, "test")
    path = Path(place[1]).with_name("best_tiny.twice_test.codes")
    from safetensors import safe_open

    with safe_open(str(path), framework="numpy") as file:
        header = file.metadata()
    apart = gallery.texts + np.arange(len(gallery.texts), dtype=np.float32)[:, None] % 2 * 1e-7
    write_tensors(path, {"images": gallery.images, "texts": apart}, header)

    again = open_gallery(model, folder, "test")

    np.testing.assert_array_equal(again.texts, gallery.texts)


def test_equal_sentences_have_equal_codes(place):
    model = vsepp.load(place[1])
    sentences = ["a red square", "there is a red frame here", "A red square."] * 30

    codes = model.encode_text(sentences)

    np.testing.assert_array_equal(codes[::3], codes[2::3])
    np.testing.assert_allclose(codes[:2], model.encode_text(sentences[:2]), atol=1e-6)
