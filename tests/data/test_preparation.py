"""From a Karpathy split to the files that everything else reads."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from vsepp.data.preparation import choose_captions, create_dataset
from vsepp.data.prepared import read_prepared
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import Vocabulary

FIVE = [f"a dog number {k}" for k in "abcde"]


def prepare(folder, **options):
    options = {"min_word_count": 0, **options}
    return create_dataset(str(folder.parent), folder.name, **options)


def read(folder, split):
    return json.loads((folder / f"{split}_data.json").read_text(encoding="utf-8"))


def sentences(folder, split):
    """The captions of a split, in words, by image."""
    vocabulary = Vocabulary.load(folder / "vocab.json")
    data = read(folder, split)
    count = len(data["CAPTIONS"]) // len(data["IMAGES"])
    words = [vocabulary.decode(caption) for caption in data["CAPTIONS"]]
    return [words[start : start + count] for start in range(0, len(words), count)]


def digests(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.json")
    }


def test_the_vocabulary_follows_the_images_of_every_split_but_test(data_set):
    folder = data_set(
        [
            ("t.png", "test", ["unseen words here"]),
            ("a.png", "val", ["dog runs"]),
            ("b.png", "train", ["cat", "dog"]),
            ("c.png", "restval", ["bird"]),
        ]
    )

    prepare(folder)

    words = ["<pad>", "dog", "runs", "cat", "bird", "<unk>", "<start>", "<end>"]
    assert json.loads((folder / "vocab.json").read_text()) == {w: k for k, w in enumerate(words)}
    assert sentences(folder, "test") == [["<unk> <unk> <unk>"] * 5]


def test_words_are_counted_outside_test_and_must_exceed_the_threshold(data_set):
    folder = data_set(
        [
            ("a.png", "train", ["dog dog dog cat cat"]),
            ("b.png", "val", ["dog"]),
            ("t.png", "test", ["cat cat cat dog"]),
        ]
    )

    prepare(folder, min_word_count=3)

    assert Vocabulary.load(folder / "vocab.json").words[1:-3] == ["dog"]


def test_captions_that_are_too_long_still_count_for_the_vocabulary(data_set):
    folder = data_set([("a.png", "train", ["one two three four", "a dog"])])

    prepare(folder, max_len=3)

    assert "four" in Vocabulary.load(folder / "vocab.json")
    assert sentences(folder, "train") == [["a dog"] * 5]


def test_max_len_itself_is_not_too_long(data_set):
    folder = data_set([("a.png", "train", ["one two three"])])

    prepare(folder, max_len=3)

    assert sentences(folder, "train") == [["one two three"] * 5]


def test_captions_are_wrapped_and_belong_to_their_image_by_stride(data_set):
    folder = data_set(
        [("a.png", "train", ["red dog", "dog"]), ("b.png", "train", ["cat", "a cat"])]
    )

    prepare(folder, captions_per_image=2)

    # pad 0, red 1, dog 2, cat 3, a 4, unk 5, start 6, end 7
    data = read(folder, "train")
    assert data["CAPTIONS"] == [[6, 1, 2, 7], [6, 2, 7], [6, 3, 7], [6, 4, 3, 7]]
    assert [path.rpartition("/")[2] for path in data["IMAGES"]] == ["a.png", "b.png"]


def test_exactly_as_many_captions_as_wanted_keep_their_order(data_set):
    folder = data_set([("a.png", "train", FIVE)])

    prepare(folder)

    assert sentences(folder, "train") == [FIVE]


def test_fewer_captions_are_filled_up_from_the_images_own(data_set):
    folder = data_set([("a.png", "train", ["a dog", "the dog"]), ("b.png", "train", ["a cat"])])

    prepare(folder)

    dogs, cats = sentences(folder, "train")
    assert dogs[:2] == ["a dog", "the dog"] and set(dogs) == {"a dog", "the dog"}
    assert len(dogs) == 5 and cats == ["a cat"] * 5


def test_more_captions_are_sampled_without_repetition(data_set):
    many = [f"caption {k}" for k in range(9)]
    folder = data_set([(f"{k}.png", "train", many) for k in range(6)])

    prepare(folder)

    drawn = sentences(folder, "train")
    assert all(len(set(captions)) == 5 and set(captions) <= set(many) for captions in drawn)
    assert len({tuple(captions) for captions in drawn}) > 1


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_choosing_captions_gives_as_many_as_wanted(count):
    captions = [("x",) * length for length in range(1, count + 1)]

    chosen = choose_captions(captions, 5, 30, np.random.default_rng(0))

    assert len(chosen) == 5 and set(chosen) <= set(captions)


def test_empty_and_overlong_captions_are_not_chosen():
    captions = [(), ("x",) * 4, ("a",)]

    assert choose_captions(captions, 2, 3, np.random.default_rng(0)) == [("a",), ("a",)]
    assert choose_captions(captions[:2], 2, 3, np.random.default_rng(0)) == []


def test_the_same_input_gives_the_same_bytes_and_another_seed_others(data_set):
    many = [f"caption {k}" for k in range(9)]
    folder = data_set([(f"{k}.png", "train", many) for k in range(4)])

    prepare(folder)
    first = digests(folder)
    prepare(folder)
    assert digests(folder) == first

    prepare(folder, seed=1)
    second = digests(folder)
    assert second["train_data.json"] != first["train_data.json"]
    assert second["vocab.json"] == first["vocab.json"]


def test_an_unreadable_image_is_named_and_left_out_and_changes_nothing_else(data_set, capsys):
    many = [f"caption {k}" for k in range(9)]
    folder = data_set(
        [("a.png", "train", ["only here"]), ("b.png", "train", many), ("c.png", "val", many)]
    )
    prepare(folder)
    before, captions = digests(folder), read(folder, "train")["CAPTIONS"]
    (folder / "images" / "a.png").write_bytes(b"no image")
    capsys.readouterr()

    prepared = prepare(folder)

    said = capsys.readouterr().out
    assert "a.png is empty or not an image" in said and "1 images left out" in said
    after = digests(folder)
    assert after["vocab.json"] == before["vocab.json"]
    assert after["val_data.json"] == before["val_data.json"]
    assert read(folder, "train")["CAPTIONS"] == captions[5:]
    assert prepared["splits"]["train"] == {"images": 1, "captions": 5, "left_out": 1}


def test_of_many_unreadable_images_ten_are_named(data_set, capsys):
    folder = data_set([(f"{k:02d}.png", "train", ["a dog"]) for k in range(14)])
    for path in sorted((folder / "images").iterdir())[:13]:
        path.unlink()

    prepare(folder)

    said = capsys.readouterr().out
    assert said.startswith("13 images cannot be used")
    assert said.count("does not exist") == 10 and "… and 3 more" in said


def test_strict_refuses_unreadable_images_and_leaves_what_was_prepared(data_set):
    folder = data_set([("a.png", "train", FIVE), ("b.png", "train", FIVE)])
    prepare(folder)
    before = digests(folder)
    (folder / "images" / "b.png").unlink()

    with pytest.raises(InputError, match=r"1 images cannot be used.*b\.png does not exist"):
        prepare(folder, strict=True)

    assert digests(folder) == before


def test_images_without_a_usable_caption_are_left_out_and_counted(data_set, capsys):
    folder = data_set(
        [
            ("a.png", "train", []),
            ("b.png", "train", ["much too long for this"]),
            ("c.png", "train", ["a dog"]),
            ("d.png", "val", ["", "a dog"]),
        ]
    )

    prepared = prepare(folder, max_len=3)

    assert prepared["splits"]["train"] == {"images": 1, "captions": 5, "left_out": 2}
    assert prepared["splits"]["val"]["left_out"] == 0
    assert "tiny train: 1 images, 5 captions, 2 images left out" in capsys.readouterr().out


def test_nothing_usable_at_all_is_refused(data_set):
    folder = data_set([("a.png", "train", ["much too long"])])

    with pytest.raises(InputError, match="no image is left.*1 to 2 words"):
        prepare(folder, max_len=2)

    assert not (folder / "train_data.json").exists()


def test_every_split_gets_its_file_restval_too(data_set):
    folder = data_set(
        [("a.png", "train", FIVE), ("val2014/b.png", "restval", FIVE), ("c.png", "test", FIVE)]
    )

    prepared = prepare(folder)

    assert {path.name for path in folder.glob("*_data.json")} == {
        "train_data.json",
        "restval_data.json",
        "test_data.json",
    }
    assert set(prepared["splits"]) == {"train", "restval", "test"}
    assert read(folder, "restval")["IMAGES"] == [str(folder / "images" / "val2014" / "b.png")]


def test_files_of_splits_that_are_no_longer_there_are_removed(data_set):
    prepare(data_set([("a.png", "train", FIVE), ("b.png", "val", FIVE)]))

    folder = data_set([("a.png", "train", FIVE)])
    prepare(folder)

    assert not (folder / "val_data.json").exists() and (folder / "train_data.json").exists()


def test_image_paths_start_with_the_data_folder_as_given(data_set, tmp_path, monkeypatch):
    data_set([("a.png", "train", FIVE)])
    monkeypatch.chdir(tmp_path)

    create_dataset("./data", "tiny", min_word_count=0)

    assert read(tmp_path / "data" / "tiny", "train")["IMAGES"] == ["./data/tiny/images/a.png"]


def test_what_was_prepared_says_with_which_options(data_set):
    folder = data_set([("a.png", "train", FIVE)])

    returned = prepare(folder, captions_per_image=3, max_len=20, seed=7)

    stored = json.loads((folder / "prepared.json").read_text())
    source = (folder / "dataset_tiny.json").read_bytes()
    assert stored == returned
    assert stored["options"] == {
        "captions_per_image": 3,
        "min_word_count": 0,
        "max_len": 20,
        "seed": 7,
        "tokenizer": "words",
        "exif": False,
        "captions_sha256": hashlib.sha256(source).hexdigest(),
    }
    assert stored["words"] == len(Vocabulary.load(folder / "vocab.json"))


def test_a_crash_while_writing_leaves_no_claim_to_be_prepared(data_set, monkeypatch):
    folder = data_set([("a.png", "train", FIVE)])
    prepare(folder)
    replace = os.replace

    def killed(source, target):
        if Path(target).name == "vocab.json":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(folder, min_word_count=2)

    with pytest.raises(InputError) as error:
        read_prepared(folder)
    words = f"--dataset {folder.name} --data-dir {folder.parent} --force"
    assert f"was interrupted: run `python tools/prepare.py {words}`" in str(error.value)


def test_a_full_disk_leaves_the_preparation_before(data_set, monkeypatch):
    folder = data_set([("a.png", "train", FIVE)])
    prepare(folder)
    before = {path: path.read_bytes() for path in folder.glob("*.json")}

    def full(path, text, **keywords):
        if "sentences" in path.name:
            raise OSError(28, "No space left on device")
        path.write_bytes(text.encode())

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError) as caught:
        prepare(folder, min_word_count=2)

    assert caught.value.filename.endswith("train_sentences.json")
    assert {path: path.read_bytes() for path in folder.glob("*.json")} == before
    assert not list(folder.glob(".*"))


def test_a_data_set_that_is_not_there_says_how_to_give_it(tmp_path):
    with pytest.raises(InputError, match=r"dataset_pets\.json does not exist.*--captions"):
        create_dataset(str(tmp_path), "pets")
