"""``tools/infer.py --labels`` over a model that has seen nothing, and no data set."""

import csv
import json
import os

import pytest
from conftest import COLOURS, draw_picture
from tiny import save_untrained

from vsepp import load
from vsepp.cli.command import run
from vsepp.cli.infer import main as infer

WORDS = ["a", "photo", "of", "red", "green", "blue", "square", "一只", "狗"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(save_untrained(tmp_path_factory.mktemp("labels") / "model.ckpt", WORDS))


@pytest.fixture
def photos(tmp_path):
    """Five photographs, one of them below a folder of its own."""
    folder = tmp_path / "photos"
    for colour in COLOURS:
        place = folder / "deep" if colour == "blue" else folder
        draw_picture(place / f"{colour}.png", colour, "square")
    return folder


@pytest.fixture
def label(checkpoint, tmp_path, monkeypatch, capsys):
    """Run the tool where there is no data set: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def label(image, *words):
        status = run(infer, ["--image", str(image), *words, "--checkpoint", checkpoint])
        return (status, *capsys.readouterr())

    return label


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_photograph_has_what_classify_gives_in_the_order_of_the_labels(
    label, photos, checkpoint, tmp_path
):
    labels = ["red square", "green", "blue square"]
    out = tmp_path / "labels.csv"

    status, printed, _ = label(photos / "red.png", "--labels", *labels, "--out", str(out))

    expected = load(checkpoint).classify(str(photos / "red.png"), labels)
    (row,) = read_csv(out)
    assert status == 0 and list(row) == ["path", *labels]
    assert row.pop("path") == str(photos / "red.png")
    assert {name: float(value) for name, value in row.items()} == expected  # to the bit
    shown = [line for line in printed.splitlines() if line.startswith(tuple(labels))]
    assert [line.rsplit(maxsplit=1)[0].strip() for line in shown] == labels
    assert [line.split()[-1] for line in shown] == [f"{expected[name]:.4f}" for name in labels]
    assert "a photo of a {}" in printed and "order the labels" in printed


@pytest.mark.parametrize("many", [1, 64])
def test_a_folder_has_what_classify_gives_for_each(
    many, label, photos, checkpoint, tmp_path, monkeypatch
):
    from vsepp.retrieval import classification

    if many == 1:  # as if there were enough for the faster network
        monkeypatch.setattr(classification, "MANY_IMAGES", 1)
    out = tmp_path / "labels.jsonl"
    labels = ["green", "red"]

    status, printed, _ = label(photos, "--labels", *labels, "--template", "{}", "--out", str(out))

    model = load(checkpoint)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    paths = sorted(str(path) for path in photos.rglob("*.png"))
    assert status == 0 and sorted(row["path"] for row in rows) == paths
    for row in rows:
        expected = model.classify(row["path"], labels, "{}")
        if many == 64:
            assert row["probabilities"] == expected  # to the bit
        else:
            assert row["probabilities"] == pytest.approx(expected, abs=1e-5)
        assert list(row["probabilities"]) == labels
    assert "5 photographs" in printed and os.path.join("deep", "blue.png") in printed


def test_with_many_labels_the_table_names_the_best_of_each(label, photos, checkpoint):
    labels = ["red", "green", "blue", "red square", "green square", "blue square"]

    _, printed, _ = label(photos, "--labels", *labels)

    (line,) = [line for line in printed.splitlines() if line.startswith("red.png")]
    best, odds = next(iter(load(checkpoint).classify(str(photos / "red.png"), labels).items()))
    assert line.split()[1:] == [*best.split(), f"{odds:.4f}"]
    counts = printed.partition("most probable: ")[2].splitlines()[0].split(", ")
    assert sum(int(count.split()[-1]) for count in counts) == 5


def test_what_cannot_be_read_is_named_and_counted(label, photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"no picture")
    out = tmp_path / "labels.csv"

    status, printed, _ = label(photos, "--labels", "red", "green", "--out", str(out))

    assert status == 0 and "5 photographs" in printed and "1 unreadable" in printed
    assert "  broken.jpg: is empty or not an image" in printed
    assert len(read_csv(out)) == 5


def test_labels_come_from_a_file_too_chinese_ones_among_them(label, photos, checkpoint, tmp_path):
    (tmp_path / "labels.txt").write_text("\ufeff一只 狗\r\n\r\nred\r\n", encoding="utf-8")
    out = tmp_path / "labels.csv"

    status, printed, _ = label(
        photos / "red.png",
        "--labels",
        "green",
        "@labels.txt",
        "--template",
        "{}",
        "--out",
        str(out),
    )

    (row,) = read_csv(out)
    assert status == 0 and list(row) == ["path", "green", "一只 狗", "red"]
    assert "labels.txt: 1 blank line left out" in printed and "一只 狗" in printed


def test_a_label_that_is_given_twice_counts_once_and_is_said(label, photos, checkpoint):
    _, printed, _ = label(photos / "red.png", "--labels", "red", "green", "red")

    odds = load(checkpoint).classify(str(photos / "red.png"), ["red", "green", "red"])
    assert sum(odds.values()) == pytest.approx(1) and list(odds) == list(dict.fromkeys(odds))
    assert "1 label left out, given before already" in printed
    assert printed.count("\nred") == 1 and f"{odds['red']:.4f}" in printed


def test_unknown_words_are_said_once(label, photos):
    _, printed, _ = label(photos, "--labels", "zebra", "red zebra", "--template", "one {}")

    (line,) = [line for line in printed.splitlines() if "not understood" in line]
    assert line.count("zebra") == 1 and line.count("one") == 1
    assert "--template '{}'" in printed


def test_a_name_that_is_no_text_stands_there_with_escapes(label, photos, tmp_path):
    odd = os.fsencode(photos) + b"/\xff.png"
    try:
        os.rename(photos / "red.png", odd)
    except OSError:
        pytest.skip("the file system takes no such names")

    for name in ("labels.csv", "labels.jsonl"):
        status, printed, _ = label(photos, "--labels", "red", "green", "--out", name)
        assert status == 0 and "1 file name" in printed
        (tmp_path / name).read_text(encoding="utf-8")
    rows = map(json.loads, (tmp_path / "labels.jsonl").read_text().splitlines())
    assert os.fsdecode(odd) in [row["path"] for row in rows]
    assert r"\udcff.png" in (tmp_path / "labels.csv").read_text()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--labels", "red", "--template", "a photo"], "'a photo' must hold one {}"),
        (["--labels", "red", "--template", "{} or {}"], "must hold one {}"),
        (["--labels", "red", "--template", "{0}"], "must hold one {}"),
        (["--labels", "red", " "], "a label is empty"),
        (["--labels", "@none.txt"], "none.txt does not exist"),
        (["--labels", "@."], ". cannot be read as a file"),
        (["--labels", "red", "green", "--out", "a.xlsx"], "a.xlsx must end in .csv or .jsonl"),
        (["--labels", "red", "--save", "a.png"], "--save"),
        (["--labels", "red", "--top-k", "2"], "--top-k"),
        (["--out", "a.csv"], "--out goes with --labels"),
        (["--template", "{}"], "--template goes with --labels"),
    ],
)
def test_mistakes_are_one_sentence(words, said, label, photos):
    status, _, error = label(photos / "red.png", *words)

    assert status == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert said in error


def test_one_photograph_that_cannot_be_read_is_refused(label, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()

    for image, said in (("broken.jpg", "not an image"), ("empty", "holds no photographs")):
        status, _, error = label(image, "--labels", "red", "green")
        assert status == 2 and image in error and said in error and error.count("\n") == 1


def test_labels_are_for_photographs(capsys):
    assert run(infer, ["--text", "a square", "--labels", "red"]) == 2
    assert "--labels goes with --image" in capsys.readouterr().err
