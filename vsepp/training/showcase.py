"""What a run shows of itself in VisualDL: answers to a few queries, and the joint space."""

import numpy as np

from vsepp.metrics.top_k import scores_of_text, top_k
from vsepp.report.pictures import draw_queries

QUERIES = 4
ANSWERS = 5
SHOWN_DIRECTIONS = 50
SHOWN_IMAGES = 100  # of the joint space; each with one caption


def show_queries(dataset, images, texts, measure):
    """A picture of a few captions of the split, the same each time, with the images they find.

    Args:
        dataset: ``CaptionDataset``.
        images, texts: its codes.

    Returns:
        PIL.Image.Image
    """
    rows = []
    for query in np.linspace(0, len(texts) - 1, min(QUERIES, len(texts))).astype(int):
        scores = scores_of_text(images, texts[query], measure)
        found = top_k(scores, ANSWERS)
        rows.append(
            (
                dataset.vocabulary.decode(dataset.captions[query]),
                [dataset.image_path(image_id) for image_id in found],
                scores[found],
                [image_id == dataset.image_id(query) for image_id in found],
            )
        )
    return draw_queries(rows)


def show_space(folder, dataset, images, texts):
    """Put images and captions of a split into VisualDL's embedding projector.

    Its own PCA goes wrong where a point has more numbers than there are points, so it is given
    the directions in which they differ most.
    """
    from sklearn.decomposition import PCA

    shown = range(min(SHOWN_IMAGES, len(images)))
    captions = [image_id * dataset.captions_per_image for image_id in shown]
    codes = np.concatenate([images[list(shown)], texts[captions]])
    codes = PCA(min(SHOWN_DIRECTIONS, *codes.shape), svd_solver="full").fit_transform(codes)
    sentences = [dataset.vocabulary.decode(dataset.captions[index]) for index in captions]
    sentences = [f"{image_id}: {sentence}" for image_id, sentence in zip(shown, sentences)]
    folder.embeddings(
        codes, {"text": 2 * sentences, "kind": ["image"] * len(shown) + ["sentence"] * len(shown)}
    )
