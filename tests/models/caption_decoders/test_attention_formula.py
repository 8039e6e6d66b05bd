"""The attention decoder is its formula: the loss, and its slopes by finite differences."""

import numpy as np
import paddle
import pytest
from captioners import CELLS, make_captions, make_decoder, make_targets

from vsepp.models.caption_loss import caption_loss

LENGTHS, IMAGES = [4, 3, 5], [0, 0, 1]
SMOOTHING, PENALTY = 0.1, 0.7


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def written_out(weights, cells, captions):
    """The loss, float64, a word after another."""
    losses, penalties = [], []
    for caption, length, image in zip(captions, LENGTHS, IMAGES):
        seen = cells[image]
        if "initial.weight" in weights:
            mean = seen.mean(axis=0)
            hidden = np.tanh(mean @ weights["initial.weight"] + weights["initial.bias"])
        else:
            hidden = np.zeros(weights["output.bias"].shape)
        keys = seen @ weights["keys.weight"] + weights["keys.bias"]
        looked = np.zeros(CELLS)
        for word, target in zip(caption[: length - 1], caption[1:length]):
            compared = np.tanh(keys + hidden @ weights["query.weight"])
            alpha = np.exp(compared @ weights["score.weight"][:, 0])
            alpha /= alpha.sum()
            looked += alpha
            read = np.concatenate([alpha @ seen, weights["embedding.weight"][word]])
            of_input = weights["gru.weight_ih"] @ read + weights["gru.bias_ih"]
            of_hidden = weights["gru.weight_hh"] @ hidden + weights["gru.bias_hh"]
            (r, z, n), (hr, hz, hn) = np.split(of_input, 3), np.split(of_hidden, 3)
            reset, update = sigmoid(r + hr), sigmoid(z + hz)
            hidden = (1 - update) * np.tanh(n + reset * hn) + update * hidden
            logits = hidden @ weights["output.weight"] + weights["output.bias"]
            logits = logits @ weights["vocabulary.weight"] + weights["vocabulary.bias"]
            logs = logits - np.log(np.exp(logits).sum())
            losses.append(-(1 - SMOOTHING) * logs[target] - SMOOTHING * logs.mean())
        penalties.append(((1 - looked) ** 2).sum())
    return np.mean(losses) + PENALTY * np.mean(penalties)


@pytest.mark.parametrize("kind", ["attention", "attention, mean"])
def test_the_loss_and_its_slopes(kind):
    decoder = make_decoder(kind)
    captions, lengths = make_captions(LENGTHS)
    values = np.random.default_rng(5).standard_normal((2, CELLS, decoder.cell_size))
    cells = paddle.to_tensor(values.astype(np.float32), stop_gradient=False)
    logits, attention = decoder(cells, captions, lengths, paddle.to_tensor(IMAGES))
    targets = make_targets(captions, lengths)
    loss = caption_loss(logits, targets, attention, lengths, SMOOTHING, PENALTY)
    loss.backward()

    weights = {name: p.numpy().astype(float) for name, p in decoder.named_parameters()}
    found = {name: p.grad.numpy() for name, p in decoder.named_parameters()}
    numbers = {**weights, "cells": cells.numpy().astype(float)}
    found["cells"] = cells.grad.numpy()

    def of_numbers():
        rest = {name: value for name, value in numbers.items() if name != "cells"}
        return written_out(rest, numbers["cells"], captions.numpy())

    assert loss.item() == pytest.approx(of_numbers(), rel=1e-5)
    generator = np.random.default_rng(6)
    for name, value in numbers.items():
        # along some directions in which all numbers move, which a wrong one would show in
        for _ in range(4):
            direction = generator.standard_normal(value.shape)
            direction /= np.linalg.norm(direction)
            ends = []
            for change in (1e-5, -1e-5):
                value += change * direction
                ends.append(of_numbers())
                value -= change * direction
            slope = (ends[0] - ends[1]) / 2e-5
            size = np.linalg.norm(found[name])
            assert size > 0
            assert abs(slope - (found[name] * direction).sum()) <= 1e-4 * size, name
