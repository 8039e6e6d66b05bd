"""The joint space in two dimensions: PCA, then t-SNE where there are points enough."""

import numpy as np

from vsepp.report.web_page import escape

FEWEST_FOR_TSNE = 60  # points
DIMENSIONS = 50  # kept by PCA before t-SNE
PERPLEXITY = 30
WIDTH, HEIGHT, EDGE, THUMBNAIL = 960, 720, 36, 52


def project(codes, seed=0):
    """Codes ``[n, size]`` as points of a plane.

    PCA to 50 dimensions and t-SNE from there; PCA alone for fewer than 60 points. The same
    codes and seed give the same points.

    Returns:
        (float64 ``[n, 2]``, str): the points, and how they were found.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    codes = np.asarray(codes, np.float64)
    few = len(codes) < FEWEST_FOR_TSNE
    size = min(2 if few else DIMENSIONS, *codes.shape)
    if not np.ptp(codes, axis=0).any():  # a single point, or a collapsed model
        return np.zeros((len(codes), 2)), "every code is the same"
    with threadpool_limits(1):  # threads add up in an order of their own
        points = PCA(size, svd_solver="full").fit_transform(codes)
        if few:
            return np.pad(points, ((0, 0), (0, 2 - size))), "PCA"
        points = TSNE(
            init="pca",
            learning_rate="auto",
            perplexity=PERPLEXITY * min(1, len(codes) / (3.1 * PERPLEXITY)),
            random_state=seed,
        ).fit_transform(points)
    return points.astype(np.float64), f"PCA to {size} dimensions, then t-SNE, seed {seed}"


def spread(points, count):
    """Positions of up to ``count`` points that lie far apart: each the farthest from those before.

    The first is the one nearest to the middle; of points in one place only one is taken.
    """
    distance = ((points - points.mean(0)) ** 2).sum(1)
    chosen = [int(distance.argmin())]
    nearest = ((points - points[chosen[0]]) ** 2).sum(1)
    while len(chosen) < min(count, len(points)) and nearest.max() > 0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
    return chosen


def space_chart(images, texts, names, sentences, thumbnails):
    """Pairs of points as an SVG: circles are images, triangles sentences, lines join pairs.

    Args:
        images, texts: ``[n, 2]``, row ``k`` of both a pair.
        names, sentences: what to call each when it is pointed at.
        thumbnails: ``{row: data URI}`` of images to show.
    """
    images, texts = _fit(images, texts)
    lines = [
        f'<svg class="space" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{len(images)} images and their sentences in the plane">'
    ]
    lines += [
        f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{u:.0f}" y2="{v:.0f}"/>'
        for (x, y), (u, v) in zip(images, texts)
    ]
    for row, address in thumbnails.items():
        x, y = images[row] - THUMBNAIL / 2
        place = f'x="{x:.0f}" y="{y:.0f}" width="{THUMBNAIL}" height="{THUMBNAIL}"'
        lines.append(
            f'<g><title>{escape(names[row])}</title><image href="{address}" {place}/>'
            f"<rect {place}/></g>"
        )
    lines += [
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4"><title>{escape(name)}</title></circle>'
        for row, ((x, y), name) in enumerate(zip(images, names))
        if row not in thumbnails
    ]
    lines += [
        f'<path class="text" d="M{x:.0f} {y - 5:.0f}l5 9h-10z">'
        f"<title>{escape(sentence)}</title></path>"
        for (x, y), sentence in zip(texts, sentences)
    ]
    return "\n".join([*lines, "</svg>"])


def _fit(images, texts):
    """Both into the drawing, each direction stretched alike."""
    both = np.concatenate([images, texts])
    low, high = both.min(0), both.max(0)
    room = np.array([WIDTH, HEIGHT]) - 2.0 * EDGE
    scale = min(
        room[axis] / (high - low)[axis] if high[axis] > low[axis] else np.inf for axis in (0, 1)
    )
    scale = scale if np.isfinite(scale) else 0.0
    middle = np.array([WIDTH, HEIGHT]) / 2
    return ((part - (low + high) / 2) * scale + middle for part in (images, texts))
