from types import SimpleNamespace

import numpy as np
import pytest

from vsepp import Correspondence, compute_ranks
from vsepp.metrics.similarity import MEASURES
from vsepp.report import extremes
from vsepp.report.extremes import answers_of_image, answers_of_text, best_and_worst, margins

IMAGES, PER_IMAGE = 13, 3


@pytest.fixture(params=["cosine", "order"])
def gallery(request):
    """Random codes: most queries are answered more or less wrongly."""
    rng = np.random.default_rng(7)
    images = rng.normal(size=(IMAGES, 6)).astype(np.float32)
    texts = np.repeat(images, PER_IMAGE, 0) + rng.normal(size=(IMAGES * PER_IMAGE, 6))
    dataset = SimpleNamespace(
        captions_per_image=PER_IMAGE, image_id=lambda index: index // PER_IMAGE
    )
    return SimpleNamespace(
        images=images, texts=texts.astype(np.float32), measure=request.param, dataset=dataset
    )


def table(gallery):
    """Every similarity, one by one, in double precision."""
    score = MEASURES[gallery.measure].pairs
    return [
        [
            float(score(gallery.images, gallery.texts, np.array([i]), np.array([j]))[0])
            for j in range(len(gallery.texts))
        ]
        for i in range(len(gallery.images))
    ]


def slow_margins(gallery):
    scores = table(gallery)
    i2t = [
        max(row[j] for j in range(len(row)) if j // PER_IMAGE == i)
        - max(row[j] for j in range(len(row)) if j // PER_IMAGE != i)
        for i, row in enumerate(scores)
    ]
    t2i = [
        scores[j // PER_IMAGE][j] - max(scores[i][j] for i in range(IMAGES) if i != j // PER_IMAGE)
        for j in range(IMAGES * PER_IMAGE)
    ]
    return i2t, t2i


@pytest.mark.parametrize("block", [1, 100, 10**6])
def test_margins_are_those_of_every_pair(gallery, monkeypatch, block):
    monkeypatch.setattr(extremes, "_BLOCK", block)
    found = margins(gallery.images, gallery.texts, PER_IMAGE, gallery.measure)
    for side, slow in zip(found, slow_margins(gallery)):
        np.testing.assert_allclose(side, slow, atol=1e-5)


@pytest.mark.parametrize("block", [1, 100, 10**6])
def test_margins_of_a_relation_are_those_of_every_pair(gallery, monkeypatch, block):
    monkeypatch.setattr(extremes, "_BLOCK", block)
    generator = np.random.default_rng(1)
    pairs = {(image, int(generator.integers(IMAGES * PER_IMAGE))) for image in range(IMAGES)}
    pairs |= {(int(generator.integers(IMAGES)), text) for text in range(IMAGES * PER_IMAGE)}
    scores = np.array(table(gallery))
    right = np.array([[(i, j) in pairs for j in range(scores.shape[1])] for i in range(IMAGES)])

    found = margins(
        gallery.images, gallery.texts, Correspondence.from_pairs(pairs), gallery.measure
    )

    for side, axis in zip(found, (1, 0)):
        best_right = np.where(right, scores, -np.inf).max(axis)
        best_wrong = np.where(right, -np.inf, scores).max(axis)
        np.testing.assert_allclose(side, best_right - best_wrong, atol=1e-5)


def test_the_best_and_worst_are_truly_so(gallery):
    ranks = compute_ranks(
        np.repeat(gallery.images, PER_IMAGE, 0), gallery.texts, PER_IMAGE, gallery.measure
    )
    found = margins(gallery.images, gallery.texts, PER_IMAGE, gallery.measure)
    for place, slow in enumerate(slow_margins(gallery)):
        best, worst = best_and_worst(ranks[place], found[place], 4)
        order = sorted(range(len(slow)), key=lambda query: (ranks[place][query], -slow[query]))
        assert best.tolist() == order[:4]
        assert worst.tolist() == order[::-1][:4]


def test_equal_ranks_and_margins_keep_their_order():
    best, worst = best_and_worst(np.array([3, 0, 3, 0]), np.zeros(4), 2)
    assert best.tolist() == [1, 3] and worst.tolist() == [0, 2]


@pytest.mark.parametrize("queries, best, worst", [(1, 1, 0), (2, 1, 1), (5, 3, 2), (30, 5, 5)])
def test_no_query_is_shown_twice(queries, best, worst):
    found = best_and_worst(np.arange(queries), np.zeros(queries), 5)
    assert [len(side) for side in found] == [best, worst]
    assert not set(found[0].tolist()) & set(found[1].tolist())


def test_answers_are_the_highest_scores(gallery):
    scores = np.array(table(gallery))

    def first(scores, right):
        return sorted(range(len(scores)), key=lambda k: (-scores[k], k in right, k))[:5]

    for query in range(IMAGES):
        answers = answers_of_image(gallery, query, 9, 5)
        own = range(query * PER_IMAGE, (query + 1) * PER_IMAGE)
        assert answers.found.tolist() == first(scores[query], own)
        assert answers.right.tolist() == [k // PER_IMAGE == query for k in answers.found]
        mine = scores[query, query * PER_IMAGE : (query + 1) * PER_IMAGE]
        assert answers.own[0] == query * PER_IMAGE + mine.argmax()
    for query in range(IMAGES * PER_IMAGE):
        answers = answers_of_text(gallery, query, 9, 5)
        assert answers.found.tolist() == first(scores[:, query], [query // PER_IMAGE])
        assert answers.own[0] == query // PER_IMAGE


def test_in_a_tie_wrong_answers_come_first():
    codes = np.ones((3, 4), np.float32)
    dataset = SimpleNamespace(captions_per_image=1, image_id=lambda index: index)
    gallery = SimpleNamespace(images=codes, texts=codes, measure="cosine", dataset=dataset)
    assert answers_of_text(gallery, 0, 2, 5).found.tolist() == [1, 2, 0]
    assert answers_of_image(gallery, 1, 2, 5).found.tolist() == [0, 2, 1]


def test_one_image_has_no_wrong_answers():
    codes = np.ones((1, 4), np.float32)
    assert [side.tolist() for side in margins(codes, codes, 1)] == [[np.inf], [np.inf]]
