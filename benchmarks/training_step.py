"""The training step on stored features: loss, clipping and Adam included."""

import itertools
import time
from contextlib import ExitStack

import numpy as np

from benchmarks import synthetic
from benchmarks.results import Figure, Result, compared

TITLE = "training step on the features of a frozen backbone"
SMOKE = dict(batches=2, batch=4, vocabulary=20, word_dim=5, embed_size=6, feature_size=7)
# the sections that the loop's step marks → how they are called here
_SECTIONS = {
    "codes": "images and text forward",
    "loss": "loss",
    "gradients": "backward",
    "optimizer": "clipping and Adam",
}


def our_step(vocabulary, word_dim, embed_size, feature_size, learning_rate, grad_clip):
    """The training loop's own step, a ``vsepp.training.step.TrainingStep``, on stored features."""
    from types import SimpleNamespace

    import paddle

    from vsepp.config import Config
    from vsepp.models.encoders import encoders_for_training
    from vsepp.text.vocabulary import Vocabulary
    from vsepp.training.optimizer import get_optimizer
    from vsepp.training.retrieval import RetrievalObjective
    from vsepp.training.step import TrainingStep

    config = Config(
        word_dim=word_dim,
        embed_size=embed_size,
        finetuned=False,
        pretrained=False,
        learning_rate=learning_rate,
        grad_clip=grad_clip,
    )
    words = Vocabulary(synthetic.vocabulary(vocabulary))
    data = SimpleNamespace(vocabulary=words, tokenizer="words")
    paddle.seed(0)
    objective = RetrievalObjective(config, *encoders_for_training(config, data, feature_size))
    step = TrainingStep(config, objective, get_optimizer(objective.model, config))
    step.begin_epoch()
    return step


def as_loaded(features, captions, lengths):
    """A batch as our loader hands it over: captions cut to its longest, image ids beside them."""
    import paddle

    ids = np.arange(len(features))
    return tuple(map(paddle.to_tensor, (features, captions[:, : lengths.max()], lengths, ids)))


class Ours:
    """Our step.

    Args:
        batches: steps to a repetition, each on a batch of its own.
        batch: pairs in a batch.
        vocabulary, word_dim, embed_size, feature_size: sizes of the model.
    """

    def __init__(
        self,
        batches,
        batch,
        vocabulary,
        word_dim,
        embed_size,
        feature_size,
        learning_rate,
        grad_clip,
    ):
        self.step = our_step(
            vocabulary, word_dim, embed_size, feature_size, learning_rate, grad_clip
        )
        self.batches = [
            as_loaded(*arrays)
            for arrays in synthetic.training_batches(batches, batch, vocabulary, feature_size)
        ]
        self.numbers = itertools.count()

    def run(self, sections=False, minutes=0.0):
        """All batches once; ``minutes``: over and over; ``sections``: seconds of each."""
        until = time.perf_counter() + 60 * minutes
        while True:
            watch = _Sections()
            for batch in self.batches:
                watch.begin()
                marked = {"mark": watch.mark} if sections else {}
                loss = self.step(batch, next(self.numbers), **marked)
            if time.perf_counter() >= until:
                break
        return watch.seconds if sections else float(loss)


class _Sections:
    """Seconds of each section of a step, added up over steps."""

    def __init__(self):
        self.seconds = dict.fromkeys(_SECTIONS.values(), 0.0)

    def begin(self):
        self._last = time.perf_counter()

    def mark(self, section):
        now = time.perf_counter()
        self.seconds[_SECTIONS[section]] += now - self._last
        self._last = now


class Documented:
    """The documented step: padded ``nn.GRU``."""

    def __init__(
        self,
        batches,
        batch,
        vocabulary,
        word_dim,
        embed_size,
        feature_size,
        learning_rate,
        grad_clip,
    ):
        import paddle

        from benchmarks import documented_model as documented

        paddle.seed(0)
        self.model = documented.Model(
            documented.FeatureEncoder(embed_size, feature_size),
            documented.TextEncoder(vocabulary, word_dim, embed_size),
        )
        self.optimizer = documented.adam(self.model, learning_rate, grad_clip)
        self.step = documented.train_step
        self.batches = [
            tuple(map(paddle.to_tensor, batch))
            for batch in synthetic.training_batches(batches, batch, vocabulary, feature_size)
        ]

    def run(self, batches=None):
        """The first ``batches``, by default all."""
        loss = 0.0
        for batch in self.batches[:batches]:
            loss = self.step(self.model, self.optimizer, *batch)
        return loss


class Products:
    """The matrix products alone that such a step cannot do without, in NumPy."""

    def __init__(
        self,
        batches,
        batch,
        vocabulary,
        word_dim,
        embed_size,
        feature_size,
        learning_rate,
        grad_clip,
    ):
        generator = np.random.default_rng(0)

        def draw(*shape):
            return generator.standard_normal(shape, np.float32)

        gates = 3 * embed_size
        self.into, self.recurrent = draw(word_dim, gates), draw(embed_size, gates)
        self.head = draw(feature_size, embed_size)
        self.batches = []
        for features, _, lengths in synthetic.training_batches(
            batches, batch, vocabulary, feature_size
        ):
            words = int(lengths.sum())
            sizes = [int((lengths > step).sum()) for step in range(lengths.max())]
            self.batches.append(
                (
                    features,
                    draw(words, word_dim),
                    draw(words, gates),
                    draw(words, embed_size),
                    sizes,
                )
            )
        self.state, self.gradient = draw(batch, embed_size), draw(batch, gates)
        self.codes = draw(batch, embed_size)

    def run(self):
        for features, words, gates, states, sizes in self.batches:
            words @ self.into
            for size in sizes:
                self.state[:size] @ self.recurrent
            for size in sizes:
                self.gradient[:size] @ self.recurrent.T
            gates @ self.into.T
            gates.T @ words
            gates.T @ states
            features @ self.head
            features.T @ self.codes
            self.codes @ self.codes.T


def measure(
    bench,
    batches=4,
    batch=128,
    vocabulary=2600,
    word_dim=300,
    embed_size=1024,
    feature_size=2048,
    learning_rate=2e-4,
    grad_clip=2.0,
    rounds=7,
):
    """Our step against the documented one, PyTorch's, and the bare products."""
    sizes = dict(
        batches=batches,
        batch=batch,
        vocabulary=vocabulary,
        word_dim=word_dim,
        embed_size=embed_size,
        feature_size=feature_size,
        learning_rate=learning_rate,
        grad_clip=grad_clip,
    )
    result = Result(f"{TITLE}: batch {batch}, {word_dim} → {embed_size}, mean length 13")
    with ExitStack() as stack:
        sides, result.notes = bench.open_all(
            stack,
            {
                "ours": ("training_step:Ours", "paddle", sizes),
                "PyTorch, packed GRU": ("pytorch:Step", "torch", sizes),
                "documented": ("training_step:Documented", "paddle", {**sizes, "batches": 1}),
                "documented, one thread": (
                    "training_step:Documented",
                    "plain",
                    {**sizes, "batches": 1},
                ),
                "bare products": ("training_step:Products", "paddle", sizes),
            },
        )
        _compare(bench, sides, batches, rounds, result, "step")
        sides["ours"].run(sections=True)
        if "documented" in sides:
            result.notes.append(
                "documented: with the variables that this package sets; one thread is "
                "what Paddle allows a program that sets none"
            )
        for name, seconds in sides["ours"].answer["result"].items():
            result.figures.append(Figure(f"our step: {name}", seconds / batches, "s"))
        if bench.soak:
            sides["ours"].run(minutes=bench.soak)
            _compare(
                bench,
                sides,
                batches,
                rounds,
                result,
                f"step after {bench.soak:g} minutes of training",
            )
    return result


def _compare(bench, sides, batches, rounds, result, what):
    taken = bench.compare(what, {name: side.run for name, side in sides.items()}, rounds)
    steps = {
        name: sample.scaled(1 if name.startswith("documented") else 1 / batches)
        for name, sample in taken.items()
    }
    result.rows += compared(what, steps.pop("ours"), steps)
