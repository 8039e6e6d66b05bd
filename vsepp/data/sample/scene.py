"""What is in a scene: a setting, one or two groups of things, and how they stand to each other.

A group is a number of things of one kind, one colour and one size ("two small blue
cars"). Every draw comes from a generator of its own, derived from (seed, split,
index), so that a scene never depends on how many were drawn before it; only the
held-out splits look back, to keep their scenes apart (see :func:`draw_scenes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPLITS = ("train", "val", "test")

# Each setting, and the colours that would not stand out against it.
SETTINGS = {
    "beach": ("yellow",),
    "snow": ("white",),
    "night city": (),
    "meadow": ("green",),
    "desert": ("orange",),
    "moon": ("white",),
    "autumn forest": ("orange",),
    "lake at sunset": ("pink",),
}
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
GROUNDED = ("house", "car", "tree", "mushroom", "umbrella", "cat", "flower")
FLYING = ("balloon", "kite", "rocket", "butterfly", "bird")
KINDS = GROUNDED + FLYING
SIZES = ("small", "big")
COUNTS = (1, 2, 3)
RELATIONS = ("left", "right", "above", "below")
INVERSE = {"left": "right", "right": "left", "above": "below", "below": "above"}

_SECOND_GROUP = 0.85  # share of the scenes that have a second group
_ATTEMPTS = 200  # at a held-out scene that is unlike the earlier ones


@dataclass(frozen=True)
class Group:
    """``count`` things of one ``kind``, ``colour`` and ``size``."""

    kind: str
    colour: str
    size: str
    count: int

    @property
    def flies(self):
        return self.kind in FLYING


@dataclass(frozen=True)
class Scene:
    """A setting with a main group and perhaps a second: ``main`` is ``relation`` of ``second``."""

    setting: str
    main: Group
    second: Group | None = None
    relation: str | None = None

    @property
    def groups(self):
        return (self.main,) if self.second is None else (self.main, self.second)


def generator(seed, split, index, stream):
    """The numpy Generator of one image for one use of it (``stream``, a small integer)."""
    return np.random.default_rng([seed, SPLITS.index(split), index, stream])


def pick(rng, choices):
    """One of ``choices``, a sequence, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def _draw_group(rng, kinds, colours):
    return Group(pick(rng, kinds), pick(rng, colours), pick(rng, SIZES), pick(rng, COUNTS))


def _relations(main, second):
    """The relations in which nothing that belongs on the ground hangs in the air."""
    if main.flies and second.flies:
        return RELATIONS
    if main.flies:
        return ("above", "above", "left", "right")
    if second.flies:
        return ("below", "below", "left", "right")
    return ("left", "right")


def _fitting(group, relation):
    """Three big things in a row need the whole width: beside another group they are small."""
    if relation in ("left", "right") and group.count == 3:
        return Group(group.kind, group.colour, "small", group.count)
    return group


def draw_scene(rng):
    """A scene at random. Its two groups differ in kind and in colour."""
    setting = pick(rng, tuple(SETTINGS))
    colours = tuple(colour for colour in COLOURS if colour not in SETTINGS[setting])
    main = _draw_group(rng, KINDS, colours)
    if rng.random() >= _SECOND_GROUP:
        return Scene(setting, main)
    second = _draw_group(
        rng,
        tuple(kind for kind in KINDS if kind != main.kind),
        tuple(colour for colour in colours if colour != main.colour),
    )
    relation = pick(rng, _relations(main, second))
    return Scene(setting, _fitting(main, relation), _fitting(second, relation), relation)


def _marks(scene):
    """What no other scene of a held-out split may share, so that sentences tell them apart."""
    looks = [(group.kind, group.colour) for group in scene.groups]
    marks = {(scene.setting, look) for look in looks}
    if len(looks) == 2:
        marks.add(tuple(sorted(looks)))
    return marks


def draw_scenes(split, count, seed=0):
    """The first ``count`` scenes of a split.

    Training scenes are independent of each other. In ``val`` and ``test`` no two
    scenes share a setting together with a kind and colour, or the kinds and colours
    of both groups, so that a sentence that names either is true of one scene only. A
    split of many hundred scenes runs out of such scenes and takes what comes.

    Returns:
        list of Scene; a shorter list is the beginning of a longer one.
    """
    scenes, taken = [], set()
    for index in range(count):
        rng = generator(seed, split, index, stream=0)
        scene = draw_scene(rng)
        if split != "train":
            for _ in range(_ATTEMPTS):
                if taken.isdisjoint(_marks(scene)):
                    break
                scene = draw_scene(rng)
            taken |= _marks(scene)
        scenes.append(scene)
    return scenes
