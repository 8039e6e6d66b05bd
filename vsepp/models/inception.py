"""Weights of Inception v3, which torchvision and Paddle have for different names and pixels.

The two networks compute the same, but for this: torchvision's variances are taken with 0.001 added
and its pixels lie from −1 to 1, Paddle's with 0.00001 and ImageNet's mean and deviation. Both
differences go into the weights, exactly but for rounding: the one into the scale of each batch
norm, the other into the first convolution, which has no padding. A network in training, whose
batch norms take the batch's own variance, adds Paddle's 0.00001 to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Dict

import numpy as np

from vsepp.data.preprocessing import PIXELS

_EPSILON, _TORCHVISIONS_EPSILON = 1e-5, 1e-3
_STEM = "inception_stem."
_FIRST = f"{_STEM}conv_1a_3x3"
_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
_PARTS = {"conv": "0", "bn": "1"}


def paddle_name(key: str) -> str:
    """What Paddle calls torchvision's parameter ``key``; other names stay as they are."""
    layers = key.split(".")
    if layers[0].startswith("Conv2d_") and len(layers) == 3:
        unit = _STEM + layers[0].lower().replace("conv2d", "conv")
    elif layers[0][len("Mixed_") :] in _BLOCKS and len(layers) == 4:
        branch = layers[1].replace("branch_pool", "branch_pool_conv")
        unit = f"inception_block_list.{_BLOCKS.index(layers[0][len('Mixed_') :])}.{branch}"
    else:
        return key
    part, last = layers[-2:]
    return f"{unit}.{_PARTS.get(part, part)}.{last}"


def fitted(
    state: Dict[str, np.ndarray],
    torchvisions: bool,
    mean: Sequence[float] | np.ndarray,
    std: Sequence[float] | np.ndarray,
) -> Dict[str, np.ndarray]:
    """The weights with which Paddle's network gives what they are meant to give.

    Args:
        state: Paddle's parameter name → float32 array, of the whole backbone.
        torchvisions: whether they are torchvision's; otherwise Paddle's own.
        mean, std: that the pixels which it is fed are normalised with.
    """
    state = dict(state)
    if torchvisions:
        for name in [name for name in state if name.endswith("._variance")]:
            norm = name[: -len("._variance")]
            variance = np.maximum(state[name].astype(np.float64), 0)
            scale = np.sqrt((variance + _EPSILON) / (variance + _TORCHVISIONS_EPSILON))
            state[f"{norm}.weight"] = (state[f"{norm}.weight"] * scale).astype(np.float32)
    wanted = PIXELS["symmetric" if torchvisions else "imagenet"]
    (their_mean, their_std), (mean, std) = (
        np.asarray(pixels, np.float32).astype(np.float64) for pixels in (wanted, (mean, std))
    )
    if (their_mean != mean).any() or (their_std != std).any():
        kernel, centre = f"{_FIRST}.0.weight", f"{_FIRST}.1._mean"
        weight = state[kernel].astype(np.float64)
        shift = np.einsum("oihw,i->o", weight, (mean - their_mean) / their_std)
        state[kernel] = (weight * (std / their_std)[:, None, None]).astype(np.float32)
        state[centre] = (state[centre] - shift).astype(np.float32)
    return state
