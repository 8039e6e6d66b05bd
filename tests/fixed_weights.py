"""The fixed weights under which the figures of torchvision's networks in ``golden`` were taken."""

import zlib

import numpy as np


def fixed_weights(shapes):
    """``{torchvision's parameter name: float32 array}`` of a network.

    Args:
        shapes: ``{torchvision's parameter name: shape}``.
    """
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            continue
        seed = zlib.crc32(key.encode())
        r = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
        if key.endswith("running_var"):
            state[key] = np.exp(0.1 * r)
        elif key.endswith(("running_mean", "bias")):
            state[key] = 0.1 * r
        elif r.ndim == 1:
            scale = 0.2 if key.endswith(("bn2.weight", "bn3.weight")) else 1.0
            state[key] = scale * (1 + 0.1 * r)
        else:
            gain = 2 if r.ndim == 4 else 1
            state[key] = r * np.sqrt(gain / np.prod(shape[1:]))
    return {key: value.astype(np.float32) for key, value in state.items()}
