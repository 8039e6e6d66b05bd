"""The page over captions that were made up for pictures drawn in the test."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from html_page import HOSTILE, Page
from PIL import Image

from vsepp.data.images import open_image
from vsepp.data.preprocessing import Preprocessing
from vsepp.metrics.captions.result import evaluate_captions
from vsepp.report.attention_section import LOOKS, attention_section
from vsepp.report.caption_page import SAMPLE, caption_page
from vsepp.report.curves import curves_section
from vsepp.report.shown_captions import ShownCaptions

PEOPLE = [
    ["A dog runs on grass.", "The dog is running."],
    ["A child swims.", "The child is in the water."],
    ["Two men ride bikes.", "Men on bikes."],
    ["A red bird sits on a branch.", "The bird is red."],
    ["A boat in the harbour.", "Boats at sea."],
    ["A man climbs a rock.", "Someone is climbing."],
]
MADE = [
    "a dog runs on grass",
    "the child is in the rain",
    "a dog runs on grass",
    "a red bird sits on a fence",
    "a dog",
    "boats",
]
WHOLE = Preprocessing(resize=32, image_size=32, square=True)


class Split:
    """What the page asks of a ``CaptionDataset``."""

    captions_per_image = 2

    def __init__(self, folder, people):
        self.folder, self.people = folder, people

    def sentences(self):
        return [sentence for image in self.people for sentence in image]

    def image_path(self, image_id):
        return self.folder / f"{image_id}.png"

    def image_name(self, image_id):
        return str(self.image_path(image_id))

    def photograph(self, image_id):
        return open_image(self.image_path(image_id))


@pytest.fixture
def captioned(tmp_path):
    """What a captioner made: `made`, `people`, and whether the attention was kept."""

    def make(made=MADE, people=PEOPLE, attention=True, **about):
        for number in range(len(made)):
            colour = (40 * number, 200 - 30 * number, 90)
            Image.new("RGB", (48, 36), colour).save(tmp_path / f"{number}.png")
        looked = np.random.default_rng(0)
        sentences = []
        for number, sentence in enumerate(made):
            words = tuple(sentence.split())
            shares = looked.random((len(words), 3, 3), np.float32) if attention else None
            sentences.append([SimpleNamespace(
                sentence=sentence, words=words, log_probability=-1.5 - number, attention=shares
            )])  # fmt: skip
        about = {"dataset": "tiny", "split": "test", "source": "beam 3", **about}
        result = evaluate_captions(made, people, **about).with_intervals()
        return SimpleNamespace(dataset=Split(tmp_path, people), sentences=sentences, result=result)

    return make


def section_of(page, title):
    """The HTML of the part with a title."""
    return page.partition(f"<h2>{title}</h2>")[2].partition("</section>")[0]


def shown_words(html):
    return re.findall(r'<p class="words"><bdi dir="auto">(.*?)</bdi>', html)


def test_scores_stand_with_their_intervals_and_convention(captioned):
    split = captioned()
    page = caption_page(split, preprocessing=WHOLE)
    metrics, intervals = split.result.metrics, split.result.intervals
    table = page.partition("</table>")[0]
    for name, value in metrics.items():
        small = "[{:.1f}, {:.1f}]".format(*intervals[name])
        assert f"<tr><th>{name}</th><td>{value:.1f}<small>{small}</small></td></tr>" in table
    assert split.result.protocol in table and "6 images, 12 references" in table
    assert "beam 3" in table and "tiny, test split" in table


def test_the_page_needs_nothing_but_itself(captioned):
    page = caption_page(captioned(), preprocessing=WHOLE)
    read = Page(page)
    assert len(read.addresses()) > 20
    assert all(address.startswith("data:image/") for address in read.addresses())
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in read.elements}
    assert "://" not in page and "@import" not in page and "url(" not in page
    assert all(attributes.get("alt") for tag, attributes in read.elements if tag == "img")


def test_the_best_and_the_worst_are_truly_that(captioned):
    split = captioned()
    cards = section_of(caption_page(split, images=2), "The best and the worst captions")
    statistics = split.result.statistics
    keys = [(-c, -r, n) for n, (c, r) in enumerate(zip(statistics.cider, statistics.rouge))]
    order = [number for *_, number in sorted(keys)]
    wanted = [*order[:2], order[-1], order[-2]]
    assert shown_words(cards) == [MADE[number] for number in wanted]
    scores = re.findall(r"CIDEr-D ([\d.]+),", cards)
    assert scores == [f"{100 * statistics.cider[number]:.1f}" for number in wanted]
    for number in wanted:
        assert all(sentence in cards for sentence in PEOPLE[number])
    assert "The best and the worst" not in caption_page(split, images=0)


def test_every_word_has_a_picture_of_where_it_looked(captioned):
    split = captioned()
    looks = section_of(caption_page(split, preprocessing=WHOLE), "Where the words looked")
    shown = shown_words(looks)
    assert len(shown) == LOOKS
    pictures = [attributes for tag, attributes in Page(looks).elements if tag == "img"]
    assert len(pictures) == sum(1 + len(sentence.split()) for sentence in shown)
    alts = [picture["alt"] for picture in pictures]
    assert alts.count("where “dog” looked") == sum("dog" in sentence for sentence in shown)
    assert len({picture["src"] for picture in pictures}) == len(pictures)


def test_an_attention_that_was_not_kept_is_said(captioned):
    looks = attention_section(ShownCaptions(captioned(attention=False)))
    assert "not kept" in looks and "<img" not in looks


def test_made_and_real_captions_stand_side_by_side(captioned):
    made = [f"thing {number}" for number in range(30)]
    people = [[f"one {number}", f"other {number}"] for number in range(30)]
    split = captioned(made, people)
    pages = [caption_page(split, seed=seed, images=0) for seed in (0, 0, 1)]
    rows = [section_of(page, "Made and real captions") for page in pages]
    assert pages[0] == pages[1] and rows[0] != rows[2]
    numbers = [sentence.split()[1] for sentence in shown_words(rows[0])]
    assert len(set(numbers)) == SAMPLE
    assert all(
        f">one {number}<" in rows[0] and f">other {number}<" in rows[0] for number in numbers
    )


def test_lengths_and_words_are_compared_with_peoples(captioned):
    page = caption_page(captioned())
    spread = section_of(page, "Image by image")
    assert len(re.findall("<h3>", spread)) == 3 and "6 (100.0 %)" not in spread
    told = section_of(page, "Words")
    assert "5 of 6 made captions are different" in told
    assert "<small>2 ×</small>" in told and "a dog runs on grass" in told
    never = told.partition("Never used")[2]
    assert '<bdi dir="auto">man</bdi>' not in told.partition("Never used")[0]
    assert "<td>0.0</td>" in never


def test_photographs_that_cannot_be_read_break_nothing(captioned, tmp_path):
    split = captioned()
    (tmp_path / "0.png").unlink()
    for number in range(1, 6):
        (tmp_path / f"{number}.png").write_bytes(b"no picture")
    page = caption_page(split, preprocessing=WHOLE)
    assert page.count('class="missing"') >= LOOKS + 2 * 3 + 6 and "image/jpeg" not in page
    assert '<div class="missing"><bdi dir="auto">0.png</bdi>' in page
    Page(page)


def test_hostile_captions_are_shown_as_text(captioned):
    made = [HOSTILE, *MADE[1:]]
    people = [[HOSTILE, "A dog."], *PEOPLE[1:]]
    page = caption_page(captioned(made, people, source=HOSTILE), preprocessing=WHOLE)
    read = Page(page)
    assert "script" not in {tag for tag, _ in read.elements}
    assert all(address.startswith("data:image/") for address in read.addresses())
    assert "\x00" not in page and "<script>alert(1)</script>" in "".join(read.text)


def test_chinese_captions_are_shown_and_cut_as_they_were_scored(captioned):
    made, people = ["一只狗", "两只猫"], [["一只狗跑", "狗"], ["两只猫坐", "猫"]]
    page = caption_page(captioned(made, people), cut=list, preprocessing=WHOLE)
    assert shown_words(page)[0] == "一只狗"
    assert '<bdi dir="auto">跑</bdi>' in section_of(page, "Words").partition("Never used")[2]


def test_captions_without_words_and_one_image(captioned):
    page = caption_page(captioned([""], [["", "A dog."]]), preprocessing=WHOLE)
    assert "1 without a word" in page and "None." in section_of(page, "Words")
    Page(page)


def test_curves_are_drawn_where_there_is_a_history():
    history = [{"step": 1, "loss": 3.0, "lr": 0.1}, {"step": 1, "CIDEr-D": 5.0}]
    assert 'class="curves"' in curves_section(history)
    assert "not found" in curves_section(None) and "<img" not in curves_section([])
