"""Tensors and arrays over one piece of memory."""

import gc

import numpy as np
import paddle
import pytest
from paddle import nn

from vsepp.models.twins.sharing import array_of, empty, tensor_of


def test_an_array_of_a_parameter_is_the_parameter_itself():
    weight = nn.Linear(3, 2).weight
    array = array_of(weight)
    assert array.dtype == np.float32 and array.shape == (3, 2)

    weight.set_value(np.arange(6, dtype=np.float32).reshape(3, 2))

    assert array.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert not weight.stop_gradient


def test_an_array_outlives_its_tensor():
    array = array_of(paddle.full([1000, 1000], 7.0))
    gc.collect()
    paddle.zeros([1000, 1000])

    assert (array == 7).all()


def test_a_tensor_outlives_its_array():
    array = np.arange(1_000_000, dtype=np.float32).reshape(1000, 1000)
    tensor = tensor_of(array)
    del array
    gc.collect()
    np.zeros((1000, 1000), np.float32)

    assert tensor.shape == [1000, 1000]
    assert (tensor.numpy().reshape(-1) == np.arange(1_000_000)).all()


def test_an_array_of_a_view_has_its_order():
    view = paddle.arange(6, dtype="float32").reshape([2, 3]).transpose([1, 0])

    assert array_of(view).tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("offset", [0, 4, 16])
def test_a_tensor_lies_in_memory_as_paddles_own_do(offset):
    raw = empty((64,))[offset // 4 :][:12].reshape(3, 4)
    raw[...] = np.arange(12).reshape(3, 4)
    tensor = tensor_of(raw)
    assert array_of(tensor).ctypes.data % 64 == 0
    assert (tensor.numpy() == raw).all()
