"""What a run reads: pixels that become the documented images, from files or decoded before."""

import signal

import numpy as np
import pytest
from tiny import make_config, make_data

from vsepp import ImageTextDataset, InputError, load_checkpoint
from vsepp.data.prepared import Prepared
from vsepp.data.samplers import LengthBatchSampler
from vsepp.data.transforms import CenterCrop, RandomCrop
from vsepp.models.encoders import encoders_for_training
from vsepp.models.feature_extraction import load_features
from vsepp.models.vsepp import build_model
from vsepp.retrieval.encoding import encode_dataset
from vsepp.training import build_trainer
from vsepp.training.data import open_splits
from vsepp.training.step import TrainingStep

PHOTOGRAPHS = {"finetuned": True}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("tiny") / "data", restval=3)


def documented(data, split, crop):
    """The split as a notebook reads it: normalised float32."""
    folder = f"{data}/tiny"
    return ImageTextDataset(folder, f"{folder}/vocab.json", split, transform=crop(36, 32))


@pytest.mark.parametrize("split, crop", [("train", RandomCrop), ("val", CenterCrop)])
@pytest.mark.parametrize("stored", [False, True])
def test_images_are_pixels_of_the_documented_crops(data, tmp_path, split, crop, stored):
    config = make_config(data, tmp_path, **PHOTOGRAPHS, image_store=stored)
    items = open_splits(config, ("train", "val"), log=lambda line: None).splits[split]
    floats = documented(data, split, crop)

    for epoch in (0, 3):
        for dataset in (items, floats):
            dataset.set_epoch(epoch)
        for index in (0, 7, 19):
            pixels, expected = items[index][0], floats[index][0]
            assert pixels.dtype == np.uint8 and pixels.shape == (32, 32, 3)
            mean, std = (
                np.array(row, np.float32) for row in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
            )
            by_hand = ((pixels.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)
            np.testing.assert_array_equal(by_hand, expected)


def test_pixels_and_documented_images_have_the_same_codes(data, tmp_path):
    config = make_config(data, tmp_path, **PHOTOGRAPHS)
    opened = open_splits(config, ("val",))
    items = opened.splits["val"]
    model = build_model(*encoders_for_training(config, opened))

    found, expected = (
        encode_dataset(model, dataset, 3)
        for dataset in (items, documented(data, "val", CenterCrop))
    )

    for side in (0, 1):
        np.testing.assert_array_equal(found[side], expected[side])


def test_decoded_images_are_stored_once_and_restval_follows_training(data, tmp_path):
    config = make_config(data, tmp_path, **PHOTOGRAPHS, use_restval=True)
    plain = open_splits(config, ("train", "val", "test")).splits
    config.image_store = True
    lines = []

    for _ in range(2):
        stored = open_splits(config, ("train", "val", "test"), lines.append).splits

    for split, dataset in plain.items():
        for image_id in range(len(dataset.images)):
            np.testing.assert_array_equal(
                stored[split].image(image_id, 3), dataset.image(image_id, 3)
            )
    files = sorted(path.name for path in (dataset.folder / "decoded").glob("*-36.npy"))
    assert files == ["restval-36.npy", "train-36.npy", "val-36.npy"]
    assert len(lines) <= 3 and not any(
        "test" in line.partition(":")[0].rpartition("/")[2] for line in lines
    )


def test_stored_features_leave_nothing_to_decode(data, tmp_path):
    config = make_config(data, tmp_path, image_store=True)

    with pytest.raises(InputError, match="image_store: this run reads stored features"):
        open_splits(config, ("train",))


def test_training_reads_views_and_validation_the_plain_photographs(data, tmp_path):
    config = make_config(data, tmp_path, feature_views=2, test_flip=True, use_restval=True, seed=3)
    opened = open_splits(config, ("train", "val", "test"), log=lambda line: None)
    features, _ = load_features(
        config, Prepared(f"{data}/tiny"), ("train", "val", "restval"), lambda line: None
    )
    train, val = opened.splits["train"], opened.splits["val"]
    names = ("train", "train.view1", "train.view2"), ("restval", "restval.view1", "restval.view2")
    rows = [np.concatenate([features[one], features[other]]) for one, other in zip(*names)]

    drawn = set()
    for epoch in (0, 4):
        for dataset in (train, val):
            dataset.set_epoch(epoch)
        for index in range(len(train)):
            view = np.random.default_rng((3, epoch, index)).integers(3)
            drawn.add(int(view))
            np.testing.assert_array_equal(train[index][0], rows[view][index // 5])
        for index in range(len(val)):
            np.testing.assert_array_equal(val[index][0], features["val"][index // 5])
    assert drawn == {0, 1, 2} and len(train) == 5 * 15
    for image_id in range(4):
        np.testing.assert_array_equal(val.mirrored_image(image_id), features["val.view1"][image_id])


def test_photographs_have_no_stored_views(data, tmp_path):
    for mode, mend in (PHOTOGRAPHS, "finetuned=false"), ({"features": False}, "features=auto"):
        config = make_config(data, tmp_path, feature_views=1, **mode)
        with pytest.raises(InputError, match=f"feature_views: this run reads photogr.*{mend}"):
            open_splits(config, ("train",))


def test_a_run_goes_on_with_the_views_it_began_with(data, tmp_path):
    config = make_config(data, tmp_path, feature_views=1, num_epochs=1)
    run(config)
    config.checkpoint, config.num_epochs, config.feature_views = "last", 2, 2

    with pytest.raises(InputError, match="trained with feature_views = 1, now it is 2"):
        build_trainer(config)


def run(config, stop_after=None):
    trainer = build_trainer(config)
    if stop_after:
        take = TrainingStep.__call__

        def step(self, batch, number):
            loss = take(self, batch, number)
            if number + 1 == stop_after:
                signal.raise_signal(signal.SIGINT)
            return loss

        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(TrainingStep, "__call__", step)
            trainer.run()
    else:
        trainer.run()
    return load_checkpoint(config.path("last_checkpoint"))


def assert_same_weights(found, expected):
    assert found["step"] == expected["step"] and found["model"].keys() == expected["model"].keys()
    for name, value in expected["model"].items():
        np.testing.assert_array_equal(found["model"][name], value, err_msg=name)


def test_a_run_over_decoded_images_is_the_run_over_files_and_either_resumes_the_other(
    data, tmp_path
):
    plain = run(make_config(data, tmp_path / "files", **PHOTOGRAPHS))

    config = make_config(data, tmp_path / "decoded", **PHOTOGRAPHS, image_store=True)
    run(config, stop_after=9)
    config.image_store, config.checkpoint = False, "last"

    assert_same_weights(run(config), plain)


@pytest.mark.parametrize(
    "mode", [{"feature_views": 2}, PHOTOGRAPHS], ids=["features and views", "photographs"]
)
def test_a_run_with_batches_by_length_resumes_exactly(data, tmp_path, mode):
    mode = {**mode, "batch_by_length": True}
    whole = run(make_config(data, tmp_path / "whole", **mode))

    config = make_config(data, tmp_path / "stopped", **mode)
    assert isinstance(build_trainer(config).task.loader.batch_sampler, LengthBatchSampler)
    run(config, stop_after=9)
    config.checkpoint = "last"

    assert_same_weights(run(config), whole)
