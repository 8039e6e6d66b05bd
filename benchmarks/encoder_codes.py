"""Codes of many sentences, or of many stored grids, by one encoder."""

from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np

from benchmarks import encoder_data
from benchmarks.encoder_step import (
    LARGEST_DIFFERENCE,
    PLAIN,
    our_network,
    pytorch_sides,
    resident_figures,
)
from benchmarks.results import Figure, compared

_PLAIN_SHARE = 10  # of how many inputs the plain layers are given one


class Ours:
    """What evaluation and indexing do.

    Args:
        kind: ``bigru``, ``bert`` or ``grid``.
        count: sentences or grids.
        batch: of them at a time.
        sizes: see ``encoder_step``.
    """

    def __init__(self, kind, count, batch, sizes):
        self.network = our_network(kind, sizes)
        self.network.eval()
        self.is_grid, self.batch = kind == "grid", batch
        self.inputs = encoder_data.many(kind, count, sizes)

    def run(self, save=None):
        """All once; with ``save``, write the codes to that file."""
        codes = self._codes()
        if save:
            np.save(save, codes)

    def _codes(self):
        import paddle

        from vsepp.retrieval.encoding import encode_captions, encode_images

        with paddle.no_grad():
            if self.is_grid:
                model = SimpleNamespace(image_extractor=self.network)
                return encode_images(model, self.inputs, len(self.inputs), self.batch)
            model = SimpleNamespace(text_extractor=self.network)
            return encode_captions(model, self.inputs, self.batch)


class Plain(Ours):
    """Every tenth, by the layers as they are written."""

    def __init__(self, kind, count, batch, sizes):
        super().__init__(kind, count, batch, sizes)
        self.inputs = self.inputs[::_PLAIN_SHARE]

    def _codes(self):
        import paddle

        with paddle.no_grad():
            return encoder_data.encoded(self.inputs, self.batch, self._encode)

    def _encode(self, *inputs):
        import paddle

        return self.network.forward(*map(paddle.to_tensor, inputs)).numpy()


def measure_codes(bench, result, kind, sizes, count, batch, rounds, unit, padded=False):
    """Add our rows, against PyTorch's and those of the plain layers, to a ``Result``.

    Args:
        count: how many are encoded.
        unit: what they are.
        sizes, padded: see :func:`benchmarks.encoder_step.measure_steps`.

    Raises:
        RuntimeError: when a side's codes are others than ours.
    """
    what = f"encoding {unit}"
    settings = dict(kind=kind, count=count, batch=batch, sizes=sizes)
    sides = {"ours": ("encoder_codes:Ours", "paddle", settings)}
    sides.update(pytorch_sides("Codes", kind, settings, padded))
    sides[PLAIN] = ("encoder_codes:Plain", "paddle", settings)
    with ExitStack() as stack:
        opened, lacking = bench.open_all(stack, sides)
        result.notes += lacking
        result.figures += _differences(bench, opened, what)
        taken = bench.compare(what, {name: side.run for name, side in opened.items()}, rounds, 0)
        if PLAIN in taken:
            taken[PLAIN] = taken[PLAIN].scaled(count / len(range(0, count, _PLAIN_SHARE)))
            result.notes.append(f"{what}, {PLAIN}: extrapolated from every tenth")
        result.rows += compared(what, taken.pop("ours"), taken, amount=count, unit=unit)
        result.figures += resident_figures(opened, what)


def _differences(bench, opened, what):
    """Figures of how far codes are from ours; the repetition that writes them warms up."""
    codes = {}
    for name, side in opened.items():
        path = str(bench.folder / f"{name}.npy")
        side.run(save=path)
        codes[name] = np.load(path, allow_pickle=False)
    figures = []
    ours = codes.pop("ours")
    for name, found in codes.items():
        same = ours[::_PLAIN_SHARE] if name == PLAIN else ours
        figures.append(difference(what, name, found, same))
    return figures


def difference(what, name, found, ours):
    """A figure of how far the codes of a side are from ours.

    Raises:
        RuntimeError: when they are others.
    """
    value = float(np.abs(found - ours).max())
    if not value <= LARGEST_DIFFERENCE:
        raise RuntimeError(f"{what}: {name} has codes {value:.1e} away from ours")
    return Figure(f"largest difference of a code's number, {what}, {name}", value, "")
