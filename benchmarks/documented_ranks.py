"""The documented recall: all similarities, sorted query by query, the right answer looked up."""

import numpy as np


def image_ranks(scores, captions_per_image, images=None):
    """Ranks of each image's best caption, from zero.

    Args:
        scores: ``[n_images, n_texts]``.
        images: the queries; all by default.
    """
    ranks = []
    for image in range(len(scores)) if images is None else images:
        order = np.argsort(-scores[image]).tolist()
        right = range(image * captions_per_image, (image + 1) * captions_per_image)
        ranks.append(min(order.index(text) for text in right))
    return ranks


def text_ranks(scores, captions_per_image, texts=None):
    """Ranks of each caption's image, from zero; arguments as :func:`image_ranks`."""
    ranks = []
    for text in range(scores.shape[1]) if texts is None else texts:
        order = np.argsort(-scores[:, text]).tolist()
        ranks.append(order.index(text // captions_per_image))
    return ranks


def recalls(image_codes, text_codes, captions_per_image):
    """What ``vsepp.calc_recall`` returns, from the same arguments."""
    scores = np.matmul(image_codes[::captions_per_image], text_codes.T)
    i2t = np.array(image_ranks(scores, captions_per_image))
    t2i = np.array(text_ranks(scores, captions_per_image))
    return tuple(100.0 * float(np.mean(ranks < k)) for k in (1, 5, 10) for ranks in (i2t, t2i))
