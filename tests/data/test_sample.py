"""The sample draws the same scenes every time, and its sentences tell them apart."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from vsepp.data import sample
from vsepp.data.sample import draw_sample
from vsepp.data.sample.drawing import IMAGE_SIDE, draw_picture
from vsepp.data.sample.grammar import describe
from vsepp.data.sample.layout import place
from vsepp.data.sample.scene import (
    COLOURS,
    KINDS,
    SETTINGS,
    SPLITS,
    Group,
    Scene,
    draw_scenes,
    generator,
)
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import tokenize

SMALL = {"train": 4, "val": 2, "test": 3}

# What a reader understands, written down apart from the grammar that writes.
COUNT_WORDS = {"a": 1, "an": 1, "two": 2, "three": 3}
SIZE_WORDS = {"small": "small", "little": "small", "tiny": "small"}
SIZE_WORDS.update({"big": "big", "large": "big", "huge": "big"})
KIND_WORDS = {
    "house": "house houses cottage cottages",
    "car": "car cars auto autos",
    "tree": "tree trees pine pines",
    "mushroom": "mushroom mushrooms toadstool toadstools",
    "umbrella": "umbrella umbrellas parasol parasols",
    "cat": "cat cats kitten kittens",
    "flower": "flower flowers blossom blossoms",
    "balloon": "balloon balloons",
    "kite": "kite kites",
    "rocket": "rocket rockets spaceship spaceships",
    "butterfly": "butterfly butterflies",
    "bird": "bird birds",
}
KIND_OF = {word: kind for kind, words in KIND_WORDS.items() for word in words.split()}
SETTING_WORDS = {
    "beach": "beach seaside sea",
    "snow": "snow snowy",
    "night city": "city town downtown",
    "meadow": "meadow grass",
    "desert": "desert dunes",
    "moon": "moon space",
    "autumn forest": "autumn",
    "lake at sunset": "lake",
}
SETTING_OF = {word: name for name, words in SETTING_WORDS.items() for word in words.split()}
RELATION_OF = {
    "left": "left",
    "right": "right",
    "above": "above",
    "over": "above",
    "top": "above",
    "below": "below",
    "under": "below",
    "beneath": "below",
    "bottom": "below",
}
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above", None: None}


def understand(tokens):
    """(setting or None, claims about groups, relation of the first to the second or None)."""
    settings = {SETTING_OF[word] for word in tokens if word in SETTING_OF}
    assert len(settings) <= 1
    groups, ends = [], []
    for at, word in enumerate(tokens):
        if word not in KIND_OF:
            continue
        colour, before = tokens[at - 1], tokens[at - 2]
        size = SIZE_WORDS.get(before)
        count = COUNT_WORDS[tokens[at - 3] if size else before]
        assert (word in ("houses", "butterflies") or word.endswith("s")) == (count > 1)
        groups.append((KIND_OF[word], colour, count, size))
        ends.append(at)
    relation = None
    if len(groups) == 2:
        between = {RELATION_OF[word] for word in tokens[ends[0] : ends[1]] if word in RELATION_OF}
        assert len(between) <= 1
        relation = between.pop() if between else None
    return (settings.pop() if settings else None), groups, relation


def is_true_of(scene, claims):
    setting, groups, relation = claims
    if setting is not None and setting != scene.setting:
        return False
    found = []
    for kind, colour, count, size in groups:
        matching = [
            group
            for group in scene.groups
            if (group.kind, group.colour, group.count) == (kind, colour, count)
            and size in (None, group.size)
        ]
        if not matching:
            return False
        found += matching
    if relation is None:
        return True
    stands = scene.relation if found[0] == scene.main else OPPOSITE[scene.relation]
    return stands == relation


def sentences_of(split, count, seed=0):
    return [
        describe(scene, generator(seed, split, index, stream=1))
        for index, scene in enumerate(draw_scenes(split, count, seed))
    ]


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    draw_sample(folder, **SMALL)
    return folder


def read(folder):
    return json.loads((folder / "dataset_sample.json").read_text(encoding="utf-8"))


# -- the data set on the disk ----------------------------------------------------------


def test_the_json_is_a_karpathy_split(drawn):
    description = read(drawn)

    assert description["dataset"] == "sample"
    images = description["images"]
    assert Counter(image["split"] for image in images) == SMALL
    assert [image["imgid"] for image in images] == list(range(9))
    assert len({image["filename"] for image in images}) == 9
    sentences = [sentence for image in images for sentence in image["sentences"]]
    assert [sentence["sentid"] for sentence in sentences] == list(range(45))
    for image in images:
        assert image["sentids"] == [sentence["sentid"] for sentence in image["sentences"]]
        assert {sentence["imgid"] for sentence in image["sentences"]} == {image["imgid"]}


def test_every_picture_is_there_in_rgb(drawn):
    for image in read(drawn)["images"]:
        with Image.open(drawn / "images" / image["filename"]) as picture:
            assert picture.mode == "RGB"
            assert picture.size == (IMAGE_SIDE, IMAGE_SIDE)
    assert len(contents(drawn)) == 10  # nine pictures, the JSON, nothing left aside


def test_the_same_arguments_give_the_same_bytes(drawn, tmp_path):
    draw_sample(tmp_path, **SMALL)

    assert contents(tmp_path) == contents(drawn)


def test_another_seed_gives_other_scenes(drawn, tmp_path):
    draw_sample(tmp_path, **SMALL, seed=1)

    mine, theirs = contents(tmp_path), contents(drawn)
    assert all(mine[name] != theirs[name] for name in theirs)


def test_what_is_there_is_left_as_it_is(tmp_path):
    path = draw_sample(tmp_path, train=2, val=1, test=1)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}

    assert draw_sample(tmp_path, train=2, val=1, test=1) == path

    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_only_missing_pictures_are_drawn_again(drawn, tmp_path):
    draw_sample(tmp_path, **SMALL)
    kept = tmp_path / "images" / "train_00001.png"
    before = kept.stat().st_mtime_ns
    (tmp_path / "images" / "test_00002.png").unlink()
    (tmp_path / "images" / "train_00000.png").write_bytes(b"")

    draw_sample(tmp_path, **SMALL)

    assert contents(tmp_path) == contents(drawn)
    assert kept.stat().st_mtime_ns == before


def test_an_interrupted_drawing_has_no_json_and_can_be_run_again(drawn, tmp_path, monkeypatch):
    draw_sample(tmp_path, **SMALL, seed=1)  # another sample stood there before
    save, calls = sample._save, []

    def interrupted(picture, path):
        calls.append(path)
        if len(calls) == 4:
            raise KeyboardInterrupt
        save(picture, path)

    monkeypatch.setattr(sample, "_save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_sample(tmp_path, **SMALL)
    assert not (tmp_path / "dataset_sample.json").exists()

    monkeypatch.setattr(sample, "_save", save)
    draw_sample(tmp_path, **SMALL)
    assert contents(tmp_path) == contents(drawn)


def test_another_version_is_drawn_anew(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "VERSION", sample.VERSION + 1)
    draw_sample(tmp_path, **SMALL)
    monkeypatch.undo()
    (tmp_path / "images" / "val_00000.png").write_bytes(b"as an older version drew it")

    draw_sample(tmp_path, **SMALL)

    assert contents(tmp_path) == contents(drawn)


def test_a_json_of_another_origin_is_not_overwritten(tmp_path):
    path = tmp_path / "dataset_sample.json"
    path.write_text('{"dataset": "sample", "images": []}', encoding="utf-8")

    with pytest.raises(InputError, match="was not drawn by vsepp"):
        draw_sample(tmp_path, **SMALL)

    assert path.read_text(encoding="utf-8") == '{"dataset": "sample", "images": []}'


@pytest.mark.parametrize("name", ["train", "val", "test", "seed"])
def test_a_negative_number_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=name):
        draw_sample(tmp_path, **{**SMALL, "seed": 0, name: -1})

    assert not list(tmp_path.iterdir())


# -- the scenes --------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_fewer_scenes_are_the_first_of_more(split):
    assert draw_scenes(split, 10) == draw_scenes(split, 30)[:10]


def test_every_setting_kind_and_colour_turns_up():
    scenes = draw_scenes("train", 400)

    assert {scene.setting for scene in scenes} == set(SETTINGS)
    groups = [group for scene in scenes for group in scene.groups]
    assert {group.kind for group in groups} == set(KINDS)
    assert {group.colour for group in groups} == set(COLOURS)
    assert {group.count for group in groups} == {1, 2, 3}
    assert {group.size for group in groups} == {"small", "big"}
    assert {scene.relation for scene in scenes} == {"left", "right", "above", "below", None}


def test_nothing_has_a_colour_that_its_setting_hides():
    for scene in draw_scenes("train", 400):
        assert not {group.colour for group in scene.groups} & set(SETTINGS[scene.setting])


def test_things_stand_as_the_relation_says_and_inside_the_picture():
    for index, scene in enumerate(draw_scenes("train", 400)):
        placed = place(scene, generator(0, "train", index, stream=2))
        assert len(placed) == sum(group.count for group in scene.groups)
        for thing in placed:
            assert 0 <= thing.x and thing.x + thing.side <= 1
            assert 0 <= thing.y and thing.y + thing.side <= 1
        main = [thing for thing in placed if thing.group == scene.main]
        second = [thing for thing in placed if thing.group == scene.second]
        first, last = (main, second) if scene.relation in ("left", "above") else (second, main)
        if scene.relation in ("left", "right"):
            assert max(t.x + t.side for t in first) <= min(t.x for t in last)
        elif scene.relation:
            assert max(t.y + t.side for t in first) <= min(t.y for t in last)


def test_big_is_clearly_bigger_than_small_at_any_count():
    sides = {"small": [], "big": []}
    for index, scene in enumerate(draw_scenes("train", 400)):
        for thing in place(scene, generator(0, "train", index, stream=2)):
            sides[thing.group.size].append(thing.side)

    assert min(sides["small"]) >= 0.22
    assert max(sides["small"]) < min(sides["big"])
    assert np.mean(sides["big"]) > 1.4 * np.mean(sides["small"])


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_thing_shows_its_colour_in_the_picture(setting):
    # Red and blue are far apart: the picture of the one has more red, wherever it stands.
    def mean_colour(colour):
        scene = Scene(setting, Group("house", colour, "big", 1))
        return np.asarray(draw_picture(scene, generator(0, "test", 7, stream=2))).mean(axis=(0, 1))

    difference = mean_colour("red") - mean_colour("blue")
    assert difference[0] > 5 and difference[2] < -5


# -- the sentences -----------------------------------------------------------------------


def test_five_different_sentences_about_each_scene():
    for sentences in sentences_of("train", 400):
        assert len({tuple(tokenize(raw)) for raw in sentences}) == 5


def test_tokens_are_the_words_of_the_raw_sentence(drawn):
    for image in read(drawn)["images"]:
        for sentence in image["sentences"]:
            raw = sentence["raw"]
            assert raw[0].isupper() and raw.endswith(".")
            words = raw[:-1].replace(",", "").lower().split(" ")
            assert sentence["tokens"] == words


def test_sentences_have_six_to_twenty_words():
    lengths = [len(tokenize(raw)) for five in sentences_of("train", 2000) for raw in five]

    assert min(lengths) >= 6
    assert max(lengths) <= 20


def test_articles_and_verbs_agree():
    groups = Group("umbrella", "orange", "big", 1), Group("car", "blue", "small", 2)
    scene = Scene("beach", *groups, relation="left")
    texts = {raw for seed in range(200) for raw in describe(scene, np.random.default_rng(seed))}

    assert any(raw.startswith("An orange umbrella stands ") for raw in texts)
    assert any(" a large orange parasol" in raw for raw in texts)
    assert any("wo tiny blue autos are parked on the right of " in raw for raw in texts)
    assert not any(" a orange" in raw.lower() or " an big" in raw.lower() for raw in texts)
    assert not any("umbrella are" in raw or "cars is" in raw for raw in texts)


def test_the_words_are_few_and_frequent():
    counts = Counter(
        word for five in sentences_of("train", 2000) for raw in five for word in tokenize(raw)
    )
    held_out = {
        word
        for split in ("val", "test")
        for five in sentences_of(split, 100)
        for raw in five
        for word in tokenize(raw)
    }

    assert 80 <= len(counts) <= 150
    assert min(counts.values()) > 50
    assert held_out <= set(counts)


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_perfect_reader_finds_the_one_picture_of_every_sentence(split, seed):
    scenes = draw_scenes(split, 100, seed)
    for index, five in enumerate(sentences_of(split, 100, seed)):
        for raw in five:
            claims = understand(tokenize(raw))
            assert [i for i, scene in enumerate(scenes) if is_true_of(scene, claims)] == [index], (
                raw
            )


def test_training_sentences_are_true():
    for scene, five in zip(draw_scenes("train", 500), sentences_of("train", 500)):
        assert all(is_true_of(scene, understand(tokenize(raw))) for raw in five)


def test_a_split_too_large_to_keep_apart_is_still_drawn():
    assert len(draw_scenes("test", 600)) == 600
