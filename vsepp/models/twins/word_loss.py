"""Cross-entropy of words on the CPU: one way over the logits, which finds the gradient as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.models.twins.sharing import array_of, empty, tensor_of

_BLOCK = 1 << 17  # numbers at a time: half a MiB, which stays in the cache


class WordLoss(PyLayer):
    """Logits ``[words, vocab_size]``, targets int64 ``[words]`` as an array, the share that is
    spread over the vocabulary → the mean over words, float32 scalar."""

    @staticmethod
    def forward(
        ctx: Any, logits: paddle.Tensor, targets: np.ndarray, smoothing: float
    ) -> paddle.Tensor:
        loss, ctx.saved = _forward(array_of(logits), targets, smoothing)
        return paddle.to_tensor(loss, "float32")

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> paddle.Tensor:
        logits_grad = ctx.saved
        ctx.saved = None
        logits_grad *= np.float32(grad.item())
        return tensor_of(logits_grad)


def _forward(logits: np.ndarray, targets: np.ndarray, smoothing: float) -> tuple[float, np.ndarray]:
    """(loss, gradient of the logits)"""
    words, size = logits.shape
    grads, loss = empty(logits.shape), 0.0
    step = max(1, _BLOCK // size)
    for start in range(0, words, step):
        rows, wanted = logits[start : start + step], targets[start : start + step]
        grad, places = grads[start : start + step], np.arange(len(wanted))
        largest = rows.max(axis=1, keepdims=True)
        np.subtract(rows, largest, out=grad)
        picked = (1 - smoothing) * grad[places, wanted]
        if smoothing:
            picked += smoothing * grad.mean(axis=1)
        np.exp(grad, out=grad)
        sums = grad.sum(axis=1, keepdims=True)
        loss += float((np.log(sums[:, 0]) - picked).sum(dtype=np.float64))
        grad *= 1 / (sums * np.float32(words))
        if smoothing:
            grad -= np.float32(smoothing / size / words)
        grad[places, wanted] -= np.float32((1 - smoothing) / words)
    return loss / words, grads
