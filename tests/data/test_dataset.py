"""What a prepared split's items hold, and how a split that does not fit is refused."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from vsepp.data.feature_dataset import FeatureTextDataset
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.data.loaders import training_loader
from vsepp.data.prepared import read_prepared
from vsepp.data.splits import read_split
from vsepp.data.transforms import CenterCrop, RandomCrop
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import Vocabulary


def dataset(prepared, split="train", **options):
    return ImageTextDataset(str(prepared.folder), str(prepared.vocab), split, **options)


def split_data(prepared, split="train"):
    return json.loads((prepared.folder / f"{split}_data.json").read_text(encoding="utf-8"))


def rewrite(prepared, data, split="train"):
    (prepared.folder / f"{split}_data.json").write_text(json.dumps(data), encoding="utf-8")


def test_there_is_an_item_per_caption(prepared):
    assert [len(dataset(prepared, split)) for split in ("train", "val", "test")] == [60, 20, 20]


def test_a_loop_written_by_hand_finds_what_it_asks_for(prepared):
    """As in the documents' own training loops: data, vocab, cpi and dataset_size."""
    items = dataset(prepared)

    assert items.data == split_data(prepared)
    assert items.vocab == json.loads(prepared.vocab.read_text(encoding="utf-8"))
    assert items.cpi == 5 and items.dataset_size == len(items.data["CAPTIONS"]) == 60
    assert items.image_path(items.dataset_size // items.cpi - 1).samefile(items.data["IMAGES"][-1])
    items.append(dataset(prepared, "val"))
    assert items.dataset_size == len(items) == 80 and len(items.data["IMAGES"]) == 16


def test_an_item_is_its_image_its_padded_caption_and_the_true_length(prepared):
    data = split_data(prepared)

    image, caption, length = dataset(prepared, transform=CenterCrop(32, 32))[7]

    assert image.shape == (3, 32, 32) and image.dtype == np.float32
    assert caption.dtype == np.int64 and caption.shape == (32,)
    assert length == len(data["CAPTIONS"][7]) and length.dtype == np.int64
    assert caption[:length].tolist() == data["CAPTIONS"][7]
    assert not caption[length:].any()


def test_captions_of_an_image_share_it_and_the_next_image_differs(prepared):
    items = dataset(prepared)

    assert items[5][0].tobytes() == items[9][0].tobytes()
    assert items[9][0].tobytes() != items[10][0].tobytes()
    assert [items.image_id(index) for index in (0, 4, 5, 59)] == [0, 0, 1, 11]


def test_without_a_transform_the_image_is_pils(prepared):
    Image.new("L", (40, 32), 77).save(split_data(prepared)["IMAGES"][0])

    image = dataset(prepared)[0][0]

    assert image.mode == "RGB" and image.getpixel((0, 0)) == (77, 77, 77)


def test_a_plain_function_will_do_for_a_transform(prepared):
    assert dataset(prepared, transform=lambda image: image.size)[3][0] == (40, 32)


def test_max_len_decides_the_padding(prepared):
    assert dataset(prepared, max_len=9)[0][1].shape == (11,)


def test_the_split_file_itself_may_be_given(prepared):
    items = ImageTextDataset(prepared.folder / "val_data.json", prepared.vocab, "val")

    assert len(items) == 20 and items[19][0].size == (40, 32)


def crop_of(items, index):
    return items[index][0].tobytes()


def test_random_crops_follow_from_seed_epoch_and_caption(prepared):
    noise = np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(split_data(prepared)["IMAGES"][0])
    items, other_seed = (
        dataset(prepared, transform=RandomCrop(40, 8), seed=seed) for seed in (0, 1)
    )

    first = crop_of(items, 0)
    assert crop_of(items, 0) == first
    assert crop_of(items, 1) != first  # another caption of the image
    assert crop_of(other_seed, 0) != first
    items.set_epoch(1)
    assert crop_of(items, 0) != first
    items.set_epoch(0)
    assert crop_of(items, 0) == first


@pytest.mark.parametrize("subfolder", ["", "val2014", "x/images", "images"])
@pytest.mark.parametrize("data_dir", ["data", "images/data"])
def test_moved_photographs_are_found_beside_the_split_file(prepared, tmp_path, subfolder, data_dir):
    data = split_data(prepared)
    for place, old in enumerate(data["IMAGES"]):
        name = "/".join(filter(None, [subfolder, f"{place}.png"]))
        new = prepared.folder / "images" / name
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(old, new)
        data["IMAGES"][place] = f"/gone/{data_dir}/tiny/images/{name}"
    rewrite(prepared, data)
    prepared.folder.rename(tmp_path / "moved")

    items = ImageTextDataset(tmp_path / "moved", tmp_path / "moved" / "vocab.json", "train")

    assert items.image_path(3) == tmp_path / "moved" / "images" / subfolder / "3.png"
    assert items[15][0].size == (40, 32)


def test_paths_written_on_windows_are_found(prepared):
    data = split_data(prepared)
    data["IMAGES"][0] = "data\\tiny\\images\\00.png"
    rewrite(prepared, data)

    assert dataset(prepared)[0][0].size == (40, 32)


def test_a_path_without_an_images_folder_is_looked_up_by_its_name(prepared):
    data = split_data(prepared)
    data["IMAGES"][0] = "/gone/00.png"
    rewrite(prepared, data)

    assert dataset(prepared).image_path(0) == prepared.folder / "images" / "00.png"


def test_a_photograph_in_its_place_wins_over_one_beside_the_split_file(prepared, tmp_path):
    Image.new("RGB", (5, 5)).save(tmp_path / "00.png")
    data = split_data(prepared)
    data["IMAGES"][0] = str(tmp_path / "00.png")
    rewrite(prepared, data)

    assert dataset(prepared)[0][0].size == (5, 5)


def test_a_deleted_photograph_is_named_and_no_other_is_shown_for_it(prepared):
    path = prepared.folder / "images" / "sub" / "00.png"  # of the same name as another
    data = split_data(prepared)
    data["IMAGES"][0] = str(path)
    rewrite(prepared, data)

    with pytest.raises(InputError) as caught:
        dataset(prepared)[0]
    assert str(caught.value).startswith(f"{path} does not exist")


def test_a_missing_split_says_how_to_get_one(prepared):
    with pytest.raises(InputError, match=r"restval_data\.json does not exist.*tools/prepare\.py"):
        dataset(prepared, "restval")


def test_an_empty_split_is_refused(prepared):
    rewrite(prepared, {"IMAGES": [], "CAPTIONS": []})

    with pytest.raises(InputError, match="the train split is empty"):
        dataset(prepared)


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"IMAGES": ["a.png"]},
        {"CAPTIONS": []},
        {"IMAGES": {}, "CAPTIONS": []},
        {"IMAGES": [7], "CAPTIONS": [[1]] * 5},
        {"IMAGES": ["a.png"], "CAPTIONS": {}},
    ],
)
def test_a_split_without_its_lists_is_refused(prepared, data):
    rewrite(prepared, data)

    with pytest.raises(InputError, match="lacks the lists 'IMAGES' and 'CAPTIONS'"):
        dataset(prepared)


@pytest.mark.parametrize("captions_per_image", [1, 4, 10])
def test_captions_that_do_not_fit_the_images_are_refused(prepared, captions_per_image):
    with pytest.raises(
        InputError,
        match=f"60 CAPTIONS do not fit 12 IMAGES with captions_per_image {captions_per_image}",
    ):
        dataset(prepared, captions_per_image=captions_per_image)


@pytest.mark.parametrize(
    "caption, message",
    [
        ([], "caption 3 has length 0"),
        ([1] * 33, "caption 3 has length 33"),
        ([1, 24], "caption 3 has a word beyond the vocabulary's 24"),
        ([1, -1], "caption 3 has a word beyond"),
        ([1, 2.0], "caption 3 is not a list of indices"),
        ([1, True], "caption 3 is not a list"),
        ("a dog", "caption 3 is not a list of indices"),
        (None, "caption 3 is not a list"),
    ],
)
def test_a_caption_that_cannot_be_is_named(prepared, caption, message):
    data = split_data(prepared)
    data["CAPTIONS"][3] = caption
    rewrite(prepared, data)

    with pytest.raises(InputError, match=message):
        dataset(prepared)


def test_a_caption_as_long_as_the_padding_is_accepted(prepared):
    data = split_data(prepared)
    data["CAPTIONS"][3] = [1] * 32
    rewrite(prepared, data)

    assert dataset(prepared)[3][1:][1] == 32


def test_a_max_len_smaller_than_what_was_prepared_is_refused(prepared):
    with pytest.raises(InputError, match="outside 1 to max_len \\+ 2 = 4.*set max_len"):
        dataset(prepared, max_len=2)


def test_the_vocabulary_of_another_data_set_is_refused(prepared):
    Vocabulary.build([["dog"]], 0).save(prepared.vocab)

    with pytest.raises(InputError, match="do not belong together"):
        dataset(prepared)


def test_a_missing_vocabulary_is_named(prepared):
    prepared.vocab.unlink()

    with pytest.raises(InputError, match="vocab.json does not exist"):
        dataset(prepared)


def test_reading_a_split_gives_its_images_and_captions(prepared):
    data = split_data(prepared, "val")

    assert read_split(prepared.folder, "val", 5, 24, 30) == (data["IMAGES"], data["CAPTIONS"])


def test_features_stand_for_their_image(prepared):
    features = np.arange(24, dtype=np.float32).reshape(12, 2)

    items = FeatureTextDataset(prepared.folder, prepared.vocab, "train", features)

    assert items[14][0].tolist() == [4, 5] and items[15][0].tolist() == [6, 7]
    assert np.array_equal(items[14][1], dataset(prepared)[14][1])


def test_features_of_another_number_of_images_are_refused(prepared):
    with pytest.raises(InputError, match="11 rows for 12 images.*tools/features.py"):
        FeatureTextDataset(prepared.folder, prepared.vocab, "train", np.zeros((11, 2)))


def test_appended_splits_follow_with_their_own_images_and_features(prepared):
    both = dataset(prepared, "val")
    both.append(dataset(prepared, "test"))
    features = [
        FeatureTextDataset(
            prepared.folder, prepared.vocab, split, np.full((4, 2), value, np.float32)
        )
        for split, value in (("val", 1), ("test", 2))
    ]
    features[0].append(features[1])

    assert len(both) == len(features[0]) == 40
    assert both.image_path(4) == dataset(prepared, "test").image_path(0)
    assert both[20][1].tolist() == dataset(prepared, "test")[0][1].tolist()
    assert [features[0][index][0][0] for index in (0, 19, 20, 39)] == [1, 1, 2, 2]


def test_options_are_read_back(prepared):
    assert read_prepared(prepared.folder)["options"]["min_word_count"] == 0


def test_a_folder_of_another_program_is_taken_to_have_the_documented_options(prepared):
    (prepared.folder / "prepared.json").unlink()

    assert read_prepared(prepared.folder) == {"options": {"captions_per_image": 5, "max_len": 30}}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"options": []},
        {"options": {"max_len": 30}},
        {"options": {"max_len": "30", "captions_per_image": 5}},
    ],
)
def test_malformed_options_are_refused(prepared, content):
    (prepared.folder / "prepared.json").write_text(json.dumps(content))

    with pytest.raises(InputError, match="prepared.json lacks 'options'"):
        read_prepared(prepared.folder)


@pytest.mark.parametrize(
    "key, value",
    [("captions_per_image", 0), ("captions_per_image", -5), ("max_len", 0), ("max_len", 10**30)],
)
def test_options_that_cannot_be_are_refused(prepared, key, value):
    options = {"captions_per_image": 5, "max_len": 30, key: value}
    (prepared.folder / "prepared.json").write_text(json.dumps({"options": options}))

    with pytest.raises(InputError, match=f"prepared.json: {key} is {value}, outside 1 to 10000"):
        read_prepared(prepared.folder)


@pytest.mark.parametrize("content", [{}, ["one"], [["a list"]] * 60, [None] * 60])
def test_sentences_that_do_not_fit_the_captions_are_refused(prepared, content):
    (prepared.folder / "train_sentences.json").write_text(json.dumps(content))

    with pytest.raises(InputError, match="train_sentences.json is not a list of 60 sentences"):
        dataset(prepared).sentences()


def numbered(images, views, kind=np.float32):
    """Features that say their view and image: row `k` of view `v` holds 100 v + k."""
    return [(100 * view + np.arange(images)[:, None]).astype(kind) for view in range(views)]


def with_views(prepared, views=3, seed=0, split="train", images=12):
    plain, *others = numbered(images, views)
    return FeatureTextDataset(
        prepared.folder,
        prepared.vocab,
        split,
        plain,
        views=others,
        mirrored=others[0] if others else None,
        seed=seed,
    )


def seen(items):
    """(view, image) of every item."""
    return [divmod(int(items[index][0][0]), 100) for index in range(len(items))]


def test_an_item_has_one_of_the_views_of_its_photograph_each_as_often(prepared):
    items = with_views(prepared)
    views = []

    for epoch in range(20):
        items.set_epoch(epoch)
        found = seen(items)
        assert [image for _, image in found] == [k // 5 for k in range(60)]
        views += [view for view, _ in found]

    counts = np.bincount(views, minlength=3)
    assert len(counts) == 3 and min(counts) > 340  # of 1,200


def test_the_view_follows_from_seed_epoch_and_caption(prepared):
    items, again, other = (with_views(prepared, seed=seed) for seed in (0, 0, 1))
    for each in (items, again, other):
        each.set_epoch(4)

    first = seen(items)
    assert seen(again) == first and seen(other) != first
    items.set_epoch(5)
    assert seen(items) != first
    items.set_epoch(4)
    assert items[17][0] == again[17][0]  # whatever was read before


def test_encoding_sees_the_plain_photographs(prepared):
    items = with_views(prepared)

    assert [int(items.image(k)[0]) for k in range(12)] == list(range(12))
    assert [int(items.mirrored_image(k)[0]) for k in range(12)] == list(range(100, 112))
    assert with_views(prepared, views=1).mirrored_image(3) is None


def test_views_of_appended_splits_follow(prepared):
    both = with_views(prepared, split="val", images=4)
    both.append(with_views(prepared, split="test", images=4))

    views = set()
    for epoch in range(9):
        both.set_epoch(epoch)
        found = seen(both)
        assert [image for _, image in found] == [k // 5 % 4 for k in range(40)]
        views.update(view for view, _ in found[20:])
    assert views == {0, 1, 2}
    assert int(both.mirrored_image(6)[0]) == 102
    both.append(with_views(prepared, views=1, split="val", images=4))
    assert both.mirrored_image(0) is None


def test_views_of_another_number_of_images_are_refused(prepared):
    plain, view = numbered(12, 2)

    with pytest.raises(InputError, match="11 rows for 12 images"):
        FeatureTextDataset(prepared.folder, prepared.vocab, "train", plain, views=[view[:11]])


def test_batches_of_a_grid_are_float32(prepared):
    cells = np.random.default_rng(0).normal(size=(12, 4, 3)).astype(np.float16)
    items = FeatureTextDataset(prepared.folder, prepared.vocab, "train", cells)
    assert items[7][0].dtype == np.float16

    images, _, _, image_ids = next(iter(training_loader(items, 8)))

    assert images.numpy().dtype == np.float32
    assert np.array_equal(images.numpy(), cells[image_ids.numpy()].astype(np.float32))
