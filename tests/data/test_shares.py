"""A batch that several processes share: the same batch, each image read by one of them."""

import numpy as np
import pytest

from vsepp import InputError
from vsepp.data.caption_batches import caption_loader
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.data.loaders import training_loader
from vsepp.data.samplers import BatchShare, EpochBatchSampler, LengthBatchSampler


@pytest.fixture
def dataset(prepared):
    read = []

    def pixels(photograph):
        return np.asarray(photograph, np.float32).transpose(2, 0, 1)[:, :16, :16]

    dataset = ImageTextDataset(prepared.folder, prepared.vocab, "train", 5, 30, pixels)
    photograph = dataset.photograph
    dataset.photograph = lambda image_id: read.append(image_id) or photograph(image_id)
    dataset.read = read
    return dataset


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_shares_are_of_the_same_batches(parts):
    samplers = [
        sampler
        for share in (BatchShare(number, parts) for number in range(parts))
        for sampler in (
            EpochBatchSampler(range(50), 8, shuffle=True, drop_last=True, seed=3, share=share),
            LengthBatchSampler(range(50), 8, range(50), drop_last=True, seed=3, share=share),
        )
    ]
    for number, (plain, by_length) in enumerate(zip(samplers[::2], samplers[1::2])):
        whole = EpochBatchSampler(range(50), 8, shuffle=True, drop_last=True, seed=3)
        for batch, own in zip(whole, plain):
            assert [max(index, ~index) for index in own] == batch
            assert [row for row, index in enumerate(own) if index >= 0] == [
                *range(number * 8 // parts, (number + 1) * 8 // parts)
            ]
        assert all(sum(index >= 0 for index in own) == 8 // parts for own in by_length)


@pytest.mark.parametrize("workers", [0, 1])
def test_images_are_read_once_overall_and_words_by_all(dataset, workers):
    whole = [[part.numpy() for part in batch] for batch in training_loader(dataset, 8, 1)]
    dataset.read.clear()
    shared = [
        [
            [part.numpy() for part in batch]
            for batch in training_loader(dataset, 8, 1, workers, share=BatchShare(number, 2))
        ]
        for number in range(2)
    ]
    for batch, first, second in zip(whole, *shared):
        np.testing.assert_array_equal(batch[0], np.concatenate([first[0], second[0]]))
        for part in (1, 2, 3):
            np.testing.assert_array_equal(batch[part], first[part])
            np.testing.assert_array_equal(batch[part], second[part])
    if not workers:
        assert len(dataset.read) == 8 * len(whole)


def test_captioned_images_are_shared_with_the_captions_of_all(dataset):
    (whole, *_), (first, *_), (second, *_) = (
        [[part.numpy() for part in batch] for batch in caption_loader(dataset, 20, 1, share=share)]
        for share in (BatchShare(), BatchShare(0, 2), BatchShare(1, 2))
    )
    np.testing.assert_array_equal(whole[0], np.concatenate([first[0], second[0]]))
    for part in (1, 2, 3, 4):
        np.testing.assert_array_equal(whole[part], first[part])
        np.testing.assert_array_equal(whole[part], second[part])


def test_a_batch_that_cannot_be_shared_evenly_is_refused(dataset):
    with pytest.raises(InputError, match="batch_size: 8 .* among 3 processes: set batch_size=6"):
        training_loader(dataset, 8, share=BatchShare(0, 3))
    with pytest.raises(InputError, match="those of 5 images.* set batch_size=20, or"):
        caption_loader(dataset, 25, share=BatchShare(1, 2))
    for load, most in ((training_loader, len(dataset)), (caption_loader, len(dataset.images))):
        with pytest.raises(InputError, match=rf"{most + 1} processes .* launch at most {most}\."):
            load(dataset, len(dataset), share=BatchShare(0, most + 1))
