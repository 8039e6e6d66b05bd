"""Galleries made in the test, and what the whole matrix of their similarities says of them."""

from types import SimpleNamespace

import numpy as np


def make_gallery(seed, n_images=12, captions_per_image=3, size=6, measure="cosine", whole=False):
    """Codes of a model; right captions tend to be near. `whole` numbers tie often."""
    generator = np.random.default_rng(seed)
    images = generator.normal(size=(n_images, size))
    texts = images.repeat(captions_per_image, 0) + generator.normal(
        size=(n_images * captions_per_image, size)
    )
    if whole:
        images, texts = np.round(images), np.round(texts)
    if measure == "order":
        images, texts = np.abs(images), np.abs(texts)
    return SimpleNamespace(
        images=images.astype(np.float32),
        texts=texts.astype(np.float32),
        measure=measure,
        dataset=SimpleNamespace(captions_per_image=captions_per_image),
    )


def similarities(gallery):
    """float64 ``[n_images, n_captions]``, the whole matrix."""
    images, texts = gallery.images.astype(float), gallery.texts.astype(float)
    if gallery.measure == "cosine":
        return np.einsum("is,js->ij", images, texts)
    return np.array(
        [[-np.linalg.norm(np.maximum(text - image, 0)) for text in texts] for image in images]
    )


def slow_ranks(table, captions_per_image):
    owner = np.arange(table.shape[1]) // captions_per_image
    i2t = [
        int((row[owner != image] >= row[owner == image].max()).sum())
        for image, row in enumerate(table)
    ]
    t2i = [
        int((np.delete(column, owner[caption]) >= column[owner[caption]]).sum())
        for caption, column in enumerate(table.T)
    ]
    return i2t, t2i
