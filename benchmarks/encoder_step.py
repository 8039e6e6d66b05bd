"""A training step of one encoder by itself: forward, loss, backward, clipping, Adam.

The codes of the other side are given, so that nothing else is timed.
"""

import itertools
from contextlib import ExitStack

import numpy as np

from benchmarks import encoder_data
from benchmarks.results import Figure, compared

LARGEST_DIFFERENCE = 1e-4
# Of two nearly equal numbers rounding decides which one GPO ranks first, and so to which cell or
# word a weight's gradient goes; the loss is the same.
_LARGEST_OF_RANKED = 1e-3
_SETTINGS = dict(learning_rate=2e-4, grad_clip=2.0)
PLAIN = "plain layers, padded"


def our_network(kind, sizes):
    """The encoder of ours, in Paddle, with the weights that :mod:`encoder_data` draws."""
    import paddle

    if kind == "grid":
        from vsepp.models.image_encoders.features import FeatureRepExtractor

        network = FeatureRepExtractor(
            sizes["feature_size"], sizes["embed_size"], pooling="gpo", mlp=True
        )
    elif kind == "bert":
        from vsepp.models.bert import BertOptions
        from vsepp.models.text_encoders.bert import BertExtractor

        options = BertOptions(
            vocab_size=sizes["vocabulary"],
            hidden_size=sizes["hidden_size"],
            num_hidden_layers=sizes["layers"],
            num_attention_heads=sizes["heads"],
            intermediate_size=sizes["inner_size"],
            hidden_dropout_prob=sizes["dropout"],
            attention_probs_dropout_prob=sizes["dropout"],
        )
        network = BertExtractor(options, sizes["embed_size"], "mean")
    else:
        from vsepp.models.text_encoders.pooled_gru import PooledTextExtractor

        network = PooledTextExtractor(
            sizes["vocabulary"],
            sizes["word_dim"],
            sizes["embed_size"],
            1,
            both_ways=True,
            pooling="gpo",
        )
    for name, value in network.named_parameters():
        value.set_value(paddle.to_tensor(encoder_data.parameter(name, tuple(value.shape))))
    return network


def _our_step(network, encode):
    """The training loop's own step over one encoder."""
    from vsepp.config import Config
    from vsepp.models.losses import TripletNetLoss
    from vsepp.system.memory import keep_freed
    from vsepp.training.optimizer import get_optimizer
    from vsepp.training.step import TrainingStep
    from vsepp.training.task import Objective

    class Alone(Objective):
        model = network
        criterion = TripletNetLoss(0.2, hard_negative=True)

        def encode_images(self, images):
            return encode(*images)

        def loss(self, image_codes, text_codes, batch):
            return self.criterion(image_codes, batch[1])

    config = Config(**_SETTINGS)
    keep_freed()  # as training on stored features does
    step = TrainingStep(config, Alone(), get_optimizer(network, config))
    step.begin_epoch()
    return step


def save_gradients(path, network, loss):
    """Write a loss and its gradients."""
    loss.backward()
    gradients = {
        name: value.grad.numpy()
        for name, value in network.named_parameters()
        if value.grad is not None
    }
    np.savez(path, loss=float(loss), **gradients)


class Ours:
    """Our step.

    Args:
        kind: ``bigru``, ``bert`` or ``grid``.
        batches: steps to a repetition, each on a batch of its own.
        batch: rows of a batch.
        sizes: see :func:`our_network`.
    """

    def __init__(self, kind, batches, batch, sizes):
        import paddle

        paddle.seed(0)
        self.kind = kind
        self.network = our_network(kind, sizes)
        self.step = _our_step(self.network, self._encode)
        self.batches = [
            (tuple(map(paddle.to_tensor, inputs)), paddle.to_tensor(codes))
            for inputs, codes in encoder_data.batches(kind, batches, batch, sizes)
        ]
        self.numbers = itertools.count()

    def _encode(self, *inputs):
        from vsepp.models.twins import compute

        return compute(self.network, *inputs)

    def run(self, save=None):
        """All batches once; with ``save``, a file for the first one's loss and gradients, without
        dropout, instead."""
        if save:
            return self._save(save)
        for batch in self.batches:
            loss = self.step(batch, next(self.numbers))
        return float(loss)

    def _save(self, path):
        if self.kind == "bert":  # others have no dropout, and Paddle's GRU has then no gradient
            self.network.eval()
        inputs, codes = self.batches[0]
        loss = self.step.objective.loss(self._encode(*inputs), None, (inputs, codes))
        save_gradients(path, self.network, loss)
        self.step.optimizer.clear_grad()
        self.network.train()


class Plain(Ours):
    """The same without the fast twin: the layers as they are written."""

    def _encode(self, *inputs):
        return self.network.forward(*inputs)


def measure_steps(bench, result, kind, sizes, batches, batch, rounds, what="step", padded=False):
    """Add our step's rows, against PyTorch's and that of the plain layers, to a ``Result``.

    Args:
        sizes: of the encoder, see :func:`our_network`, and of its data, see ``encoder_data``.
        padded: PyTorch with padding too, beside PyTorch without.

    Raises:
        RuntimeError: when a side's loss or gradients are others than ours.
    """
    settings = dict(kind=kind, batches=batches, batch=batch, sizes=sizes)
    sides = {"ours": ("encoder_step:Ours", "paddle", settings)}
    sides.update(pytorch_sides("Step", kind, settings, padded))
    sides[PLAIN] = ("encoder_step:Plain", "paddle", {**settings, "batches": 1})
    with ExitStack() as stack:
        opened, lacking = bench.open_all(stack, sides)
        result.notes += lacking
        result.figures += _differences(bench, opened, what, kind)
        taken = bench.compare(what, {name: side.run for name, side in opened.items()}, rounds)
        steps = {
            name: sample.scaled(1 if name == PLAIN else 1 / batches)
            for name, sample in taken.items()
        }
        result.rows += compared(what, steps.pop("ours"), steps)
        result.figures += resident_figures(opened, what)


def pytorch_sides(name, kind, settings, padded):
    """PyTorch's sides of a comparison: ``{name: (target, library, settings)}``."""
    target = f"pytorch_encoders:{name}"
    if kind == "grid":
        return {"PyTorch": (target, "torch", settings)}
    ways = {"PyTorch, packed": False, **({"PyTorch, padded": True} if padded else {})}
    return {way: (target, "torch", {**settings, "padded": value}) for way, value in ways.items()}


def resident_figures(opened, what):
    """The memory of each side's process, in one repetition more."""
    return [
        Figure(f"peak resident memory, {what}, {name}", side.resident() / 1e6, "MB")
        for name, side in opened.items()
    ]


def _differences(bench, opened, what, kind):
    return differences(
        bench, opened, what, LARGEST_DIFFERENCE if kind == "bert" else _LARGEST_OF_RANKED
    )


def differences(bench, opened, what, largest=LARGEST_DIFFERENCE):
    """Figures of how far gradients are from ours; RuntimeError beyond the largest."""
    files = {name: str(bench.folder / f"{name}.npz") for name in opened}
    for name, side in opened.items():
        side.run(save=files[name])
    found = {
        name: encoder_data.difference(files["ours"], path)
        for name, path in files.items()
        if name != "ours"
    }
    for name, value in found.items():
        if not value <= largest:
            raise RuntimeError(f"{what}: {name} has gradients {value:.1e} away from ours")
    return [
        Figure(f"largest relative difference of a gradient, {what}, {name}", value, "")
        for name, value in found.items()
    ]
