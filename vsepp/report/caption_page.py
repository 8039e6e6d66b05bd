"""A captioner's evaluation as one HTML page: scores, words, best and worst, attention, curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vsepp.data.preprocessing import Preprocessing
from vsepp.metrics.captions.words import caption_words
from vsepp.report.attention_section import attention_section
from vsepp.report.caption_tables import caption_cells, caption_heading, said_of_captions
from vsepp.report.curves import curves_section
from vsepp.report.extremes import best_and_worst
from vsepp.report.histograms import bars_html
from vsepp.report.shown_captions import ShownCaptions
from vsepp.report.web_page import document, escape, section, words
from vsepp.report.word_use import WordsUsed
from vsepp.system.counts import counted
from vsepp.system.progress import progress

SAMPLE = 12  # images whose made and real captions stand side by side
WORDS = 12  # in each list of words
REPEATED = 5  # sentences that were made for several images
PICTURE = 300  # pixels
CIDER_BINS = (0, 10, 25, 50, 75, 100, 150, 200, 300)  # where they begin
LONGEST = 20  # words, from which on captions share a bar


def caption_page(
    captioned: Any,
    history: Sequence[dict] | None = None,
    images: int = 5,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    cut: Callable[[str], Sequence[str]] = caption_words,
) -> str:
    """The page.

    Args:
        captioned: what was made and scored: ``dataset``, a ``CaptionDataset``; ``sentences``, of
            each image a list of records with ``sentence``, ``words``, ``log_probability`` and
            ``attention``, the first of which was scored; ``result``, their ``CaptionResult``.
        history: what was logged in training, for ``vsepp.report.curves``, or None.
        images: how many of those captioned best and of those captioned worst to show.
        seed: of the images that are drawn as a sample.
        preprocessing: how photographs were cut for the network; see ``plot_attention``.
        cut: from a sentence to the words that the scores count.

    Returns:
        str: HTML that refers to nothing outside itself. The same arguments give the same text.
    """
    shown = ShownCaptions(captioned)
    used = WordsUsed([made.sentence for made in shown.made], shown.people, cut)
    parts = [_scores(shown.result.to_dict()), _spread(shown, used), _words(shown, used)]
    makers = [
        lambda: _extremes(shown, images),
        lambda: attention_section(shown, preprocessing),
        lambda: _sample(shown, seed),
        lambda: curves_section(history),
    ]
    if not images:
        del makers[0]
    for make in progress(makers, "drawing the report", len(makers), "part", disable=None):
        parts.append(make())
    return document(_title(shown.result.to_dict()), "\n".join(parts))


def _title(result):
    return f"{result['dataset']}, {result['split']} split: captions"


def _scores(result):
    lines = []
    for name, (score, interval) in caption_cells(result).items():
        small = f"<small>{escape(interval)}</small>" if interval else ""
        lines.append(f"<tr><th>{escape(name)}</th><td>{escape(score)}{small}</td></tr>")
    note = "Small: 95 % intervals of the bootstrap over images. " if result.get("intervals") else ""
    return (
        f"<h1>{escape(_title(result))}</h1>\n"
        f"<p>{escape(caption_heading(result).partition(': ')[2])}</p>\n"
        f"<p>{escape(said_of_captions(result))}</p>\n"
        f'<p class="note">Checkpoint: {words(result.get("checkpoint", "–"))}</p>\n'
        '<table class="metrics scores">\n'
        + "\n".join(lines)
        + f'\n</table>\n<p class="note">{note}In percent, CIDEr-D × 100; the higher the better. '
        "CIDEr-D chooses the model in training.</p>"
    )


def _spread(shown, used):
    bins = np.histogram(shown.cider, [*CIDER_BINS, np.inf])[0].tolist()
    labels = [f"{first}–{last}" for first, last in zip(CIDER_BINS, CIDER_BINS[1:])]
    labels[0], last = f"below {CIDER_BINS[1]}", f"from {CIDER_BINS[-1]}"
    made, real = used.made_lengths, used.real_lengths
    lowest = min(min(made), min(real), LONGEST)
    body = "\n".join(
        [
            '<div class="columns three">',
            bars_html("CIDEr-D of each image", list(zip([*labels, last], bins))),
            bars_html("Words of a made caption", _length_rows(made, lowest)),
            bars_html("Words of a person's caption", _length_rows(real, lowest)),
            "</div>",
        ]
    )
    return section(
        "Image by image",
        body,
        f"The mean of the images' CIDEr-D, {shown.cider.mean():.1f}, is the score. A made caption "
        f"has {np.mean(made):.1f} words in the mean, a person's {np.mean(real):.1f}.",
    )


def _length_rows(lengths, lowest):
    bounded = np.minimum(lengths, LONGEST)
    rows = [(str(length), int((bounded == length).sum())) for length in range(lowest, LONGEST)]
    return [*rows, (f"{LONGEST} or more", int((bounded == LONGEST).sum()))]


def _words(shown, used):
    made, real, never = used.counts
    result = shown.result
    body = [
        f"<p>{result.statistics.distinct:,} of {counted(result.images, 'made caption')} are "
        f"different. They have {counted(made, 'different word')}; of the {real:,} in people's "
        f"captions {never:,} are never made.</p>",
        '<div class="columns three">',
        _word_table("Used most", used.most_used(WORDS)),
        _word_table("Used more than people do", used.used_more(WORDS)),
        _word_table("Never used", used.never_used(WORDS)),
        "</div>",
    ]
    if used.repeated:
        rows = "".join(
            f"<li><small>{times:,} ×</small><span>{words(sentence)}</span></li>"
            for sentence, times in used.repeated[:REPEATED]
        )
        body.append(f'<h3>Made for several images</h3>\n<ol class="found plain times">{rows}</ol>')
    return section(
        "Words", "\n".join(body), f"In percent of the captions. Words: {result.tokenizer}."
    )


def _word_table(title, uses):
    if not uses:
        return f'<div><h3>{escape(title)}</h3><p class="note">None.</p></div>'
    rows = "\n".join(
        f"<tr><th>{words(use.word)}</th><td>{use.made:.1f}</td><td>{use.real:.1f}</td></tr>"
        for use in uses
    )
    return (
        f'<div><h3>{escape(title)}</h3>\n<table class="metrics">\n'
        f"<tr><th></th><th>made</th><th>people</th></tr>\n{rows}\n</table></div>"
    )


def _extremes(shown, count):
    parts = []
    chosen = best_and_worst(-shown.cider, shown.result.statistics.rouge, count)
    for name, images in zip(("Best", "Worst"), chosen):
        if len(images):
            parts += [f"<h3>{name}</h3>", *(_card(shown, int(image_id)) for image_id in images)]
    return section(
        "The best and the worst captions",
        "\n".join(parts),
        "By CIDEr-D, among equals by ROUGE-L; below each made caption those of people.",
    )


def _card(shown, image_id):
    return (
        f'<article class="query pair">{shown.picture(image_id, PICTURE)}<div>'
        f"{shown.headline(image_id)}{_listed(shown.people_of(image_id))}</div></article>"
    )


def _listed(sentences):
    lines = "".join(f"<li>{words(sentence)}</li>" for sentence in sentences)
    return f'<ol class="found plain">{lines}</ol>'


def _sample(shown, seed):
    drawn = np.random.default_rng(seed).permutation(len(shown.made))[:SAMPLE]
    return section(
        "Made and real captions",
        "\n".join(_row(shown, int(image_id)) for image_id in np.sort(drawn)),
        f"{counted(len(drawn), 'image')}, drawn from all with seed {seed}.",
    )


def _row(shown, image_id):
    first, *others = shown.people_of(image_id)
    more = (
        f"<details><summary>{len(others)} more</summary>{_listed(others)}</details>"
        if others
        else ""
    )
    return (
        f'<article class="query sides">{shown.picture(image_id, PICTURE)}'
        f"<div><small>made</small>{shown.headline(image_id)}</div>"
        f"<div><small>people</small><p>{words(first)}</p>{more}</div></article>"
    )
