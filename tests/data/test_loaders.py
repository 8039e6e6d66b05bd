"""Batches: the right ones, in the right order, whatever loads them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vsepp.data.feature_dataset import FeatureTextDataset
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.data.loaders import mktrainval, training_loader, trim
from vsepp.data.samplers import EpochBatchSampler, LengthBatchSampler
from vsepp.data.transforms import CenterCrop, RandomCrop
from vsepp.system.errors import InputError

ROOT = Path(__file__).parents[2]
SMALL = {"resize": 32, "image_size": 24}


def batches(loader):
    return [[part.numpy() for part in batch] for batch in loader]


def same(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for one, other in zip(first, second) for a, b in zip(one, other)
    )


def dataset(prepared, split="train", transform=None, seed=0):
    return ImageTextDataset(
        prepared.folder,
        prepared.vocab,
        split,
        seed=seed,
        transform=transform or RandomCrop(**SMALL),
    )


def captions_of(prepared, split):
    data = json.loads((prepared.folder / f"{split}_data.json").read_text())
    return data["CAPTIONS"]


def unpadded(loaded):
    return [
        caption[:length].tolist()
        for _, captions, lengths in loaded
        for caption, length in zip(captions, lengths)
    ]


def test_the_documented_shapes_and_types(prepared):
    train, val, test = mktrainval(str(prepared.folder), str(prepared.vocab), 8)

    for loader in (train, val, test):
        images, captions, lengths = next(iter(loader))
        assert images.shape == [8, 3, 224, 224] and "float32" in str(images.dtype)
        assert captions.shape == [8, 32] and "int64" in str(captions.dtype)
        assert lengths.shape == [8] and "int64" in str(lengths.dtype)


def test_only_training_drops_its_last_partial_batch(prepared):
    loaders = mktrainval(prepared.folder, prepared.vocab, 16, **SMALL)

    sizes = [[len(lengths) for _, _, lengths in batches(loader)] for loader in loaders]

    assert sizes == [[16, 16, 16], [16, 4], [16, 4]]
    assert [len(loader) for loader in loaders] == [3, 2, 2]


def test_validation_and_test_come_in_order_with_the_centre_crop(prepared):
    _, val, test = mktrainval(prepared.folder, prepared.vocab, 7, **SMALL)

    for split, loader in (("val", val), ("test", test)):
        loaded = batches(loader)
        items = dataset(prepared, split, CenterCrop(**SMALL))
        assert unpadded(loaded) == captions_of(prepared, split)
        assert np.array_equal(
            np.concatenate([images for images, _, _ in loaded]),
            np.stack([items[index][0] for index in range(20)]),
        )


def test_training_is_shuffled_anew_each_epoch_and_misses_nothing(prepared):
    train, _, _ = mktrainval(prepared.folder, prepared.vocab, 15, **SMALL)

    first, second = unpadded(batches(train)), unpadded(batches(train))

    assert sorted(first) == sorted(second) == sorted(captions_of(prepared, "train"))
    assert first != second and first != captions_of(prepared, "train")


def test_the_seed_decides_the_order_and_the_crops(prepared):
    def first_epoch(seed):
        return batches(mktrainval(prepared.folder, prepared.vocab, 15, seed=seed, **SMALL)[0])

    assert same(first_epoch(3), first_epoch(3))
    assert unpadded(first_epoch(3)) != unpadded(first_epoch(4))


def test_every_epoch_has_crops_of_its_own(prepared):
    items = dataset(prepared)
    train, _, _ = mktrainval(prepared.folder, prepared.vocab, 15, **SMALL)
    sampler = train.batch_sampler

    def expected(epoch, indices):
        items.set_epoch(epoch)
        return np.stack([items[index][0] for index in indices])

    for epoch in (0, 1):
        indices = next(iter(sampler))
        sampler.set_epoch(epoch)
        images = batches(train)[0][0]
        assert np.array_equal(images, expected(epoch, indices))
        assert not np.array_equal(images, expected(epoch + 5, indices))


def test_image_and_caption_of_a_pair_stay_together(prepared):
    train, _, _ = mktrainval(prepared.folder, prepared.vocab, 15, resize=32, image_size=32)
    items = dataset(prepared, transform=CenterCrop(32, 32))
    by_caption = {}
    for place, caption in enumerate(captions_of(prepared, "train")):
        image = Image.open(items.image_path(place // 5))
        by_caption[tuple(caption)] = CenterCrop(32, 32)(image.convert("RGB")).mean((1, 2))

    for images, captions, lengths in batches(train):
        for image, caption, length in zip(images, captions, lengths):
            expected = by_caption[tuple(caption[:length])]
            assert np.abs(image.mean((1, 2)) - expected).max() < 0.5


def test_a_training_split_smaller_than_one_batch_is_refused(prepared):
    mktrainval(prepared.folder, prepared.vocab, 60, **SMALL)

    with pytest.raises(
        InputError,
        match="batch_size 61 is more than the 60 captions of the "
        "train split: set batch_size to at most 60",
    ):
        mktrainval(prepared.folder, prepared.vocab, 61, **SMALL)
    with pytest.raises(InputError, match="set batch_size to at most 60"):
        training_loader(dataset(prepared), 61)


def test_the_data_say_how_many_captions_an_image_has(data_set):
    from vsepp.data.preparation import create_dataset

    folder = data_set(
        [("a.png", "train", ["a dog"]), ("b.png", "val", ["a cat"]), ("c.png", "test", ["a bird"])]
    )
    create_dataset(str(folder.parent), "tiny", captions_per_image=2, min_word_count=0, max_len=4)

    train, _, _ = mktrainval(folder, folder / "vocab.json", 2, **SMALL)

    (batch,) = batches(train)
    assert batch[1].shape == (2, 6)


def test_a_missing_split_is_refused(prepared):
    (prepared.folder / "val_data.json").unlink()

    with pytest.raises(InputError, match="val_data.json does not exist"):
        mktrainval(prepared.folder, prepared.vocab, 4, **SMALL)


def test_workers_change_nothing(prepared):
    alone = mktrainval(prepared.folder, prepared.vocab, 16, workers=0, **SMALL)
    helped = mktrainval(prepared.folder, prepared.vocab, 16, workers=2, **SMALL)

    for _ in range(2):  # random crops of the second epoch are those of the second epoch
        assert same(batches(alone[0]), batches(helped[0]))
    assert same(batches(alone[1]), batches(helped[1]))


WITH_AN_OLD_ITERATOR = """
import gc, os, sys
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.data.loaders import training_loader
from vsepp.data.transforms import CenterCrop
from paddle.io import DataLoader

class Collecting(ImageTextDataset):
    def image(self, *arguments):
        gc.collect()
        return super().image(*arguments)

{collections}
crop = CenterCrop(32, 24)
loader = training_loader(ImageTextDataset(*sys.argv[1:], transform=crop), 20, workers=2)
old = [DataLoader.__iter__(loader)]  # Paddle's own iterator
print(sum(1 for batch in old[0]))
old[0]._thread.join()
old.append(old)  # garbage that only a collection finds
del old
print(sum(1 for batch in training_loader(Collecting(*sys.argv[1:], transform=crop), 20, workers=2)))
"""


@pytest.mark.parametrize(
    "collections",
    [
        pytest.param("gc.disable()", marks=pytest.mark.slow),
        pytest.param(
            "gc.set_threshold(10**9); "
            "os.register_at_fork(after_in_child=lambda: gc.set_threshold(1))",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["while they read", "while they start"],
)
def test_workers_do_not_wait_for_the_threads_of_an_older_iterator(prepared, collections):
    script = WITH_AN_OLD_ITERATOR.replace("{collections}", collections)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(prepared.folder), str(prepared.vocab), "train"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # it and its workers
        process.communicate()
        pytest.fail("the workers hang")
    assert output.split() == ["3", "3"]


def test_training_batches_say_which_image_each_caption_belongs_to(prepared):
    items = dataset(prepared)
    owners = {
        tuple(caption): place // 5 for place, caption in enumerate(captions_of(prepared, "train"))
    }

    for images, captions, lengths, image_ids in batches(training_loader(items, 16)):
        assert images.shape == (16, 3, 24, 24) and image_ids.shape == (16,)
        assert captions.shape == (16, lengths.max())
        for caption, length, image_id in zip(captions, lengths, image_ids):
            assert owners[tuple(caption[:length])] == image_id


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_continued_in_the_middle_is_the_tail_of_the_undisturbed_one(prepared, workers):
    undisturbed = training_loader(dataset(prepared), 7, seed=5)
    for _ in range(3):
        last = batches(undisturbed)

    resumed = training_loader(dataset(prepared), 7, seed=5, workers=workers)
    resumed.batch_sampler.set_epoch(2, skip=3)

    assert same(batches(resumed), last[3:])
    assert same(batches(resumed), batches(undisturbed))  # the next epoch is whole again


def test_sampler_lengths_with_and_without_the_last_partial_batch():
    def sizes(drop_last, count):
        sampler = EpochBatchSampler(range(count), 4, drop_last=drop_last)
        found = [len(batch) for batch in sampler]
        assert len(sampler) == len(found)
        return found

    assert sizes(False, 10) == [4, 4, 2] and sizes(True, 10) == [4, 4]
    assert sizes(False, 8) == [4, 4] == sizes(True, 8)
    assert sizes(False, 0) == []


LENGTHS = np.random.default_rng(1).integers(3, 30, size=1003)


def by_length(skip=0, epoch=0, seed=5, lengths=LENGTHS):
    sampler = LengthBatchSampler(range(len(lengths)), 4, lengths, drop_last=True, seed=seed)
    sampler.set_epoch(epoch, skip)
    found = list(sampler)
    assert len(found) == len(sampler) - skip
    return found


def indices(batches):
    return sorted(index for batch in batches for index in batch)


def test_batches_by_length_hold_what_the_plain_epoch_holds():
    plain = EpochBatchSampler(range(1003), 4, shuffle=True, drop_last=True, seed=5)

    for epoch in (0, 1):
        found = by_length(epoch=epoch)
        assert all(len(batch) == 4 for batch in found)
        assert indices(found) == indices(plain)  # each pass over it is the next epoch


def test_batches_by_length_are_of_similar_length_and_in_no_order_of_it():
    plain = EpochBatchSampler(range(1003), 4, shuffle=True, drop_last=True, seed=5)

    def padding(batches):
        return sum(4 * LENGTHS[batch].max() - LENGTHS[batch].sum() for batch in batches)

    found = by_length()

    assert padding(found) < padding(plain) / 5
    longest = [LENGTHS[batch].max() for batch in found]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.2


def test_batches_by_length_follow_from_seed_and_epoch_and_go_on_in_the_middle():
    assert by_length() == by_length()
    assert by_length() != by_length(seed=6)
    assert by_length() != by_length(epoch=1)
    assert by_length(epoch=1, skip=7) == by_length(epoch=1)[7:]


def test_captions_of_one_length_are_shuffled_all_the_same():
    assert by_length(lengths=np.full(1003, 9)) != by_length(lengths=np.full(1003, 9), seed=6)
    assert LengthBatchSampler([], 4, []).__len__() == len(list(LengthBatchSampler([], 4, []))) == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_the_training_loader_batches_by_length(prepared, workers):
    def spread(**options):
        return sum(
            np.ptp(batch[2])
            for batch in batches(training_loader(dataset(prepared), 6, workers=workers, **options))
        )

    assert spread(by_length=True) < spread() / 2
    resumed, undisturbed = (
        training_loader(dataset(prepared), 6, workers=count, by_length=True)
        for count in (workers, 0)
    )
    resumed.batch_sampler.set_epoch(0, skip=4)
    assert same(batches(resumed), batches(undisturbed)[4:])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("crop", [CenterCrop, RandomCrop])
def test_pixels_become_what_the_transform_itself_would_have_made(prepared, workers, crop):
    from vsepp.data.transforms import normalize

    normalized, pixels = (
        training_loader(
            dataset(prepared, transform=crop(**SMALL, normalized=normalized)),
            16,
            seed=5,
            workers=count,
        )
        for normalized, count in ((True, 0), (False, workers))
    )

    for _ in range(2):
        found, expected = list(pixels), batches(normalized)
        assert all(
            batch[0].shape == [16, 24, 24, 3] and "uint8" in str(batch[0].dtype) for batch in found
        )
        assert same(
            [
                [normalize(images.numpy()), *(part.numpy() for part in rest)]
                for images, *rest in found
            ],
            expected,
        )


def test_trimmed_captions_keep_every_word():
    caption = np.array([5, 1, 2, 6, 0, 0])
    items = [
        (np.zeros(2), caption, np.int64(4), np.int64(0)),
        (np.ones(2), caption * [1, 1, 0, 0, 0, 0], np.int64(2), np.int64(1)),
    ]

    images, captions, lengths, image_ids = trim(items)

    assert captions.tolist() == [[5, 1, 2, 6], [5, 1, 0, 0]]
    assert (images[:, 0].tolist(), lengths.tolist(), image_ids.tolist()) == ([0, 1], [4, 2], [0, 1])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_photograph_that_is_gone_is_named_where_its_batch_is_asked_for(prepared, workers, capfd):
    (prepared.folder / "images" / "05.png").unlink()
    loader = training_loader(dataset(prepared), 30, workers=workers)

    with pytest.raises(InputError, match="05.png does not exist"):
        batches(loader)

    assert "Traceback" not in capfd.readouterr().err


def test_the_documented_loaders_name_it_too(prepared):
    (prepared.folder / "images" / "13.png").unlink()
    _, val, _ = mktrainval(prepared.folder, prepared.vocab, 8, **SMALL)

    with pytest.raises(InputError, match="13.png does not exist"):
        batches(val)
    assert isinstance(val.dataset, ImageTextDataset)  # which `evaluate` asks for


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "error, expected, words",
    [
        (MemoryError(), InputError, "memory is exhausted"),
        (KeyError("a bug"), RuntimeError, "Traceback.*KeyError: 'a bug'"),
    ],
)
def test_other_failures_of_reading_arrive_as_well(prepared, workers, error, expected, words):
    def transform(picture):
        raise error

    loader = training_loader(dataset(prepared, transform=transform), 8, workers=workers)

    with pytest.raises(expected, match="(?s)" + words):
        batches(loader)


ENDING_EARLY = """
import atexit, time
from vsepp.data.batch_loader import BatchLoader
from vsepp.data.samplers import EpochBatchSampler

class Photographs:
    decodes = True

    def __len__(self):
        return 1000

    def __getitem__(self, index):
        time.sleep(0.01)
        return float(index)

photographs = Photographs()
batches = iter(BatchLoader(photographs, batch_sampler=EpochBatchSampler(photographs, 2)))
next(batches)
atexit.register(time.sleep, 0.3)  # meanwhile the loading thread asks for the next batch
"""


def test_a_process_that_ends_amid_an_epoch_says_nothing_of_the_batches_ahead():
    process = subprocess.run(
        [sys.executable, "-c", ENDING_EARLY],
        cwd=ROOT,
        text=True,
        stderr=subprocess.PIPE,
        timeout=60,
    )

    assert process.returncode == 0
    assert "Traceback" not in process.stderr


def test_workers_read_the_views_that_one_process_reads(prepared, tmp_path):
    rows = np.random.default_rng(0).normal(size=(3, 12, 4, 3)).astype(np.float16)
    for view, cells in enumerate(rows):
        np.save(tmp_path / f"{view}.npy", cells)

    def epochs(workers):
        plain, *views = (np.load(tmp_path / f"{view}.npy", mmap_mode="r") for view in range(3))
        items = FeatureTextDataset(prepared.folder, prepared.vocab, "train", plain, views=views)
        loader = training_loader(items, 20, seed=1, workers=workers)
        return [batches(loader) for _ in range(2)]

    alone, shared = epochs(0), epochs(2)

    assert all(same(one, other) for one, other in zip(alone, shared))
    assert not same(*alone) and alone[0][0][0].dtype == np.float32
