"""Where the things of a scene stand, in fractions of the picture's side.

Beside each other, each group keeps to its half of the width; above each other, to its
half of the height; so a relation can be read off the picture without doubt.
"""

from dataclasses import dataclass

from vsepp.data.sample.scene import INVERSE, Group

# The side of the square that one thing fills, by (size, count).
_SIDE = {
    ("small", 1): 0.27,
    ("small", 2): 0.25,
    ("small", 3): 0.225,
    ("big", 1): 0.43,
    ("big", 2): 0.40,
    ("big", 3): 0.31,
}
_STACKED_SIDE = 0.36  # of two big things, one behind the other in half the width
_MARGIN = 0.03  # at the picture's edge, and half of it between two groups
_JITTER = 0.03  # up to which a thing strays from its place, where there is room

_REGIONS = {  # x0, y0, x1, y1
    "left": (_MARGIN, 0.05, 0.5 - _MARGIN / 2, 0.96),
    "right": (0.5 + _MARGIN / 2, 0.05, 1 - _MARGIN, 0.96),
    "above": (_MARGIN, 0.04, 1 - _MARGIN, 0.49),
    "below": (_MARGIN, 0.51, 1 - _MARGIN, 0.96),
    None: (_MARGIN, 0.05, 1 - _MARGIN, 0.94),
}


@dataclass(frozen=True)
class Placed:
    """One thing of ``group`` in the square of side ``side`` whose upper left corner is x, y."""

    group: Group
    x: float
    y: float
    side: float


def _spots(count, stacked):
    """Centres of ``count`` things in a unit region, the farthest (highest) first."""
    if count == 1:
        return [(0.5, 0.5)]
    if not stacked:
        return [((i + 0.5) / count, 0.5) for i in range(count)]
    if count == 2:
        return [(0.35, 0.0), (0.65, 1.0)]
    return [(0.5, 0.0), (0.0, 1.0), (1.0, 1.0)]


def _side(rng, group, relation):
    side = _SIDE[group.size, group.count]
    if group.count == 1:
        side *= 0.95 + 0.1 * rng.random()
        if relation is None and group.size == "big":
            side *= 1.12
    elif group.count == 2 and relation in ("left", "right"):
        side = min(side, _STACKED_SIDE)
    return side


def _heights(group, region, relation):
    """The part of the region's height to use: flying things keep to the sky, others below it."""
    _, top, _, bottom = region
    if relation in ("above", "below"):
        return top, bottom
    if relation is None or group.count == 1:
        return (0.12, 0.60) if group.flies else (0.48, 0.96)
    if group.size == "small":
        return (0.12, 0.64) if group.flies else (0.44, 0.96)
    return (top, bottom) if group.flies else (top + 0.2, bottom)


def _place_group(rng, group, region, relation):
    left, top, right, bottom = region
    side = _side(rng, group, relation)
    highest, lowest = _heights(group, region, relation)
    stacked = relation in ("left", "right")
    mirrored = rng.random() < 0.5
    placed = []
    for across, down in _spots(group.count, stacked):
        if mirrored:
            across = 1 - across
        if group.count == 1:
            x = left + (right - left - side) * rng.random()
        elif stacked:
            x = left + (right - left - side) * across
        else:
            x = left + (right - left) * across - side / 2
        y = highest + (lowest - highest - side) * down
        x += rng.uniform(-_JITTER, _JITTER)
        y += rng.uniform(-_JITTER, _JITTER)
        x = min(max(x, left), right - side)
        y = min(max(y, top), bottom - side)
        placed.append(Placed(group, x, y, side))
    return placed


def place(scene, rng):
    """Where everything of a scene goes.

    Returns:
        list of Placed, in the order in which to paint: the nearest (lowest) last.
    """
    relation = scene.relation
    placed = _place_group(rng, scene.main, _REGIONS[relation], relation)
    if scene.second is not None:
        inverse = INVERSE[relation]
        placed += _place_group(rng, scene.second, _REGIONS[inverse], inverse)
    return sorted(placed, key=lambda thing: thing.y + thing.side)
