"""Packed captions, read both ways and pooled, give what the padded layer gives."""

import numpy as np
import paddle
import pytest

from vsepp.models.pooling import POOLINGS
from vsepp.models.text_encoders.pooled_gru import PooledTextExtractor
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.twins import compute, find_twin, packed_pooling
from vsepp.models.twins.packed_pooling import places
from vsepp.models.twins.step_packing import StepPacking

LENGTHS = {
    "any order": [3, 7, 1, 5, 7, 2],
    "one of one word": [1],
    "all alike": [4, 4],
    "long": [70, 3, 68],  # where places are not counted any more
}
DROPOUT = TextDropout(0.3, 0.3, 0.3, unknown=1, marks=(0, 2, 3))


def batch(lengths):
    grid = np.zeros((len(lengths), max(lengths)), np.int64)
    for row, length in zip(grid, lengths):
        row[:length] = np.random.default_rng(0).integers(1, 20, length)
    return paddle.to_tensor(grid), paddle.to_tensor(np.array(lengths))


def codes_and_gradients(compute_codes, layer):
    layer.clear_gradients()
    paddle.seed(7)  # both leave out the same
    codes = compute_codes()
    weights = np.random.default_rng(1).standard_normal(codes.shape).astype(np.float32)
    (codes * paddle.to_tensor(weights)).sum().backward()
    named = layer.named_parameters()
    return codes.numpy(), {name: p.grad.numpy() for name, p in named if p.grad is not None}


def assert_twin_is_forward(layer, lengths):
    assert find_twin(type(layer))
    inputs = batch(lengths)
    codes, grads = codes_and_gradients(lambda: layer.forward(*inputs), layer)
    found, found_grads = codes_and_gradients(lambda: compute(layer, *inputs), layer)
    np.testing.assert_allclose(found, codes, atol=1e-5)
    assert found_grads.keys() == grads.keys() and grads
    for name, grad in grads.items():
        atol = 1e-5 * max(1, np.abs(grad).max())
        np.testing.assert_allclose(found_grads[name], grad, atol=atol, err_msg=name)


@pytest.mark.parametrize("dropout", [TextDropout(), DROPOUT], ids=["whole", "dropout"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("pooling", ["last", *POOLINGS])
@pytest.mark.parametrize("both_ways", [False, True], ids=["one way", "both ways"])
def test_codes_and_gradients_are_those_of_forward(both_ways, pooling, layers, dropout):
    paddle.seed(0)
    layer = PooledTextExtractor(20, 6, 8, layers, False, both_ways, pooling, dropout)
    assert_twin_is_forward(layer, LENGTHS["any order"])


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_any_lengths(lengths, pooling):
    paddle.seed(0)
    assert_twin_is_forward(PooledTextExtractor(20, 6, 8, 1, True, True, pooling), lengths)


@pytest.mark.parametrize("pooling", ["last", *POOLINGS])
def test_codes_without_gradients_are_the_same(pooling):
    layer = PooledTextExtractor(20, 6, 8, 2, False, True, pooling)
    layer.eval()
    inputs = batch(LENGTHS["any order"])

    expected = compute(layer, *inputs).numpy()
    with paddle.no_grad():
        np.testing.assert_array_equal(compute(layer, *inputs).numpy(), expected)


def test_the_weights_of_a_length_are_worked_out_once(monkeypatch):
    layer = PooledTextExtractor(20, 6, 8, 1, False, True, "gpo")
    asked = []
    table = layer.pooling.table
    monkeypatch.setattr(
        layer.pooling, "table", lambda lengths: asked.append(list(lengths)) or table(lengths)
    )

    compute(layer, *batch(LENGTHS["any order"]))

    assert asked == [[1, 2, 3, 5, 7]]


@pytest.mark.parametrize("counted", [64, 0], ids=["counted", "sorted"])
def test_places_are_those_of_a_stable_sort(counted, monkeypatch):
    monkeypatch.setattr(packed_pooling, "_COUNTED", counted)
    lengths = [3, 9, 1, 9, 4]
    packing = StepPacking(lengths)
    grid = np.random.default_rng(0).integers(0, 4, (5, 9, 6)).astype(np.float32)  # many equal

    found = places(packing.packed(grid), packing)

    back = np.zeros((5 * 9, 6), np.int64)
    back[packing.words] = found
    for values, place, length in zip(grid, back.reshape(5, 9, 6), lengths):
        order = np.argsort(-values[:length], axis=0, kind="stable")
        np.testing.assert_array_equal(np.argsort(order, axis=0), place[:length])


def test_turned_captions_in_the_packed_layout():
    lengths = [3, 1, 4]
    packing = StepPacking(lengths)
    grid = np.array([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 7, 8]])
    turned = np.array([[3, 2, 1, 0], [4, 0, 0, 0], [8, 7, 6, 5]])

    rows = packing.packed(grid)

    np.testing.assert_array_equal(rows[packing.turned], packing.packed(turned))
    np.testing.assert_array_equal(rows[packing.turned][packing.turned], rows)
