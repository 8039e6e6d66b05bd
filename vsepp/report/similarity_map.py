"""A batch's similarities as a picture: images down, sentences across, right pairs diagonal."""

import io

import numpy as np
from PIL import Image

from vsepp.metrics.similarity import find_measure
from vsepp.report.web_page import data_uri

CELL = 12  # pixels of the picture, units of the drawing
_EDGE = 30  # room for the numbers
_COLOURS = np.array([[250, 251, 253], [158, 202, 225], [49, 130, 189], [8, 48, 107]], float)


def choose_pairs(n_images, count):
    """Positions of ``count`` images spread evenly over a split; all where it has fewer."""
    return np.unique(np.linspace(0, n_images - 1, min(count, n_images)).round().astype(int))


def batch_similarities(gallery, image_ids):
    """float32 ``[n, n]``: each of the images with the first sentence of each."""
    measure = find_measure(gallery.measure)
    texts = gallery.texts[image_ids * gallery.dataset.captions_per_image]
    return measure.block(gallery.images[image_ids], texts)


def diagonal_summary(scores):
    """One sentence on how far the right pairs stand out."""
    size = len(scores)
    diagonal = np.diag(scores)
    if size == 1:
        return f"One pair, similarity {diagonal[0]:.3f}."
    others = scores[~np.eye(size, dtype=bool)].reshape(size, size - 1)
    rows = int((diagonal > others.max(1)).sum())
    columns = int((diagonal > np.where(np.eye(size, dtype=bool), -np.inf, scores).max(0)).sum())
    return (
        f"Mean similarity of right pairs {diagonal.mean():.3f}, of wrong ones "
        f"{others.mean():.3f}. The right pair is the highest of its row {rows} times of "
        f"{size}, of its column {columns} times."
    )


def similarity_map(scores):
    """The matrix as an SVG; darker is more alike, from the lowest to the highest score."""
    size = len(scores)
    side = CELL * size
    labels = []
    for place in range(0, size, 4 if size > 12 else 1):
        at, number = _EDGE + CELL * place + CELL / 2, place + 1
        labels.append(
            f'<text x="{at}" y="{_EDGE - 5}" text-anchor="middle">{number}</text>'
            f'<text x="{_EDGE - 5}" y="{at + 4}" text-anchor="end">{number}</text>'
        )
    return (
        f'<svg class="map" viewBox="0 0 {_EDGE + side} {_EDGE + side}" role="img" '
        f'aria-label="similarities of {size} images and {size} sentences">'
        f'<image href="{data_uri("image/png", _png(scores))}" x="{_EDGE}" y="{_EDGE}" '
        f'width="{side}" height="{side}"/>{"".join(labels)}</svg>'
    )


def _png(scores):
    low, high = float(scores.min()), float(scores.max())
    share = (scores - low) / (high - low) if high > low else np.zeros_like(scores)
    stops = np.linspace(0, 1, len(_COLOURS))
    pixels = np.stack([np.interp(share, stops, channel) for channel in _COLOURS.T], axis=-1)
    picture = Image.fromarray(pixels.round().astype(np.uint8))
    file = io.BytesIO()
    picture.resize((CELL * len(scores),) * 2, Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()
