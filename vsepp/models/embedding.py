"""What both encoders end in: vectors of unit length, or of no sign."""

import paddle

TINY = 1e-12  # of a squared length: what is less counts as zero


def l2_normalize(vectors: paddle.Tensor) -> paddle.Tensor:
    """Rows divided by their Euclidean length; a zero row stays zero, with a finite gradient.

    Args:
        vectors: float tensor ``[…, size]``.
    """
    squared = (vectors * vectors).sum(axis=-1, keepdim=True)
    # Division by the length would give a zero row a gradient of 1e12.
    safe = paddle.where(squared > TINY, squared, paddle.ones_like(squared))
    return vectors / paddle.sqrt(safe)
