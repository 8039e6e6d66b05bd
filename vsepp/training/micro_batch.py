"""The gradient of a large batch in the memory of a small one.

The loss compares every image with every sentence of the batch, so the batch cannot simply be
cut. But it sees only codes, and they are small: the codes are computed slice by slice without
keeping activations, the loss gives each code its gradient, and each slice is computed once
more to hand that gradient on to the backbone.
"""

import ctypes

import numpy as np
import paddle
from paddle import nn

_M_MMAP_THRESHOLD = -3  # of mallopt(3)
_NORMALISATIONS = (nn.BatchNorm, nn.BatchNorm1D, nn.BatchNorm2D, nn.SyncBatchNorm)


def hold_batch_statistics(model):
    """Put batch-norm in evaluation mode: a slice's statistics are not the batch's."""
    for layer in model.sublayers():
        if isinstance(layer, _NORMALISATIONS):
            layer.eval()


def give_memory_back():
    """Let the C library hand large freed blocks back at once, where it is glibc.

    By itself it keeps blocks of up to 32 MB in a heap, where what a slice leaves and the next
    one needs do not fit together: the peak is half as high again.
    """
    try:
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, 1 << 20)
    except (OSError, AttributeError):
        pass


def seed_from(*numbers):
    """Seed Paddle from whole numbers, such as (seed, step): what follows can be repeated."""
    paddle.seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def sliced_codes(model, images, size, seed):
    """Codes of images, ``size`` at a time, and how to take their gradient back to the model.

    Args:
        model: a ``VSEPP``; batch-norm should be held, see :func:`hold_batch_statistics`.
        images: tensor ``[batch, ...]``.
        size: images in a slice.
        seed: tuple of whole numbers; dropout follows from it, alike in both passes.

    Returns:
        (codes ``[batch, embed_size]``, a leaf of the graph; a function without arguments, to
        be called once the codes have their gradient)
    """
    starts = range(0, images.shape[0], size)

    def encode(start):
        seed_from(*seed, start)
        return model.image_extractor(images[start:start + size])

    with paddle.no_grad():
        codes = paddle.concat([encode(start).astype("float32") for start in starts])
    codes.stop_gradient = False

    def hand_on():
        for start in starts:
            part = encode(start)
            part.backward(codes.grad[start:start + size].astype(part.dtype))
    return codes, hand_on
