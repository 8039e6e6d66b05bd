import base64
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from vsepp.report.similarity_map import (
    CELL,
    batch_similarities,
    choose_pairs,
    diagonal_summary,
    similarity_map,
)


def picture(svg):
    """The picture inside, one pixel per pair, as brightness."""
    data = re.search(r'href="data:image/png;base64,([^"]+)"', svg).group(1)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.array(image.convert("L"))[CELL // 2 :: CELL, CELL // 2 :: CELL]


def test_right_pairs_are_dark():
    shades = picture(similarity_map(np.eye(6, dtype=np.float32)))
    assert shades.shape == (6, 6)
    assert np.diag(shades).max() < 60 < 200 < shades[~np.eye(6, dtype=bool)].min()


@pytest.mark.parametrize("scores", [np.zeros((1, 1)), np.full((3, 3), -2.0), -np.eye(40)])
def test_any_scores_can_be_drawn(scores):
    assert picture(similarity_map(scores.astype(np.float32))).shape == scores.shape


@pytest.mark.parametrize("images, count", [(1, 1), (5, 5), (32, 32), (33, 32), (1000, 32)])
def test_pairs_are_spread_over_the_split(images, count):
    chosen = choose_pairs(images, 32)
    assert len(set(chosen.tolist())) == count
    assert chosen[0] == 0 and chosen[-1] == images - 1


@pytest.mark.parametrize("measure", ["cosine", "order"])
def test_a_batch_takes_the_first_sentence_of_each_image(measure):
    rng = np.random.default_rng(0)
    gallery = SimpleNamespace(
        images=rng.normal(size=(4, 3)),
        texts=rng.normal(size=(8, 3)),
        measure=measure,
        dataset=SimpleNamespace(captions_per_image=2),
    )
    scores = batch_similarities(gallery, np.array([1, 3]))
    for row, image in enumerate((1, 3)):
        for column, text in enumerate((2, 6)):
            a, b = gallery.images[image], gallery.texts[text]
            slow = a @ b if measure == "cosine" else -np.linalg.norm(np.maximum(b - a, 0))
            assert scores[row, column] == pytest.approx(slow, abs=1e-5)


def test_the_summary_counts_the_highest_of_rows_and_columns():
    scores = np.array([[0.5, 0.1, 0.2], [0.6, 0.4, 0.0], [0.1, 0.1, 0.3]], np.float32)
    text = diagonal_summary(scores)
    assert "right pairs 0.400" in text and "row 2 times of 3" in text
    assert "column 2 times" in text
    assert diagonal_summary(np.ones((1, 1))) == "One pair, similarity 1.000."
