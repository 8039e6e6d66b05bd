"""``tools/report.py`` over models trained on twenty pictures."""

import dataclasses
import json
import re
import shutil
import sys

import numpy as np
import pytest
from html_page import HOSTILE, Page
from tiny import make_config, make_data, make_data_with_features

from vsepp import load, train
from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.cli.report import main as report
from vsepp.report.tables import metric_cells
from vsepp.retrieval.gallery import open_gallery


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The best checkpoint of a short run, by measure: a function."""
    kept = {}

    def train_it(measure):
        if measure not in kept:
            folder = tmp_path_factory.mktemp(measure)
            config = make_config(make_data_with_features(folder / "data"), folder, num_epochs=2)
            config = dataclasses.replace(config, measure=measure, use_abs=measure == "order")
            train(config)
            kept[measure] = config.path("best_checkpoint")
        return kept[measure]

    return train_it


def write_page(arguments, path, *more):
    """Run the tool: the page's text."""
    assert run(report, [*arguments, "--out", str(path), *more]) == 0
    return path.read_text(encoding="utf-8")


def arguments_in(folder, checkpoint):
    """Arguments for a tool, with data and checkpoint in a folder of the test's own."""
    data_dir = make_data(folder / "data")
    shutil.copy(checkpoint, folder / "model.ckpt")
    return [
        "--dataset",
        "tiny",
        "--data-dir",
        data_dir,
        "--checkpoint",
        str(folder / "model.ckpt"),
        "-o",
        "device=cpu",
    ]


@pytest.fixture
def arguments(request, trained, tmp_path):
    return arguments_in(tmp_path, trained(getattr(request, "param", "cosine")))


@pytest.fixture
def make(arguments, tmp_path):
    """Write the page: its text."""
    return lambda *more: write_page(arguments, tmp_path / "page.html", *more)


@pytest.fixture(scope="module")
def page(trained, tmp_path_factory):
    """The page as it is by default."""
    folder = tmp_path_factory.mktemp("page")
    return write_page(arguments_in(folder, trained("cosine")), folder / "page.html")


both_measures = pytest.mark.parametrize("arguments", ["cosine", "order"], indirect=True)


@both_measures
def test_the_scores_are_those_of_eval(make, arguments, tmp_path, capsys):
    scores = tmp_path / "scores.json"
    assert run(evaluate, [*arguments, "--json", str(scores)]) == 0
    printed = capsys.readouterr().out.partition("written")[0]
    page = make()
    assert capsys.readouterr().out.startswith(printed)
    columns, directions, rsum = metric_cells(json.loads(scores.read_text()))
    rows = re.findall(r"<tr><th>([^<]+)</th>(.*?)</tr>", page.partition("</table>")[0])
    cells = {
        name: re.findall(r"<td[^>]*>([^<]*)<small>([^<]*)</small></td>", row) for name, row in rows
    }
    assert cells["rsum"] == [rsum]
    for place, name in enumerate(columns):
        wanted = [pairs[place] for _, pairs in directions]
        assert cells[name] == [(score, interval or "") for score, interval in wanted]


def test_the_page_needs_nothing_but_itself(page):
    elements = Page(page)
    addresses = elements.addresses()
    assert len(addresses) > 20
    assert all(address.startswith("data:image/") for address in addresses)
    assert not {"script", "link", "iframe", "object", "form"} & {
        tag for tag, _ in elements.elements
    }
    assert "://" not in page and "@import" not in page and "url(" not in page


def test_every_photograph_that_is_named_is_embedded(page):
    elements = Page(page).elements
    pictures = [attributes for tag, attributes in elements if tag == "img"]
    assert {attributes["alt"] for attributes in pictures} >= {f"{k}.png" for k in range(16, 20)}
    assert all(
        attributes["src"].startswith("data:image/jpeg;base64,/9j/")
        for attributes in pictures
        if attributes["alt"].endswith(".png")
    )
    assert not any("missing" in attributes.get("class", "") for _, attributes in elements)


def test_the_same_call_writes_the_same_bytes(make):
    assert make("--seed", "3") == make("--seed", "3")


@both_measures
def test_the_queries_are_truly_the_best_and_worst(make, arguments):
    """Against the full table of similarities, read off query by query."""
    page = make("--queries", "2")
    gallery = open_gallery(load(arguments[5]), f"{arguments[3]}/tiny", "test")
    images, texts = gallery.images.astype(float), gallery.texts.astype(float)
    scores = images @ texts.T
    if gallery.measure == "order":
        scores = -np.sqrt((np.maximum(texts[None] - images[:, None], 0) ** 2).sum(2))
    keys = []
    for index in range(20):
        wrong = np.delete(scores[:, index], index // 5)
        mine = scores[index // 5, index]
        keys.append(((wrong >= mine).sum(), wrong.max() - mine, index))
    order = [index for _, _, index in sorted(keys)]
    shown = re.findall(r'<p class="words"><bdi dir="auto">(.*?)</bdi>', page)
    assert shown == [gallery.sentences[index] for index in (*order[:2], *order[::-1][:2])]
    ranks = [int(rank) for rank in re.findall(r"right answer at rank (\d+)", page)[:4]]
    assert ranks == [keys[index][0] + 1 for index in (*order[:2], *order[::-1][:2])]


def test_right_answers_are_marked(page):
    cards = re.findall(r'<article class="query.*?</article>', page, re.DOTALL)
    assert len(cards) == 10 + 4  # of 20 sentences 5 and 5; of 4 images 2 and 2
    assert all('class="right"' in card and "✓" in card for card in cards)


def test_hostile_captions_and_names_are_shown_as_text(make, arguments, tmp_path):
    folder = tmp_path / "data" / "tiny"
    sentences = [f"{HOSTILE} {index}" for index in range(20)]
    (folder / "test_sentences.json").write_text(json.dumps(sentences), encoding="utf-8")
    split = json.loads((folder / "test_data.json").read_text())
    for place, path in enumerate(split["IMAGES"]):
        name = f'<img src=x onerror=alert({place})>".png'
        shutil.move(path, folder / "images" / name)
        split["IMAGES"][place] = str(folder / "images" / name)
    (folder / "test_data.json").write_text(json.dumps(split))
    page = make()
    elements = Page(page)
    assert "script" not in {tag for tag, _ in elements.elements}
    assert not any(
        name.startswith("on") for _, attributes in elements.elements for name in attributes
    )
    assert all(address.startswith("data:image/") for address in elements.addresses())
    assert "\x00" not in page and "<script>alert(1)</script>" in "".join(elements.text)
    assert any("onerror" in attributes.get("alt", "") for _, attributes in elements.elements)


def test_photographs_that_are_missing_are_named(make, tmp_path):
    make("--queries", "0")  # keeps the codes
    shutil.rmtree(tmp_path / "data" / "tiny" / "images")
    page = make()
    assert page.count('class="missing"') > 10 and "image/jpeg" not in page
    assert '<bdi dir="auto">16.png</bdi>' in page


def test_curves_are_there_when_the_run_is_found(page, make, trained, tmp_path):
    assert 'class="curves"' in page and "not found" not in page
    last = trained("cosine").with_name("last_tiny.ckpt")
    last.rename(tmp_path / "aside")
    try:
        page = make("--queries", "0")
    finally:
        (tmp_path / "aside").rename(last)
    assert 'class="curves"' not in page and "not found" in page


def test_without_scikit_learn_the_rest_is_there(make, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)  # importing it would raise
    page = make("--queries", "0")
    assert "pip install scikit-learn" in page and 'class="map"' in page


def test_it_goes_beside_the_checkpoint_by_default(arguments, tmp_path, capsys):
    assert run(report, [*arguments, "--split", "val", "--queries", "0"]) == 0
    page = (tmp_path / "model.tiny_val.html").read_text(encoding="utf-8")
    assert "tiny, val split" in page and "Worst" not in page
    assert "model.tiny_val.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more, words",
    [
        (["--out", "page.pdf"], ".html"),
        (["--out", ""], ".html"),
        (["--queries", "-1"], "--queries"),
        (["--seed", "-1"], "--seed"),
        (["--checkpoint", "none.ckpt"], "none.ckpt does not exist"),
        (["--split", "restval"], "restval"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, capsys, more, words):
    assert run(report, [*arguments, *more]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and error.count("\n") == 1


def test_a_folder_in_the_way_is_a_mistake(arguments, tmp_path, capsys):
    (tmp_path / "page.html").mkdir()
    assert run(report, [*arguments, "--out", str(tmp_path / "page.html")]) == 2
    assert "page.html" in capsys.readouterr().err


class TestFeaturesOnly:
    """The authors' data: no photographs anywhere."""

    @pytest.fixture
    def page(self, tmp_path):
        from vsepp.cli.prepare import main as prepare

        source = tmp_path / "my_precomp"
        source.mkdir()
        rng = np.random.default_rng(0)
        for split, images in (("train", 8), ("dev", 3), ("test", 1)):
            lines = [f"a thing of kind {k} number {n}" for k in range(images) for n in range(5)]
            (source / f"{split}_caps.txt").write_text("\n".join(lines) + "\n")
            np.save(
                source / f"{split}_ims.npy",
                np.repeat(rng.normal(size=(images, 6)).astype(np.float32), 5, 0),
            )
        data_dir = str(tmp_path / "data")
        assert (
            run(
                prepare, ["--precomp", str(source), "--data-dir", data_dir, "--min-word-count", "0"]
            )
            == 0
        )
        config = make_config(data_dir, tmp_path, dataset="my_precomp", num_epochs=1)
        train(config)
        path = tmp_path / "page.html"
        assert (
            run(
                report,
                [
                    "--dataset",
                    "my_precomp",
                    "--data-dir",
                    data_dir,
                    "--checkpoint",
                    str(config.path("best_checkpoint")),
                    "--out",
                    str(path),
                ],
            )
            == 0
        )
        return path.read_text(encoding="utf-8")

    def test_images_are_called_by_their_place_and_one_is_enough(self, page):
        assert 'class="missing"' in page and "image/jpeg" not in page
        assert "Worst" in page  # of the five sentences; the one image is the best
        Page(page)
