"""Scores against a relation agree exactly with double loops over all pairs."""

import doctest

import numpy as np
import pytest

from vsepp.metrics import correspondence as module
from vsepp.metrics import counting
from vsepp.metrics.correspondence import Correspondence
from vsepp.metrics.counting import count_wrong
from vsepp.metrics.scores import all_metrics, compute_ranks, fold_metrics
from vsepp.metrics.similarity import Ensemble
from vsepp.system.errors import InputError

UNEQUAL = [(0, 0), (0, 1), (0, 2), (1, 3), (2, 4), (2, 5), (3, 6), (4, 7), (4, 8), (4, 9), (4, 10)]
MANY_TO_MANY = [(0, 0), (1, 0), (0, 1), (2, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 5), (4, 6)]
RELATIONS = {
    "unequal numbers of captions": UNEQUAL,
    "captions that are right for two images": MANY_TO_MANY,
    "captions in any order": [(image, 10 - text) for image, text in UNEQUAL],
    "one caption that is right for every image": [(image, 0) for image in range(5)],
    "as many for each": [(text // 3, text) for text in range(15)],
}
MEASURES = ("cosine", "order", Ensemble("cosine", (3, 2)), Ensemble("order", (2, 2, 1)))


def slow_similarity(image, text, measure):
    if isinstance(measure, Ensemble):
        return sum(
            slow_similarity(image[part], text[part], measure.name) for part in measure.columns
        )
    if measure == "cosine":
        return sum(float(a) * float(b) for a, b in zip(image, text))
    return -(sum(max(0.0, float(b) - float(a)) ** 2 for a, b in zip(image, text)) ** 0.5)


def slow_counts(images, texts, pairs, measure):
    """Of both directions, for each query: wrong answers before each right one, ties wrong first."""
    scores = [[slow_similarity(image, text, measure) for text in texts] for image in images]
    right = [[(i, j) in pairs for j in range(len(texts))] for i in range(len(images))]
    ways = []
    for table, rights in ((scores, right), (list(zip(*scores)), list(zip(*right)))):
        way = []
        for line, mine in zip(table, rights):
            answers = sorted(range(len(line)), key=lambda k: (-line[k], mine[k]))
            places = [place for place, answer in enumerate(answers) if mine[answer]]
            way.append([place - before for before, place in enumerate(places)])
        ways.append(way)
    return ways


def slow_metrics(counts, n_candidates):
    """R@K and mAP@R of one direction, query by query."""
    result = {f"R@{k}": 100 * np.mean([way[0] < k for way in counts]) for k in (1, 5, 10)}
    result["Mean r"] = np.mean([way[0] + 1 for way in counts])
    result["Med r"] = next(
        k for k in range(1, n_candidates + 1) if np.mean([way[0] < k for way in counts]) >= 0.5
    )
    precisions = []
    for way in counts:
        places, total = [wrong + before for before, wrong in enumerate(way)], 0.0
        for k in range(1, len(way) + 1):
            if k - 1 in places:
                total += sum(place < k for place in places) / k
        precisions.append(total / len(way))
    result["mAP@R"] = 100 * np.mean(precisions)
    return result


def make_codes(kind, pairs, measure, seed=0):
    generator = np.random.default_rng(seed)
    n_images, n_texts = (max(side) + 1 for side in zip(*pairs))
    images = generator.normal(size=(n_images, 5))
    texts = generator.normal(size=(n_texts, 5))
    if kind == "alike":  # right answers tend to be near
        for image, text in pairs:
            texts[text] += images[image]
    elif kind == "whole numbers":  # many exact ties between different codes
        images, texts = np.round(images), np.round(texts)
    elif kind == "collapsed":
        images[:], texts[:] = images[0], texts[0]
    return images.astype(np.float32), texts.astype(np.float32)


@pytest.mark.parametrize(
    "measure", MEASURES, ids=("cosine", "order", "cosine ensemble", "order ensemble")
)
@pytest.mark.parametrize("kind", ["alike", "random", "whole numbers", "collapsed"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_counts_equal_double_loops(relation, kind, measure):
    pairs = RELATIONS[relation]
    images, texts = make_codes(kind, pairs, measure)
    slow = slow_counts(images, texts, set(pairs), measure)
    correspondence = Correspondence.from_pairs(pairs)

    every = count_wrong(images, texts, correspondence, measure, every_answer=True)
    best = count_wrong(images, texts, correspondence, measure)

    for found, ranks, expected in zip(every, best, slow):
        assert [part.tolist() for part in np.split(found.counts, found.starts[1:-1])] == expected
        assert found.ranks.tolist() == ranks.counts.tolist() == [way[0] for way in expected]


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("kind", ["alike", "random", "collapsed"])
@pytest.mark.parametrize("relation", RELATIONS)
def test_metrics_equal_double_loops(relation, kind, measure):
    pairs = RELATIONS[relation]
    images, texts = make_codes(kind, pairs, measure, seed=1)

    result = all_metrics(images, texts, Correspondence.from_pairs(pairs), measure)

    ways = zip(("i2t", "t2i"), slow_counts(images, texts, set(pairs), measure))
    for (way, counts), candidates in zip(ways, (len(texts), len(images))):
        for name, value in slow_metrics(counts, candidates).items():
            assert result[way][name] == pytest.approx(value, abs=1e-9), (way, name)
    assert result["rsum"] == pytest.approx(
        sum(result[way][f"R@{k}"] for way in ("i2t", "t2i") for k in (1, 5, 10))
    )


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("tile", [1, 2, 3, 7])
@pytest.mark.parametrize("relation", RELATIONS)
def test_the_size_of_the_tiles_changes_nothing(monkeypatch, relation, tile, measure):
    pairs = RELATIONS[relation]
    images, texts = make_codes("whole numbers", pairs, measure)
    correspondence = Correspondence.from_pairs(pairs)
    whole = count_wrong(images, texts, correspondence, measure, every_answer=True)

    monkeypatch.setattr(counting, "_IMAGES", tile)
    monkeypatch.setattr(counting, "_TEXTS", tile + 2)
    parts = count_wrong(images, texts, correspondence, measure, every_answer=True)

    for way, other in zip(whole, parts):
        assert np.array_equal(way.counts, other.counts)


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("captions_per_image", [1, 3, 5, 9])
def test_a_stride_is_one_case_of_a_relation(captions_per_image, measure):
    generator = np.random.default_rng(captions_per_image)
    images = np.round(generator.normal(size=(30, 4)), 1).astype(np.float32)
    texts = images.repeat(captions_per_image, 0) + np.round(
        generator.normal(size=(30 * captions_per_image, 4)), 1
    ).astype(np.float32)
    stride = Correspondence.from_lists(np.arange(len(texts)).reshape(30, -1))
    assert stride.captions_per_image == captions_per_image
    assert stride == Correspondence.from_stride(30, captions_per_image)
    # The same pairs in another order of the texts are a relation like any other.
    order = generator.permutation(len(texts))
    shuffled = Correspondence(order // captions_per_image, np.arange(len(texts)))
    assert captions_per_image == 1 or shuffled.captions_per_image is None

    result = all_metrics(images, texts, captions_per_image, measure)

    assert all_metrics(images, texts, stride, measure) == result
    other = all_metrics(images, texts[order], shuffled, measure)
    for way in ("i2t", "t2i"):
        assert other[way] == pytest.approx(result[way], rel=1e-12)
    ranks = compute_ranks(images.repeat(captions_per_image, 0), texts, captions_per_image, measure)
    found = count_wrong(images, texts[order], shuffled, measure)
    assert np.array_equal(found[0].ranks, ranks[0])
    assert np.array_equal(found[1].ranks, ranks[1][order])


def test_a_caption_that_is_right_for_two_images_by_hand():
    # Caption 0 describes both images; image 1 has captions 1 and 2 besides.
    images = np.eye(2, dtype=np.float32)
    texts = np.array([[0.9, 0.2], [0.5, 0.4], [0.1, 0.3]], np.float32)

    result = all_metrics(images, texts, Correspondence.from_pairs([(0, 0), (1, 0), (1, 1), (1, 2)]))

    # Image 0 finds its one caption first; every caption is right for image 1. Caption 0 has no
    # wrong image; image 0 stands before the one of caption 1, and behind that of caption 2.
    assert result["i2t"]["R@1"] == 100 and result["i2t"]["mAP@R"] == 100
    assert result["t2i"]["R@1"] == pytest.approx(100 * 2 / 3)
    assert result["t2i"]["mAP@R"] == pytest.approx(100 * 2 / 3)


def test_a_relation_is_read_from_pairs_lists_or_columns_alike():
    by_pairs = Correspondence.from_pairs([(1, 1), (0, 0), (1, 2), (0, 1), (1, 1)])
    assert by_pairs == Correspondence.from_lists([[0, 1], [2, 1]])
    assert by_pairs == Correspondence(np.array([0, 0, 1, 1]), np.array([1, 0, 2, 1]))
    assert by_pairs != Correspondence.from_lists([[0, 1], [2]])
    assert (by_pairs.n_images, by_pairs.n_texts, by_pairs.captions_per_image) == (2, 3, None)
    assert by_pairs.of_images.starts.tolist() == [0, 2, 4]
    assert by_pairs.of_images.rows.tolist() == [0, 1, 1, 2]
    assert by_pairs.of_texts.starts.tolist() == [0, 1, 3, 4]
    assert by_pairs.of_texts.rows.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Correspondence([0, 2], [0, 1]), "image 1 has no text: .*leave it out"),
        (lambda: Correspondence([0, 0], [0, 1], n_images=4), "image 1 has no text, nor have 2 o"),
        (lambda: Correspondence.from_lists([[0], [2]]), "text 1 has no image"),
        (lambda: Correspondence.from_lists([[0], []]), "image 1 has no text"),
        (lambda: Correspondence.from_lists([[0], [1]], n_texts=3), "text 2 has no image"),
        (lambda: Correspondence([0, 1], [0, 1], n_texts=1), "no text 1: .* 1 texts, counted from"),
        (lambda: Correspondence([0, -1], [0, 1]), "no image -1"),
        (lambda: Correspondence([0, 1], [0]), "as many images as texts, not 2 and 1"),
        (lambda: Correspondence([0.5], [0]), "whole numbers"),
        (lambda: Correspondence([], []), "whole numbers"),
        (lambda: Correspondence.from_pairs([(0, 1, 2)]), "pairs"),
        (lambda: Correspondence.from_pairs([0, 1]), "pairs"),
        (lambda: Correspondence.from_stride(3, 0), "at least 1"),
    ],
)
def test_what_is_no_relation_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_codes_that_do_not_fit_the_relation_are_refused():
    with pytest.raises(InputError, match="correspondence of 5 images and 11 texts"):
        all_metrics(np.ones((5, 3)), np.ones((12, 3)), Correspondence.from_pairs(UNEQUAL))


def test_folds_are_of_a_stride():
    codes = np.random.default_rng(0).normal(size=(11, 3))
    with pytest.raises(InputError, match="folds need as many captions"):
        fold_metrics(codes[:5], codes, Correspondence.from_pairs(UNEQUAL), fold=2)
    stride = Correspondence.from_stride(4, 2)
    assert fold_metrics(codes[:4], codes[:8], stride, fold=2) == fold_metrics(
        codes[:4], codes[:8], 2, fold=2
    )


def slow_groups(pairs, n_images, n_texts):
    """Connected components, by walking along pairs until nothing is added."""
    left, groups = set(range(n_images)), []
    while left:
        images, texts = {min(left)}, set()
        while True:
            texts = {text for image, text in pairs if image in images}
            more = {image for image, text in pairs if text in texts}
            if more == images:
                break
            images = more
        left -= images
        groups.append((images, texts))
    of_image = [
        next(g for g, (images, _) in enumerate(groups) if i in images) for i in range(n_images)
    ]
    of_text = [next(g for g, (_, texts) in enumerate(groups) if j in texts) for j in range(n_texts)]
    return of_image, of_text


@pytest.mark.parametrize("seed", range(8))
def test_groups_are_what_hangs_together(seed):
    generator = np.random.default_rng(seed)
    pairs = {(image, int(generator.integers(12))) for image in range(14)}
    pairs |= {(int(generator.integers(14)), text) for text in range(12)}
    correspondence = Correspondence.from_pairs(pairs)

    groups = correspondence.groups()

    expected = slow_groups(pairs, 14, 12)
    assert tuple(side.tolist() for side in groups) == expected


def test_a_long_chain_hangs_together_and_images_alone_do_not():
    chain = Correspondence.from_pairs(
        [(k, k) for k in range(500)] + [(k + 1, k) for k in range(499)]
    )
    assert not chain.groups()[0].any() and not chain.groups()[1].any()
    alone = Correspondence.from_lists([[2, 0], [1], [3]])
    assert [side.tolist() for side in alone.groups()] == [[0, 1, 2], [0, 1, 0, 2]]


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(module)

    assert result.attempted and not result.failed


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Correspondence([10**12], [0]), "image 0 has no text, nor have 999,999,999,999"),
        (lambda: Correspondence([0, 2**62], [0, 1]), "image 1 has no text"),
        (lambda: Correspondence([2**63], [0]), "image 0 has no text"),
        (lambda: Correspondence([0], [0], 10**15), "image 1 has no text"),
        (lambda: Correspondence([0], [0], n_texts=2**70), "text 1 has no image"),
        (lambda: Correspondence([0], [0], 1.5), "n_images must be a whole number, not 1.5"),
        (lambda: Correspondence([0], [0], "1"), "n_images must be a whole number, not '1'"),
        (lambda: Correspondence([[0], [1, 2]], [0, 1]), "images of a correspondence"),
        (lambda: Correspondence(None, [0]), "images of a correspondence"),
        (lambda: Correspondence.from_pairs([(0, 1), (1,)]), "pairs of a correspondence"),
        (lambda: Correspondence.from_pairs(3), "pairs of a correspondence"),
        (lambda: Correspondence.from_lists([0, 1]), "one list"),
        (lambda: Correspondence.from_stride(2, 2.5), "captions_per_image must be a whole number"),
        (lambda: Correspondence.from_stride("2", 2), "n_images must be a whole number"),
    ],
)
def test_what_is_no_relation_is_refused_in_one_sentence(make, word):
    with pytest.raises(InputError, match=word) as refused:
        make()

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("stride", (2.0, "2", None, [2]))
@pytest.mark.parametrize("score", (all_metrics, compute_ranks))
def test_a_stride_is_a_whole_number(score, stride):
    codes = np.eye(4, dtype=np.float32)

    with pytest.raises(InputError, match="captions_per_image"):
        score(codes, codes, stride)


@pytest.mark.parametrize("kind", ("float16", "float64", "int8", "int16", "uint8", "bool"))
def test_codes_of_any_real_type_are_counted_as_their_numbers_are(kind):
    generator = np.random.default_rng(3)
    images = (generator.normal(size=(6, 9)) * 90).astype(kind)
    texts = (generator.normal(size=(12, 9)) * 90).astype(kind)
    pairs = [(text // 2, text) for text in range(12)]

    found = count_wrong(images, texts, 2, every_answer=True)

    expected = slow_counts(images.astype(float), texts.astype(float), pairs, "cosine")
    assert [
        [list(part) for part in np.split(side.counts, side.starts[1:-1])] for side in found
    ] == [[list(part) for part in side] for side in expected]


@pytest.mark.parametrize("measure", ("cosine", "order"))
def test_codes_too_small_for_single_precision_are_told_apart(measure):
    generator = np.random.default_rng(4)
    images, texts = generator.normal(size=(5, 4)), generator.normal(size=(10, 4))

    small = count_wrong(images * 2.0**-400, texts * 2.0**-400, 2, measure)

    usual = count_wrong(images, texts, 2, measure)
    assert all(np.array_equal(a.counts, b.counts) for a, b in zip(small, usual))


@pytest.mark.parametrize("factor", (1e30, 1e100, 1e200))
def test_codes_too_large_for_single_precision_are_refused(factor):
    codes = np.random.default_rng(5).normal(size=(4, 3)) * factor

    with pytest.raises(InputError, match="divide all codes"):
        count_wrong(codes, codes, 1)
    with pytest.raises(InputError, match="divide all codes"):
        count_wrong(codes, codes / factor / factor, 1)


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        (np.ones((2, 3), complex), "real numbers, not complex128"),
        (np.ones((2, 3), object), "real numbers, not object"),
        (np.full((2, 3), "1"), "real numbers"),
        ([[1.0], [1.0, 2.0]], "rows differ in length"),
        (3, "a matrix"),
        (None, "a matrix"),
    ],
)
def test_what_is_no_matrix_of_real_numbers_is_refused(codes, word):
    for score in (count_wrong, compute_ranks, all_metrics):
        with pytest.raises(InputError, match=word):
            score(codes, codes, 1)
