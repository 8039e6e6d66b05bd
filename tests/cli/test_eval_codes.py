"""``tools/eval.py --codes``: codes from wherever, by a checkpoint's protocol."""

import json
import os
import re

import numpy as np
import pytest

from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.metrics.protocol import evaluate_codes


class Trap:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def draw(n_images=12, stride=5, size=8, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.standard_normal((n_images, size)).astype(np.float32)
    texts = np.repeat(images, stride, 0) + generator.standard_normal(
        (n_images * stride, size)
    ).astype(np.float32)
    return [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (images, texts)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(name="codes.npz", **arrays):
    images, texts = draw()
    arrays = {"images": images, "texts": texts, "captions_per_image": 5, **arrays}
    np.savez(name, **{key: value for key, value in arrays.items() if value is not None})
    return name


def test_they_are_scored_as_in_python_with_intervals(place, capsys):
    assert run(evaluate, ["--codes", save()]) == 0
    result = json.loads((place / "codes.json").read_text())
    expected = evaluate_codes(*draw(), 5).with_intervals().to_dict()
    assert result["i2t"] == expected["i2t"] and result["t2i"] == expected["t2i"]
    assert result["intervals"] == expected["intervals"]
    assert result["checkpoint"] == "codes.npz" and "fingerprint" not in result
    printed = capsys.readouterr().out
    assert "12 images" in printed and "written to codes.json" in printed
    assert "length 1" not in printed


def test_pairs_halves_and_lengths(place, capsys):
    images, texts = draw()
    pairs = np.stack([np.arange(60) // 5, np.arange(60)], 1)
    pairs = np.concatenate([pairs, [[3, 0]]])
    codes = {"images": (2 * images).astype(np.float16), "texts": texts}
    name = save(captions_per_image=None, pairs=pairs, **codes)
    assert run(evaluate, ["--codes", name, "--no-intervals", "--ranks", "ranks.npz"]) == 0
    assert "codes.npz: codes are not of length 1" in capsys.readouterr().out
    assert np.load("ranks.npz")["pairs"].shape == (61, 2)
    result = json.loads((place / "codes.json").read_text())
    assert "captions_per_image" not in result and "intervals" not in result


def test_equal_captions_ensemble_comparison_and_hubness(place, capsys):
    sentences = np.array([f"sentence {number % 50}" for number in range(60)])
    first = save(sentences=sentences)
    second = save("other.npz", texts=draw(seed=1)[1])
    assert run(evaluate, ["--codes", first, "--no-intervals"]) == 0
    assert json.loads((place / "codes.json").read_text())["equal_captions"]["captions"] == 20
    assert run(evaluate, ["--codes", first, "--equal-captions", "right"]) == 0
    assert "equal captions right" in (place / "codes_equal.json").read_text()
    more = ["--compare", second, "--ensemble", second, "--hubness", "3", "--no-intervals"]
    assert run(evaluate, ["--codes", first, *more]) == 0
    result = json.loads((place / "codes_ensemble.json").read_text())
    assert result["compare"]["checkpoint"] == "other.npz"
    assert result["ensemble"] == ["codes.npz", "other.npz"]
    assert result["hubness"]["temperature"] == 3
    assert "Difference from other.npz" in capsys.readouterr().out


def test_folds(place):
    images, texts = draw(2000, 1, 4)
    name = save(images=images, texts=texts, captions_per_image=1)
    assert run(evaluate, ["--codes", name, "--folds", "--no-intervals"]) == 0
    assert "2 folds" in json.loads((place / "codes_folds.json").read_text())["protocol"]


UNIT = draw()[0].astype(np.float64)
NAN = draw()[0].copy()
NAN[4, 2] = np.nan


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "arrays, said",
    [
        ({"images": None}, "holds no images"),
        ({"captions_per_image": None}, "neither captions_per_image nor pairs"),
        ({"pairs": np.zeros((1, 2), int)}, "both captions_per_image and pairs"),
        ({"captions_per_image": 4}, "do not fit captions_per_image = 4"),
        ({"captions_per_image": 2.5}, "captions_per_image"),
        ({"captions_per_image": np.array([5, 5])}, "not one number"),
        ({"captions_per_image": None, "pairs": np.zeros((3, 3), int)}, r"pairs is \(3, 3\)"),
        ({"captions_per_image": None, "pairs": np.array([[0, 99]])}, "pairs|99"),
        ({"images": NAN}, "row 4 of images holds NaN"),
        ({"texts": np.ones(60, np.float32)}, "texts must be a matrix"),
        ({"texts": np.ones((60, 9), np.float32)}, "do not fit"),
        ({"images": np.array([["a"]])}, "must be real numbers"),
        ({"measure": np.array("euclid")}, "measure 'euclid'"),
        ({"sentences": np.array(["one"])}, "one text for each of 60"),
        ({"images": np.array([[Trap()]], object)}, r"images as .* save images.astype\(float\)"),
        ({"sentences": np.array(["a"] * 60, object)}, r"sentences as .* sentences.astype\(str\)"),
        ({"sentences": np.array([b"a"] * 60)}, r"no words: save sentences.astype\(str\)"),
        ({"measure": np.array("order", object)}, r"measure.astype\(str\)"),
        ({"captions_per_image": np.array([5], object)}, r"captions_per_image.astype\(int\)"),
        ({"images": 1e200 * UNIT}, "hold the number .*e.199, .* divide all codes by their"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(place, capsys, arrays, said):
    assert run(evaluate, ["--codes", save(**arrays)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: codes.npz") and error.count("\n") == 1
    assert re.search(said, error)
    assert not (place / "executed").exists() and not (place / "codes.json").exists()


def test_other_files_and_options_are_one_sentence(place, capsys):
    def refused(*arguments):
        assert run(evaluate, list(arguments)) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
        return error

    name = save()
    (place / "text.npz").write_text("no archive")
    (place / "cut.npz").write_bytes((place / name).read_bytes()[:500])
    np.save("one.npy", np.ones(3))
    for file in ("text.npz", "cut.npz", "one.npy"):
        assert "no .npz file" in refused("--codes", file)
    assert "does not exist" in refused("--codes", "gone.npz")
    assert "no data set" in refused("--codes", name, "--dataset", "coco")
    assert "--hubness 3" in refused("--codes", name, "--hubness")
    assert "which captions are equal" in refused("--codes", name, "--equal-captions", "right")
    assert "-o is of checkpoints" in refused("--codes", name, "-o", "test_flip=true")
    assert "--data-dir is of checkpoints" in refused("--codes", name, "--data-dir", "x")
    small = save("small.npz", images=draw(6)[0], texts=draw(6)[1])
    assert "not of the same images" in refused("--codes", name, "--ensemble", small)
    assert "of the same ones to --compare" in refused("--codes", name, "--compare", small)
    assert "1000 images" in refused("--codes", name, "--folds")


def test_another_comparison_is_refused_before_anything_is_printed(place, capsys):
    name, pairs = save(), np.stack([np.arange(60)[::-1] // 5, np.arange(60)], 1)
    other = save("other.npz", captions_per_image=None, pairs=pairs)
    assert run(evaluate, ["--codes", name, "--compare", other]) == 2
    assert capsys.readouterr().out == ""


def test_nothing_of_the_users_is_written_over(place, capsys):
    def refused(*more):
        kept = {path: path.read_bytes() for path in place.iterdir()}
        assert run(evaluate, ["--codes", name, "--no-intervals", *more]) == 2
        assert {path: path.read_bytes() for path in place.iterdir()} == kept
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
        return error

    name, other = save(), save("other.npz")
    os.symlink(name, "link.npz")
    for path in (name, "link.npz", str(place / name)):
        assert f"{path} is read, and would be written over" in refused("--json", path)
    assert "another file with --ranks" in refused("--ranks", name)
    assert "another file with --ranks" in refused("--ranks", other, "--compare", other)
    assert "another file with --json" in refused("--json", other, "--ensemble", other)
    assert "name two files" in refused("--ranks", "new", "--json", "./new")
    for content in ('{"my": "captions"}', "no JSON", "[]"):
        (place / "codes.json").write_text(content)
        assert "codes.json is there and no result" in refused()
    assert run(evaluate, ["--codes", name, "--no-intervals", "--json", "mine.json"]) == 0
    (place / "codes.json").unlink()
    for _ in range(2):  # an earlier result is replaced
        assert run(evaluate, ["--codes", name, "--no-intervals"]) == 0


def test_arrays_that_mean_nothing_are_named(place, capsys):
    name = save(mesure=np.array("order"), names=np.array([Trap()], object))
    assert run(evaluate, ["--codes", name, "--no-intervals"]) == 0
    assert "codes.npz: not read, since nothing here is called so: mesure, names" in (
        capsys.readouterr().out
    )
    assert not (place / "executed").exists()
