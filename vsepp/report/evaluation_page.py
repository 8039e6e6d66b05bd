"""A checkpoint's evaluation as one HTML page: scores, ranks, queries, space, curves."""

import numpy as np

from vsepp.report.curves import curves_section
from vsepp.report.extremes import answers_of_image, answers_of_text, best_and_worst, margins
from vsepp.report.histograms import histogram_html
from vsepp.report.similarity_map import (
    batch_similarities,
    choose_pairs,
    diagonal_summary,
    similarity_map,
)
from vsepp.report.space import project, space_chart, spread
from vsepp.report.tables import heading, metric_cells
from vsepp.report.thumbnails import Thumbnails
from vsepp.report.web_page import document, escape, section, words
from vsepp.system.progress import progress

ANSWERS = 5  # shown of each query
PAIRS = 32  # in the map of a batch
SPACE_IMAGES = 300  # in the view of the space, each with one sentence
SPACE_THUMBNAILS = 24
QUERY_PICTURE, TILE_PICTURE, SMALL_PICTURE = 300, 150, 64  # pixels


def evaluation_page(gallery, result, history=None, queries=5, seed=0):
    """The page.

    Args:
        gallery: ``vsepp.retrieval.gallery.Gallery`` of the split.
        result: ``vsepp.metrics.result.RetrievalResult`` of all its images and captions.
        history: what was logged in training, for ``vsepp.report.curves``, or None.
        queries: how many of the best and of the worst queries to show, in each direction.
        seed: of the two-dimensional view.

    Returns:
        str: HTML that refers to nothing outside itself. The same arguments give the same text.
    """
    thumbnails, ranks = Thumbnails(gallery.dataset), result.ranks
    parts = [_scores(result), _ranks(gallery, ranks)]
    makers = [
        lambda: _map(gallery, thumbnails),
        lambda: _space(gallery, thumbnails, seed),
        lambda: curves_section(history),
    ]
    if queries:
        makers.insert(0, lambda: _queries(gallery, ranks, thumbnails, queries))
    for make in progress(makers, "drawing the report", len(makers), "part", disable=None):
        parts.append(make())
    return document(f"{result.dataset}, {result.split} split", "\n".join(parts))


def _scores(result):
    columns, directions, rsum = metric_cells(result)

    def cell(score, interval, span=1):
        small = f"<small>{escape(interval or '')}</small>" if result.intervals else ""
        return f'<td colspan="{span}">{escape("–" if score is None else score)}{small}</td>'

    lines = [
        "<tr><th></th>" + "".join(f"<th>{escape(title)}</th>" for title, _ in directions) + "</tr>"
    ]
    lines += [
        f"<tr><th>{escape(name)}</th>{''.join(cell(*pair) for pair in pairs)}</tr>"
        for name, *pairs in zip(columns, *(cells for _, cells in directions))
    ]
    lines.append(f"<tr><th>rsum</th>{cell(*rsum, span=2)}</tr>")
    note = (
        "Small: 95 % intervals of the bootstrap over images, each with its captions. "
        if result.intervals
        else ""
    )
    return (
        f"<h1>{escape(result.dataset)}, {escape(result.split)} split</h1>\n"
        f"<p>{escape(heading(result.about()).partition(': ')[2])}</p>\n"
        f'<p class="note">Checkpoint: {words(result.checkpoints[0])}, '
        f"similarity: {escape(result.measure)}</p>\n"
        '<table class="metrics">\n'
        + "\n".join(lines)
        + f'\n</table>\n<p class="note">{note}R@K: percentage of queries with a right '
        "answer among the first K. rsum: the six recalls added up. Ties count against the "
        "model.</p>"
    )


def _ranks(gallery, ranks):
    per_image = gallery.dataset.captions_per_image
    n_images, n_texts = len(gallery.images), len(gallery.texts)
    body = "\n".join(
        [
            '<div class="columns">',
            histogram_html("image → sentence", ranks.i2t, n_texts - per_image + 1),
            histogram_html("sentence → image", ranks.t2i, n_images),
            "</div>",
        ]
    )
    return section(
        "Where the right answers stand",
        body,
        "Ranks of each query's best right answer, from 1; the bins grow tenfold in three steps.",
    )


def _query_lists(title, note, ranks, margin, count, card):
    """A section with the best and the worst queries; ``card`` makes one from its position."""
    parts = []
    for name, chosen in zip(("Best", "Worst"), best_and_worst(ranks, margin, count)):
        if len(chosen):
            parts += [f"<h3>{name}</h3>", *(card(query, margin[query]) for query in chosen)]
    return section(title, "\n".join(parts), note)


def _standing(rank, margin):
    text = f"right answer at rank {rank + 1:,}"
    if np.isfinite(margin):
        text += f", {abs(margin):.3f} {'above' if margin >= 0 else 'below'} the best wrong one"
    return f'<p class="note">{text}</p>'


def _queries(gallery, ranks, thumbnails, count):
    i2t, t2i = margins(
        gallery.images, gallery.texts, gallery.dataset.captions_per_image, gallery.measure
    )
    return "\n".join(
        [
            _sentence_queries(gallery, ranks.t2i, t2i, thumbnails, count),
            _image_queries(gallery, ranks.i2t, i2t, thumbnails, count),
        ]
    )


def _sentence_queries(gallery, ranks, margin, thumbnails, count):
    def card(query, margin):
        answers = answers_of_text(gallery, query, ranks[query], ANSWERS)
        tiles = [
            _tile(thumbnails, *answer)
            for answer in zip(answers.found, answers.scores, answers.right)
        ]
        if not answers.right.any():
            tiles.append(_tile(thumbnails, *answers.own, True, f"rank {answers.rank + 1:,}, "))
        return (
            f'<article class="query"><p class="words">{words(gallery.sentences[query])}</p>'
            f'{_standing(answers.rank, margin)}<div class="tiles">{"".join(tiles)}</div>'
            "</article>"
        )

    return _query_lists(
        "Sentences and the images they find",
        f"The first {ANSWERS} images; the image that the sentence describes is "
        "framed and ticked, and comes last where it is not among them.",
        ranks,
        margin,
        count,
        card,
    )


def _tile(thumbnails, image_id, score, right, before=""):
    tick = "<b>✓</b> " if right else ""
    return (
        f"<figure{_right(right)}>{thumbnails.html(int(image_id), TILE_PICTURE)}"
        f"<figcaption>{tick}{before}{score:.3f}</figcaption></figure>"
    )


def _right(right):
    return ' class="right"' if right else ""


def _image_queries(gallery, ranks, margin, thumbnails, count):
    def line(index, score, right, before=""):
        tick = "<b>✓</b> " if right else ""
        return (
            f"<li{_right(right)}>{tick}{before}{words(gallery.sentences[index])} "
            f"<small>{score:.3f}</small></li>"
        )

    def card(query, margin):
        answers = answers_of_image(gallery, query, ranks[query], ANSWERS)
        lines = [line(*answer) for answer in zip(answers.found, answers.scores, answers.right)]
        if not answers.right.any():
            lines.append(line(*answers.own, True, f"rank {answers.rank + 1:,}: "))
        return (
            '<article class="query pair"><figure>'
            f"{thumbnails.html(int(query), QUERY_PICTURE, square=False)}<figcaption>"
            f"{words(thumbnails.name(int(query)))}</figcaption></figure><div>"
            f'{_standing(answers.rank, margin)}<ol class="found">{"".join(lines)}</ol></div>'
            "</article>"
        )

    return _query_lists(
        "Images and the sentences they find",
        f"The first {ANSWERS} sentences; those that describe the image are "
        "ticked, and the best of them comes last where none is among them.",
        ranks,
        margin,
        count,
        card,
    )


def _map(gallery, thumbnails):
    chosen = choose_pairs(len(gallery.images), PAIRS)
    scores = batch_similarities(gallery, chosen)
    rows = []
    for number, image_id in enumerate(chosen.tolist(), 1):
        sentence = gallery.sentences[image_id * gallery.dataset.captions_per_image]
        rows.append(
            f"<li><small>{number}</small>{thumbnails.html(image_id, SMALL_PICTURE)}"
            f"<span>{words(sentence)}</span></li>"
        )
    body = (
        f'<div class="scroll">{similarity_map(scores)}</div>\n'
        f"<p>{escape(diagonal_summary(scores))}</p>\n<details><summary>The pairs</summary>"
        f'<ol class="pairs">{"".join(rows)}</ol></details>'
    )
    return section(
        "A batch's similarities",
        body,
        f"{len(chosen)} images (down) and one sentence of each (across); the darker, "
        "the more alike. Right pairs stand on the diagonal.",
    )


def _space(gallery, thumbnails, seed):
    chosen = choose_pairs(len(gallery.images), SPACE_IMAGES)
    captions = chosen * gallery.dataset.captions_per_image
    try:
        points, how = project(
            np.concatenate([gallery.images[chosen], gallery.texts[captions]]), seed
        )
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sklearn", "threadpoolctl"):
            raise
        return section(
            "The space in two dimensions",
            '<p class="note">This view needs scikit-learn: run '
            "<code>pip install scikit-learn</code>.</p>",
        )
    images, texts = points[: len(chosen)], points[len(chosen) :]
    shown = {
        row: thumbnails.address(int(chosen[row]), SMALL_PICTURE)
        for row in spread(images, SPACE_THUMBNAILS)
    }
    chart = space_chart(
        images,
        texts,
        [thumbnails.name(int(place)) for place in chosen],
        [gallery.sentences[index] for index in captions],
        {row: address for row, address in shown.items() if address},
    )
    key = '<p class="note"><span class="key">image</span><span class="key text">sentence</span></p>'
    return section(
        "The space in two dimensions",
        f'{key}<div class="scroll">{chart}</div>',
        f"{len(chosen)} images, each joined to one of its sentences ({how}). "
        "Near means alike; how far apart two distant points are means little.",
    )
