"""Names of files are matched to names of images as people mean them, and never guessed."""

import random
import unicodedata

import pytest

from vsepp.data.sources.name_encodings import ENCODINGS
from vsepp.data.sources.name_matching import match_names
from vsepp.system.errors import InputError


def match(names, files, **options):
    """Match names to files, ``{name: size}`` or a list of names of one size each."""
    sizes = files if isinstance(files, dict) else {name: 1 for name in files}
    return match_names(names, sizes, "photos", **options)


def nfd(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "name, file, how",
    [
        ("café.jpg", nfd("café.jpg"), "in another Unicode form"),
        (nfd("café.jpg"), "deep/café.jpg", "in another Unicode form"),
        ("が行/パン.jpg", nfd("が行/パン.jpg"), "in another Unicode form"),
        ("a.jpg", "A.JPG", "in another case"),
        ("Straße.jpg", "STRASSE.JPG", "in another case"),
        ("CAFÉ.jpg", nfd("café.jpg"), "in another Unicode form and in another case"),
        ("COCO_val2014_000000391895.jpg", "000000391895.jpg", "by COCO's number"),
        ("val2014/COCO_val2014_000000391895.jpg", "train2017/000000391895.jpg", "by COCO's number"),
        ("000000391895.jpg", "val2014/COCO_val2014_000000391895.jpg", "by COCO's number"),
        ("1000001_aa", "Images/1000001_aa.jpg", "completed by their suffix"),
        ("17", "17.JPG", "completed by their suffix"),
        ("1.5", "1.5.png", "completed by their suffix"),
        ("a.jpg", "a.jpeg", "with another suffix"),
        ("a.JPG", "b/a.png", "with another suffix"),
        (
            "COCO_val2014_000000391895",
            "000000391895.jpg",
            "by COCO's number and completed by their suffix",
        ),
    ],
)
def test_a_name_that_differs_is_found_and_the_difference_is_said(name, file, how):
    found = match([name, "other.jpg"], [file, "other.jpg", "more/unasked.jpg"])

    assert found.found == {name: file, "other.jpg": "other.jpg"}
    assert found.how == {name: how}


@pytest.mark.parametrize(
    "name, files",
    [
        ("a.jpg", ["b.jpg", "aa.jpg", "a.txt"]),
        ("a.v1", ["a.jpg"]),
        ("COCO_val2014_000000391895.jpg", ["391895.jpg", "0000000391895.jpg"]),
        ("x.jpg", ["._x.jpg", "__MACOSX/x.jpg", "@eaDir/x.jpg", "#recycle/x.jpg"]),
        ("e.jpg", ["é.jpg"]),
    ],
)
def test_other_names_are_not_it(name, files):
    found = match([name], files)

    assert not found.found and not found.ambiguous


@pytest.mark.parametrize(
    "names, files",
    [
        (["a.jpg"], ["A.jpg", "a.JPG"]),
        (["a"], ["a.jpg", "a.png"]),
        (["a"], {"x/a.jpg": 1, "y/a.jpg": 2}),
        (["a.jpg", "A.jpg"], ["a.JPG"]),
        (["x/a.jpg"], ["y/a.jpg", "z/a.jpg"]),
        (
            ["000000391895.png"],
            ["COCO_val2014_000000391895.png", "COCO_train2014_000000391895.png"],
        ),
    ],
)
def test_where_several_could_be_meant_none_is_taken_and_that_is_said(names, files):
    found = match(names, files)

    assert not found.found and set(found.ambiguous) == set(names)


def test_the_same_name_comes_first_and_keeps_its_file():
    found = match(["a.jpg", "A.jpg", "b"], ["a.jpg", "b", "b.jpg"])

    assert found.found == {"a.jpg": "a.jpg", "b": "b"}
    assert not found.how


def test_a_path_that_fits_beats_others_of_its_base_name():
    found = match(["Val/1.jpg", "Train/1.jpg"], ["coco/val/1.jpg", "coco/train/1.jpg"])

    assert found.found == {"Val/1.jpg": "coco/val/1.jpg", "Train/1.jpg": "coco/train/1.jpg"}


def test_a_folder_that_is_there_twice_is_no_ambiguity():
    files = {nfd("f/é.jpg"): 5, nfd("f/f/é.jpg"): 5}

    assert match(["é.jpg"], files).found == {"é.jpg": nfd("f/é.jpg")}


def test_two_different_files_of_one_name_are_refused():
    with pytest.raises(InputError, match="photos holds two different files for the image 'a.jpg'"):
        match(["a.jpg"], {"x/a.jpg": 1, "y/a.jpg": 2})


def test_a_folder_of_a_system_counts_when_the_captions_name_it():
    found = match(["#recycle/a.jpg"], ["#recycle/a.jpg", "a.jpg"])

    assert found.found == {"#recycle/a.jpg": "#recycle/a.jpg"}


def test_names_without_suffix_get_that_of_their_file():
    found = match(["1_aa", "x/2", "3.jpg", "4.jpg"], ["1_aa.jpg", "x/2.PNG", "3.jpg", "4.JPG"])

    assert found.completed == {"1_aa": "1_aa.jpg", "x/2": "x/2.PNG"}


WORDS = {
    "gb18030": ["海滩", "街道", "森林", "㐀𠀀"],
    "cp932": ["写真", "ソファ", "犬と猫", "表"],  # ソ and 表 end in a backslash
    "big5hkscs": ["成功", "許可", "照片"],
    "cp949": ["사진", "강아지"],
    "cp866": ["собака", "дом"],
    "cp850": ["café", "Ärger", "øre"],
    "cp1251": ["собака", "Ёлка"],
    "utf-8": ["海滩", nfd("が"), "café"],
}


@pytest.mark.parametrize("encoding", WORDS)
def test_undeclared_names_are_read_in_the_encoding_that_matches(encoding):
    names = [f"{word}.jpg" for word in WORDS[encoding]]
    undeclared = {f"entry {number}": name.encode(encoding) for number, name in enumerate(names)}

    found = match(names, list(undeclared), undeclared=undeclared)

    assert found.found == dict(zip(names, undeclared))
    assert found.encoding == encoding and found.encoding in ENCODINGS


def test_declared_names_stay_beside_undeclared_ones():
    undeclared = {"╖": "海滩.jpg".encode("gbk")}

    found = match(["海滩.jpg", "雪山.jpg"], ["╖", "雪山.jpg"], undeclared=undeclared)

    assert found.found == {"海滩.jpg": "╖", "雪山.jpg": "雪山.jpg"}


def test_an_undeclared_name_may_begin_with_its_folders_dot():
    found = match(["海滩.jpg"], ["╖"], undeclared={"╖": "./海滩.jpg".encode("gbk")})

    assert found.found == {"海滩.jpg": "╖"}


@pytest.mark.parametrize("name, file", [("a%20b.jpg", "x/a b.jpg"), ("é 1.jpg", "%C3%A9%201.JPG")])
def test_names_may_be_written_as_in_an_address(name, file):
    found = match([name], [file, "a.jpg"])

    assert found.found == {name: file}
    assert "written as in an address" in found.how[name]


def test_an_escaped_slash_stays_one():
    assert match(["a%2Fb.jpg"], ["a/b.jpg", "b.jpg"]).found == {}


def test_names_that_match_in_no_encoding_are_left_as_they_are():
    found = match(["a.jpg"], ["╖", "a.jpg"], undeclared={"╖": b"\xc0\xc1"})

    assert found.found == {"a.jpg": "a.jpg"} and found.encoding is None


def slowly(names, files):
    """What matching finds, by looking at every pair."""

    def same(name, file, level):
        from vsepp.data.sources.name_matching import _base, _key

        return _base(_key(name, level)) == _base(_key(file, level))

    found, left = {}, list(names)
    for level in range(6):
        options = {name: [file for file in files if same(name, file, level)] for name in left}
        single = {name: some[0] for name, some in options.items() if len(some) == 1}
        takers = list(single.values())
        new = {
            name: file
            for name, file in single.items()
            if takers.count(file) == 1 and file not in found.values()
        }
        found.update(new)
        left = [name for name in left if name not in new]
    return found


@pytest.mark.parametrize("seed", range(5))
def test_matching_by_keys_equals_looking_at_every_pair(seed):
    generator = random.Random(seed)
    words = ["é", nfd("é"), "É", "a", "A", "COCO_val2014_000000000001", "000000000001", "b"]
    words += ["b c", "b%20c", "%C3%A9"]
    suffixes = ["", ".jpg", ".JPG", ".png"]
    every = [word + suffix for word in words for suffix in suffixes]

    for _ in range(200):
        names = generator.sample(every, 6)
        files = generator.sample(every, 6)
        assert match(names, files).found == slowly(names, files), (names, files)


def test_as_many_names_as_coco_has_take_no_pairs():
    names = [f"{number}/IMG.jpg" for number in range(20_000)]
    files = [f"x/{number}/img.JPG" for number in range(20_000)]

    found = match(names, files)

    assert len(found.found) == 20_000 and found.counts() == {"in another case": 20_000}
