"""Batches and weights for encoders, the same on every side: NumPy alone, from a seed."""

import zlib

import numpy as np

_FIRST_WORD = 1  # before it stands the padding


def lengths_of(count, mean, longest, generator):
    """int64 ``[count]``, with the tail that captions have; the first is the longest."""
    lengths = np.clip(np.rint(generator.gamma(mean, 1.0, count)), min(5, longest), longest)
    lengths[0] = longest
    return lengths.astype(np.int64)


def sentences(count, vocabulary, mean, longest, seed=0):
    """Lists of indices without padding."""
    generator = np.random.default_rng(seed)
    return [
        generator.integers(_FIRST_WORD, vocabulary, length).tolist()
        for length in lengths_of(count, mean, longest, generator)
    ]


def padded(chosen):
    """(int64 ``[n, longest]``, int64 ``[n]``) of lists of indices."""
    lengths = np.array(list(map(len, chosen)), np.int64)
    grid = np.zeros((len(chosen), lengths.max()), np.int64)
    for row, sentence in zip(grid, chosen):
        row[: len(sentence)] = sentence
    return grid, lengths


def grids(count, cells, feature_size, seed=0):
    """float16 ``[count, cells, feature_size]``, as features of a grid are stored."""
    generator = np.random.default_rng(seed)
    found = np.empty((count, cells, feature_size), np.float16)
    for grid in found:
        grid[...] = np.abs(generator.standard_normal(grid.shape, np.float32))
    return found


def batches(kind, count, batch, sizes):
    """What a step takes: list of (tuple of the encoder's inputs, codes of the other side).

    Args:
        kind: ``bigru``, ``bert`` or ``grid``.
        sizes: of the encoder, with ``mean`` and ``longest`` of sentences, or ``cells``.

    Returns:
        the inputs are captions and lengths, see :func:`padded`, or float32 ``[batch, cells,
        feature_size]``; the codes float32 ``[batch, embed_size]``, of unit length.
    """
    result = []
    for number in range(count):
        generator = np.random.default_rng([number, 1])
        codes = generator.standard_normal((batch, sizes["embed_size"]), np.float32)
        codes /= np.linalg.norm(codes, axis=1, keepdims=True)
        if kind == "grid":
            cells = grids(batch, sizes["cells"], sizes["feature_size"], number)
            inputs = (cells.astype(np.float32),)
        else:
            words = sizes["vocabulary"], sizes["mean"], sizes["longest"]
            inputs = padded(sentences(batch, *words, number))
        result.append((inputs, codes))
    return result


def many(kind, count, sizes):
    """What is encoded: lists of indices, see :func:`sentences`, or :func:`grids`."""
    if kind == "grid":
        return grids(count, sizes["cells"], sizes["feature_size"])
    return sentences(count, sizes["vocabulary"], sizes["mean"], sizes["longest"])


def encoded(inputs, batch, encode):
    """Codes of what :func:`many` gives, sentences by length, float32 in the given order.

    Args:
        encode: from a batch's arrays to its codes.
    """
    is_grid = isinstance(inputs, np.ndarray)
    lengths = [0 if is_grid else len(one) for one in inputs]
    order = np.argsort(lengths, kind="stable")
    rows = []
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        arrays = (inputs[chosen],) if is_grid else padded([inputs[place] for place in chosen])
        rows.append(encode(*arrays))
    codes = np.concatenate(rows)
    result = np.empty_like(codes)
    result[order] = codes
    return result


def parameter(name, shape):
    """The weights that go by a name, float32, in our shapes (a linear layer: ``[in, out]``).

    Their sizes are as in a network that has begun to learn; a norm's gains are about 1.
    """
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    values = generator.standard_normal(shape, np.float32)
    if len(shape) == 1:
        return values * np.float32(0.02) + np.float32("norm" in name and name.endswith("weight"))
    return values / np.float32(min(shape) ** 0.5)


def difference(one, other):
    """How far apart two sides' losses and gradients are, in files of arrays by name.

    Returns:
        the largest difference: of a parameter's gradient relative to its length, where that is
        no less than a thousandth of the whole gradient's, or else to that; or of the losses,
        relative.
    """
    with np.load(one, allow_pickle=False) as ours, np.load(other, allow_pickle=False) as theirs:
        if set(ours.files) != set(theirs.files):
            raise RuntimeError(
                f"the sides have other parameters: {set(ours.files) ^ set(theirs.files)}"
            )
        values = {name: (ours[name], theirs[name]) for name in ours.files}
    whole = np.linalg.norm([np.linalg.norm(mine) for mine, _ in values.values()])
    return max(
        float(np.linalg.norm(mine - its) / max(np.linalg.norm(its), whole / 1000))
        for mine, its in values.values()
    )
