"""What we are measured against computes what we compute."""

import numpy as np
import paddle
import pytest
from PIL import Image

from benchmarks import (
    documented_images,
    documented_model,
    documented_ranks,
    synthetic,
    training_step,
)
from vsepp import TripletNetLoss, calc_recall, compute_ranks
from vsepp.data.feature_dataset import FeatureTextDataset
from vsepp.data.loaders import training_loader
from vsepp.data.transforms import CenterCrop
from vsepp.models.state import get_state, set_state

SIZES = dict(batch=6, vocabulary=30, feature_size=9)
MODEL = dict(
    vocabulary=30, word_dim=5, embed_size=8, feature_size=9, learning_rate=0.01, grad_clip=2.0
)


def batch():
    return synthetic.training_batches(1, **SIZES)[0]


def documented_parts():
    """The documented (model, optimizer) and our step, of the same weights."""
    ours = training_step.our_step(**MODEL)
    theirs = documented_model.Model(
        documented_model.FeatureEncoder(8, 9), documented_model.TextEncoder(30, 5, 8)
    )
    set_state(theirs, get_state(ours.objective.model), "ours")
    return (theirs, documented_model.adam(theirs, 0.01, 2.0)), ours


@pytest.mark.parametrize("per_image", [1, 5])
def test_recalls_and_ranks_are_ours(per_image):
    images, texts = synthetic.unit_codes(12, per_image, 8, noise=1.0)
    repeated = np.repeat(images, per_image, axis=0)

    assert documented_ranks.recalls(repeated, texts, per_image) == calc_recall(
        repeated, texts, per_image
    )
    i2t, t2i = compute_ranks(repeated, texts, per_image)
    scores = images @ texts.T
    assert documented_ranks.image_ranks(scores, per_image) == i2t.tolist()
    assert documented_ranks.text_ranks(scores, per_image, [3, 7]) == t2i[[3, 7]].tolist()


def test_codes_are_ours_for_the_same_weights():
    (theirs, _), ours = documented_parts()
    tensors = list(map(paddle.to_tensor, batch()))

    for expected, found in zip(theirs(*tensors), ours.objective.model(*tensors)):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-6)


def test_the_loss_is_ours():
    images, texts = synthetic.unit_codes(7, 1, 8, noise=1.0)
    images, texts = paddle.to_tensor(images), paddle.to_tensor(texts)

    expected = float(TripletNetLoss(0.2, hard_negative=True)(images, texts))
    assert float(documented_model.triplet_loss(images, texts)) == pytest.approx(expected, abs=1e-5)


def test_a_step_leads_to_our_weights():
    (theirs, optimizer), ours = documented_parts()
    tensors = list(map(paddle.to_tensor, batch()))
    loaded = training_step.as_loaded(*batch())

    first = documented_model.train_step(theirs, optimizer, *tensors)
    value = ours(loaded, 0)

    assert float(value) == pytest.approx(first, abs=1e-4)
    after = documented_model.triplet_loss(*theirs(*tensors))
    codes = ours.objective.model(*tensors)
    assert float(ours.objective.loss(*codes, loaded)) == pytest.approx(float(after), abs=1e-3)
    assert float(after) < first


def test_the_transforms_are_ours():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    picture = Image.fromarray(pixels)

    found = documented_images.transform(False, 24, 16)(picture)

    np.testing.assert_allclose(np.asarray(found), CenterCrop(24, 16)(picture), atol=1e-6)


def test_the_documented_loader_pads_every_caption_and_repeats_every_image(tmp_path):
    files = synthetic.draw_photographs(tmp_path / "images", 2, size=(40, 30))
    synthetic.prepare_split(tmp_path, 2, 20, files)

    images, captions, lengths = next(
        iter(documented_images.loader(tmp_path, 10, 0, resize=24, image_size=16))
    )

    assert images.shape == [10, 3, 16, 16]
    assert captions.shape == [10, synthetic.LONGEST]
    assert ((captions.numpy() != 0).sum(1) == lengths.numpy()).all()


def test_pytorchs_step_leads_where_ours_leads():
    torch = pytest.importorskip("torch")
    from benchmarks import pytorch

    ours = training_step.our_step(**MODEL)
    theirs = pytorch.Step(1, 6, **MODEL)
    names = dict(theirs.model.named_parameters())
    for name, value in get_state(ours.objective.model).items():
        own = name.split(".", 1)[1]
        value = value.T if own == "fc.weight" else value
        with torch.no_grad():
            names[own].copy_(torch.from_numpy(np.ascontiguousarray(value)))
    loaded = training_step.as_loaded(*batch())

    values = [float(ours(loaded, number)) for number in range(3)]

    np.testing.assert_allclose([theirs.run() for _ in range(3)], values, rtol=1e-4)


def test_what_is_timed_is_a_step_on_what_the_training_loader_hands_over(tmp_path):
    """Its batches are like those of the loop in all that a step looks at."""
    synthetic.prepare_split(tmp_path, 12, 30)
    features = np.zeros((12, 9), np.float32)
    dataset = FeatureTextDataset(tmp_path, tmp_path / "vocab.json", "train", features)

    loaded = next(iter(training_loader(dataset, 6)))
    made = training_step.as_loaded(*batch())

    assert [tensor.dtype for tensor in made] == [tensor.dtype for tensor in loaded]
    for tensors in (loaded, made):
        assert tensors[1].shape == [6, int(tensors[2].max())]
        assert [len(tensor) for tensor in tensors] == [6] * 4


def test_the_sections_of_our_step_are_those_that_the_loop_marks():
    ours = training_step.Ours(batches=2, batch=6, **MODEL)

    seconds = ours.run(sections=True)

    assert list(seconds) == ["images and text forward", "loss", "backward", "clipping and Adam"]
    assert all(value > 0 for value in seconds.values())
