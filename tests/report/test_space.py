import sys
import warnings

import numpy as np
import pytest

from vsepp.report.space import project, space_chart, spread

sklearn = pytest.importorskip("sklearn")


def clusters(points, size=20):
    """Two groups far apart."""
    codes = np.random.default_rng(3).normal(size=(points, size)).astype(np.float32)
    codes[points // 2 :, 0] += 40
    return codes


@pytest.mark.parametrize("points, how", [(20, "PCA"), (80, "t-SNE")])
def test_groups_stay_apart_and_the_method_is_named(points, how):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plane, said = project(clusters(points))
    assert plane.shape == (points, 2) and how in said
    halves = plane[: points // 2], plane[points // 2 :]
    between = np.linalg.norm(halves[0].mean(0) - halves[1].mean(0))
    within = max(np.linalg.norm(half - half.mean(0), axis=1).mean() for half in halves)
    assert between > 2 * within


def test_a_seed_gives_the_same_points():
    first, again = (project(clusters(70), seed=5)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    "codes",
    [np.ones((1, 4)), np.ones((90, 4)), np.eye(2), np.arange(6.0).reshape(6, 1), np.eye(3)[:, :2]],
)
def test_whatever_is_too_little_still_has_points(codes):
    plane, _ = project(codes)
    assert plane.shape == (len(codes), 2) and np.isfinite(plane).all()


def test_spread_points_lie_far_apart():
    points = np.array([[0, 0], [0.1, 0], [9, 0], [0, 9], [9.1, 0.1], [4, 4]], float)
    chosen = spread(points, 4)
    assert len(chosen) == 4 and len({tuple((points[k] // 3).tolist()) for k in chosen}) == 4


def test_points_in_one_place_are_one():
    assert len(spread(np.zeros((5, 2)), 3)) == 1


def test_the_chart_holds_every_point_and_escapes_names():
    images, texts = np.array([[0, 0], [1, 5.0]]), np.array([[2.0, 2], [3, 3]])
    chart = space_chart(
        images, texts, ["<a>", "b"], ['"c"', "</title><script>"], {1: "data:image/jpeg;base64,AA=="}
    )
    assert chart.count("<circle") == 1 and chart.count("<image ") == 1
    assert chart.count('class="text"') == 2 and chart.count("<line") == 2
    assert "&lt;a&gt;" in chart and "<script>" not in chart


def test_a_collapsed_model_is_drawn_in_the_middle():
    chart = space_chart(np.zeros((2, 2)), np.zeros((2, 2)), "ab", "cd", {})
    assert chart.count('cx="480" cy="360"') == 2


def test_it_says_so_when_scikit_learn_is_missing(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModuleNotFoundError):
        project(np.eye(3))
