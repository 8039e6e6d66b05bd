"""``tools/report.py`` over a captioner trained on twenty pictures."""

import re

import pytest
from html_page import Page
from tiny import hardly_drawn, make_config, make_data

from vsepp import train
from vsepp.cli.command import run
from vsepp.cli.report import main as report


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the data and a captioner's checkpoints."""
    folder = tmp_path_factory.mktemp("captioner")
    config = make_config(
        make_data(folder / "data"),
        folder,
        resize=72,
        image_size=64,
        image_features="grid",
        image_grid=2,
        caption_model="attention",
        cell_size=12,
        attention_size=10,
        decoder_size=16,
        batch_size=20,
        num_epochs=1,
        beam=2,
        evaluate_step=100,
    )
    with hardly_drawn():
        train(config)
    return folder


@pytest.fixture
def without_curves(monkeypatch):
    """Which take most of the time, and are looked at in one page here."""
    from vsepp.report import caption_page

    monkeypatch.setattr(caption_page, "curves_section", lambda history: "")


def write_page(folder, *more):
    """Run the tool: the page's text."""
    path = folder / "page.html"
    assert run(report, [*arguments(folder), "--out", str(path), *more]) == 0
    return path.read_text(encoding="utf-8")


def arguments(folder):
    checkpoint = folder / "best_tiny.ckpt"
    data = ["--dataset", "tiny", "--data-dir", str(folder / "data")]
    return [*data, "--checkpoint", str(checkpoint), "-o", "device=cpu"]


def test_a_captioner_has_a_page_of_its_own(trained, capsys):
    page = write_page(trained)
    printed = capsys.readouterr().out
    read = Page(page)
    assert all(address.startswith("data:image/") for address in read.addresses())
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles == [
        "Image by image",
        "Words",
        "The best and the worst captions",
        "Where the words looked",
        "Made and real captions",
        "Training",
    ]
    assert 'class="curves"' in page and "4 images, 20 references" in page
    score = re.search(r"<th>CIDEr-D</th><td>([\d.]+)<small>", page).group(1)
    assert re.search(rf"captions .* {re.escape(score)}\n", printed)
    alts = [attributes["alt"] for tag, attributes in read.elements if tag == "img"]
    assert any(alt.startswith("where “") for alt in alts) and "beam 2" in page


def test_how_sentences_are_chosen_can_be_said(trained, without_curves):
    assert "Captions: greedy," in write_page(trained, "-o", "beam=1", "--queries", "0")


def test_photographs_that_went_are_named(trained, without_curves, tmp_path):
    images = trained / "data" / "tiny" / "images"
    images.rename(tmp_path / "images")
    try:
        page = write_page(trained)
    finally:
        (tmp_path / "images").rename(images)
    assert page.count('class="missing"') == 3 * 4 and "image/jpeg" not in page


def test_it_goes_beside_the_checkpoint_by_default(trained, without_curves, capsys):
    assert run(report, [*arguments(trained), "--split", "val", "--queries", "0"]) == 0
    page = (trained / "best_tiny.tiny_val.html").read_text(encoding="utf-8")
    assert "tiny, val split" in page and "Worst" not in page


@pytest.mark.parametrize(
    "more, words",
    [
        (["-o", "beam=0"], "beam"),
        (["--split", "restval"], "restval"),
        (["--out", "a.pdf"], ".html"),
    ],
)
def test_a_mistake_is_one_sentence(trained, capsys, more, words):
    assert run(report, [*arguments(trained), *more]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and error.count("\n") == 1
