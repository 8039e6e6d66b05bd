"""Sentences that describe a scene, in a small and regular English.

The words are few and all of them frequent, so that a recurrent network learns them
from ten thousand sentences: templates, a synonym or two for most things, plurals,
articles and verbs that agree.
"""

from vsepp.data.sample.scene import INVERSE, pick

_COUNT = {2: "two", 3: "three"}
_SIZE = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}
_SIZE_MENTIONED = 0.6  # how often a sentence says how large a group is

# kind: (singular, plural) pairs, then (singular, plural) verbs.
_NOUNS = {
    "house": (("house", "houses"), ("cottage", "cottages")),
    "car": (("car", "cars"), ("auto", "autos")),
    "tree": (("tree", "trees"), ("pine", "pines")),
    "mushroom": (("mushroom", "mushrooms"), ("toadstool", "toadstools")),
    "umbrella": (("umbrella", "umbrellas"), ("parasol", "parasols")),
    "cat": (("cat", "cats"), ("kitten", "kittens")),
    "flower": (("flower", "flowers"), ("blossom", "blossoms")),
    "balloon": (("balloon", "balloons"),),
    "kite": (("kite", "kites"),),
    "rocket": (("rocket", "rockets"), ("spaceship", "spaceships")),
    "butterfly": (("butterfly", "butterflies"),),
    "bird": (("bird", "birds"),),
}
_VERBS = {
    "house": ("stands", "stand"),
    "car": ("is parked", "are parked"),
    "tree": ("grows", "grow"),
    "mushroom": ("grows", "grow"),
    "umbrella": ("stands", "stand"),
    "cat": ("sits", "sit"),
    "flower": ("grows", "grow"),
    "balloon": ("floats", "float"),
    "kite": ("flies", "fly"),
    "rocket": ("flies", "fly"),
    "butterfly": ("flutters", "flutter"),
    "bird": ("flies", "fly"),
}
_PLACE = {
    "beach": ("at the beach", "at the seaside", "by the sea"),
    "snow": ("in the snow", "in a snowy landscape", "among snowy mountains"),
    "night city": ("in the city at night", "in a town at night", "downtown at night"),
    "meadow": ("in a green meadow", "in the meadow", "on the grass"),
    "desert": ("in the desert", "among the dunes", "in a dry desert"),
    "moon": ("on the moon", "on the grey moon", "in outer space"),
    "autumn forest": ("in the autumn forest", "in the woods in autumn", "in an autumn wood"),
    "lake at sunset": ("by the lake at sunset", "at sunset by the lake", "at the lake"),
}
_SCENERY = {
    "beach": ("a sunny beach", "the seaside"),
    "snow": ("a snowy landscape", "snowy mountains"),
    "night city": ("a city at night", "a town at night"),
    "meadow": ("a green meadow", "a meadow"),
    "desert": ("a dry desert", "a desert"),
    "moon": ("the moon", "outer space"),
    "autumn forest": ("an autumn forest", "a forest in autumn"),
    "lake at sunset": ("a lake at sunset", "the lake at sunset"),
}
_RELATION = {
    "left": ("to the left of", "on the left of"),
    "right": ("to the right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
}
_SIDE = {
    "left": "on the left",
    "right": "on the right",
    "above": "at the top",
    "below": "at the bottom",
}

_OF_ONE_GROUP = (
    "{main} {verb} {place}",
    "{main} can be seen {place}",
    "there {be} {main} {place}",
    "{place}, {main} {verb}",
    "the picture shows {main} {place}",
    "a picture of {main} {place}",
    "{scenery} with {main}",
)
_OF_TWO_GROUPS = (
    "{main} {be} {relation} {second} {place}",
    "{main} {verb} {relation} {second} {place}",
    "{main} can be seen {relation} {second} {place}",
    "there {be} {main} {relation} {second} {place}",
    "{place}, {main} {verb} {relation} {second}",
    "{place}, {second} {second_verb} {inverse} {main}",
    "{second} {second_be} {inverse} {main} {place}",
    "the picture shows {main} and {second} {place}",
    "{main} and {second} {place}",
    "{scenery} with {main} {side} and {second} {other_side}",
    "{main} {verb} {relation} {second}",
    "{main} {verb} {place}",
)


def _noun_phrase(rng, group):
    words = [group.colour, pick(rng, _NOUNS[group.kind])[group.count > 1]]
    if rng.random() < _SIZE_MENTIONED:
        words.insert(0, pick(rng, _SIZE[group.size]))
    article = "an" if words[0][0] in "aeiou" else "a"
    return " ".join([_COUNT.get(group.count, article)] + words)


def _verb(group):
    return _VERBS[group.kind][group.count > 1]


def _be(group):
    return "are" if group.count > 1 else "is"


def _sentence(rng, scene, template):
    main, second, relation = scene.main, scene.second, scene.relation
    parts = {
        "main": _noun_phrase(rng, main),
        "verb": _verb(main),
        "be": _be(main),
        "place": pick(rng, _PLACE[scene.setting]),
        "scenery": pick(rng, _SCENERY[scene.setting]),
    }
    if second is not None:
        parts.update(
            second=_noun_phrase(rng, second),
            second_verb=_verb(second),
            second_be=_be(second),
            relation=pick(rng, _RELATION[relation]),
            inverse=pick(rng, _RELATION[INVERSE[relation]]),
            side=_SIDE[relation],
            other_side=_SIDE[INVERSE[relation]],
        )
    text = template.format(**parts)
    return text[0].upper() + text[1:] + "."


def describe(scene, rng, count=5):
    """``count`` sentences about a scene, each after another template (at most seven)."""
    templates = _OF_ONE_GROUP if scene.second is None else _OF_TWO_GROUPS
    order = rng.permutation(len(templates))[:count]
    return [_sentence(rng, scene, templates[i]) for i in order]
