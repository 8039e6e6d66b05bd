"""Captioners on a CPU, words alone, give what the padded layers give: values and gradients."""

import numpy as np
import paddle
import pytest
from captioners import (
    CELLS,
    DROPOUT,
    KINDS,
    make_captioner,
    make_captions,
    make_decoder,
    make_features,
    make_targets,
)

from vsepp.models.caption_loss import caption_loss
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.twins import compute, find_twin

BATCHES = {
    "by image": ([5, 3, 7, 2, 4], [0, 0, 1, 1, 2]),
    "in any order": ([3, 7, 2, 5, 6], [2, 0, 1, 0, 2]),
    "an image without a caption": ([4, 6], [2, 0]),
    "one word": ([2], [1]),
    "all alike": ([4, 4, 4], [0, 1, 2]),
}
DROPOUTS = {"whole": TextDropout(), "dropout": DROPOUT}


def results(decoder, run, batch, kept=None):
    """(logits, attention, {name: gradient}) of a loss in which everything counts."""
    lengths, images = batch
    captions, lengths = make_captions(lengths)
    generator = np.random.default_rng(3)
    cells = generator.standard_normal((3, CELLS, decoder.cell_size)).astype(np.float32)
    cells = paddle.to_tensor(cells, stop_gradient=False)
    decoder.clear_gradients()
    paddle.seed(7)  # both leave out the same
    logits, attention = run(cells, captions, lengths, paddle.to_tensor(images), kept)
    loss = caption_loss(logits, make_targets(captions, lengths), attention, lengths, 0.1, 0.5)
    loss.backward()
    grads = {name: p.grad for name, p in decoder.named_parameters() if p.grad is not None}
    grads = {name: grad.numpy() for name, grad in grads.items()}
    return logits.numpy(), attention.numpy(), {**grads, "cells": cells.grad.numpy()}


def assert_twin_is_forward(decoder, batch, kept=None):
    assert find_twin(type(decoder))
    expected = results(decoder, decoder.forward, batch, kept)
    found = results(decoder, lambda *inputs: compute(decoder, *inputs), batch, kept)
    for one, other in zip(found[:2], expected[:2]):
        np.testing.assert_allclose(one, other, atol=1e-5)
    grads, expected_grads = found[2], expected[2]
    assert grads.keys() == expected_grads.keys()
    assert len(grads) == len(decoder.parameters()) + 1
    largest = max(map(np.linalg.norm, expected_grads.values()))
    for name, grad in expected_grads.items():
        distance = np.linalg.norm(grads[name] - grad)
        assert distance <= 1e-4 * max(np.linalg.norm(grad), 1e-3 * largest), name


@pytest.mark.parametrize("dropout", DROPOUTS.values(), ids=DROPOUTS)
@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("kind", KINDS)
def test_logits_attention_and_gradients(kind, batch, dropout):
    assert_twin_is_forward(make_decoder(kind, dropout), batch)


@pytest.mark.parametrize("kind", KINDS)
def test_cells_left_out_are_not_looked_at(kind):
    kept = np.ones((3, CELLS), bool)
    kept[0, 1:], kept[1, ::2] = False, False
    decoder, batch = make_decoder(kind), BATCHES["by image"]
    assert_twin_is_forward(decoder, batch, paddle.to_tensor(kept))

    logits, attention, _ = results(decoder, decoder, batch, paddle.to_tensor(kept))
    images = np.repeat(batch[1], np.array(batch[0]) - 1)
    assert attention[~kept[images]].max() < 1e-20
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)
    assert np.abs(logits - results(decoder, decoder, batch)[0]).max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_without_gradients_the_same(kind):
    captioner = make_captioner(kind)
    captioner.eval()
    captions, lengths = make_captions([5, 3, 4])
    inputs = make_features(), captions, lengths, paddle.to_tensor([0, 2, 2])
    expected = captioner(*inputs)
    with paddle.no_grad():
        found = captioner(*inputs)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6)
        assert one.stop_gradient


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_frozen_has_no_gradient_and_the_rest_the_same(kind):
    decoder, batch = make_decoder(kind), BATCHES["by image"]
    names = [name for name, _ in decoder.named_parameters()]
    expected = results(decoder, decoder, batch)[2]
    for frozen in names:
        parameters = dict(decoder.named_parameters())
        parameters[frozen].stop_gradient = True
        decoder.clear_gradients()
        found = results(decoder, decoder, batch)[2]
        parameters[frozen].stop_gradient = False
        parameters[frozen].clear_gradient(False)
        for name in {*names, "cells"} - {frozen}:
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_image_side(kind):
    captioner = make_captioner(kind)
    for parameter in captioner.image_extractor.parameters():
        parameter.stop_gradient = True
    captions, lengths = make_captions([5, 3, 4])
    logits, _ = captioner(make_features(), captions, lengths, paddle.to_tensor([0, 2, 2]))
    logits.sum().backward()
    for name, parameter in captioner.named_parameters():
        assert (parameter.grad is None) == name.startswith("image_extractor."), name
