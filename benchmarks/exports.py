"""Photographs and sentences through what ``vsepp export`` wrote, and through the package itself."""

import importlib
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks import synthetic
from benchmarks.encoder_codes import difference
from benchmarks.random_model import save_random_model
from benchmarks.results import Result, compared
from vsepp.text.vocabulary import SPECIAL_WORDS

TITLE = "exported models"
SMOKE = dict(
    image_model="shufflenet_v2_x0_25",
    resize=36,
    image_size=32,
    word_dim=5,
    embed_size=6,
    words=20,
    images=3,
    sentences=5,
    batches={"photographs": 2, "sentences": 3},
)
#: how a format is run, as the examples in ``deploy/`` do it
_RUNTIMES = {"paddle": "Paddle Inference", "onnx": "ONNX Runtime"}


class _Side:
    """Codes of photographs or of sentences, in batches.

    Args:
        inputs: ``photographs`` (paths) and ``sentences``.
        batches: how many of each at a time.
    """

    def __init__(self, inputs, batches):
        self._inputs, self._batches = inputs, batches

    def run(self, what, one=False, save=None):
        """All once, or with ``one`` the first alone; ``save``: a file that codes are written to."""
        given = self._inputs[what][:1] if one else self._inputs[what]
        batch = self._batches[what]
        encode = getattr(self, f"_{what}")
        codes = [encode(given[start : start + batch]) for start in range(0, len(given), batch)]
        if save:
            np.save(save, np.concatenate(codes))


class Ours(_Side):
    """``vsepp.load``, ``encode_image`` and ``encode_text``.

    Args:
        checkpoint: where the model is written.
        model: how large, see ``save_random_model``.
        others: see the class above.
    """

    def __init__(self, checkpoint, model, **others):
        import vsepp

        super().__init__(**others)
        save_random_model(checkpoint, **model)
        model = vsepp.load(checkpoint)
        self._photographs, self._sentences = model.encode_image, model.encode_text
        # All at once: it makes batches of its own, and of many photographs a faster network.
        self._batches = {what: len(given) for what, given in self._inputs.items()}


class Eager(_Side):
    """The same layers as they are written, over padded captions."""

    def __init__(self, checkpoint, **others):
        import vsepp

        super().__init__(**others)
        self._model = vsepp.load(checkpoint)

    def _photographs(self, paths):
        return self._codes(self._model.image_extractor, self._model.preprocess(paths))

    def _sentences(self, sentences):
        return self._codes(self._model.text_extractor, *self._model.tokenize(sentences))

    def _codes(self, network, *inputs):
        import paddle

        with paddle.no_grad():
            return network.forward(*map(paddle.to_tensor, inputs)).numpy()


class Export:
    """Writes the exports; ``info`` says which could not be written, and why."""

    def __init__(self, checkpoint, folders):
        import vsepp
        from vsepp.export.exporting import export_model
        from vsepp.export.formats import FORMATS
        from vsepp.system.errors import InputError

        self.info = {}
        for name, folder in folders.items():
            try:
                FORMATS[name].check()
            except InputError as error:
                self.info[name] = str(error)
            else:
                export_model(vsepp.load(checkpoint), folder, name)


class Deployed(_Side):
    """An export, by the examples' own code."""

    def __init__(self, folder, **others):
        super().__init__(**others)
        sys.path.append(str(Path(__file__).parents[1] / "deploy" / "python"))
        exported = importlib.import_module("exported").Exported(folder)
        self._photographs, self._sentences = exported.encode_images, exported.encode_texts


def _sentences(count, words):
    generator = np.random.default_rng(0)
    known = words - len(SPECIAL_WORDS)
    lengths = synthetic.caption_lengths(count, generator) - 2
    return [
        " ".join(f"word{number}" for number in generator.integers(0, known, length))
        for length in lengths
    ]


def measure(
    bench,
    image_model="resnet50",
    resize=256,
    image_size=224,
    word_dim=300,
    embed_size=1024,
    words=2600,
    images=64,
    sentences=512,
    batches=None,
    rounds=4,
):
    """The package against eager Paddle and against both runtimes.

    Raises:
        RuntimeError: when a side's codes are others than ours.
    """
    batches = batches or {"photographs": 16, "sentences": 64}
    photographs = synthetic.draw_photographs(bench.folder / "exported", images)
    inputs = {"photographs": list(map(str, photographs)), "sentences": _sentences(sentences, words)}
    given = dict(inputs=inputs, batches=batches)
    checkpoint = str(bench.folder / "exports.ckpt")
    model = dict(
        image_model=image_model,
        resize=resize,
        image_size=image_size,
        word_dim=word_dim,
        embed_size=embed_size,
        words=words,
    )
    result = Result(
        f"{TITLE}: {image_model} at {image_size} pixels, {word_dim} → {embed_size}, {images} files "
        f"and {sentences} sentences; the others get {batches['photographs']} and "
        f"{batches['sentences']} at a time"
    )
    with ExitStack() as stack:
        ours = {
            "ours": ("exports:Ours", "paddle", dict(checkpoint=checkpoint, model=model, **given))
        }
        sides, _ = bench.open_all(stack, ours)
        if not bench.ours_alone:
            others = {
                "eager Paddle": ("exports:Eager", "paddle", dict(checkpoint=checkpoint, **given))
            }
            folders = {name: str(bench.folder / name) for name in _RUNTIMES}
            with bench.open("exports:Export", checkpoint=checkpoint, folders=folders) as export:
                lacking = export.info
            for name, runtime in _RUNTIMES.items():
                if name in lacking:
                    result.notes.append(f"without {runtime}: {lacking[name]}")
                else:
                    settings = dict(folder=folders[name], **given)
                    others[runtime] = ("exports:Deployed", "plain", settings)
            sides.update(bench.open_all(stack, others)[0])
            result.figures = _differences(bench, sides)
        for what, each in inputs.items():
            for one in (False, True):
                name = f"one of the {what}" if one else what
                taken = bench.compare(
                    name,
                    {
                        side: lambda process=process: process.run(what=what, one=one)
                        for side, process in sides.items()
                    },
                    rounds,
                )
                details = {} if one else dict(amount=len(each), unit=what)
                result.rows += compared(name, taken.pop("ours"), taken, **details)
    return result


def _differences(bench, sides):
    """Figures of how far the codes of each are from ours."""
    figures = []
    for what in ("photographs", "sentences"):
        codes = {}
        for name, side in sides.items():
            path = str(bench.folder / f"{what} {name}.npy")
            side.run(what=what, save=path)
            codes[name] = np.load(path, allow_pickle=False)
        ours = codes.pop("ours")
        figures += [difference(what, name, found, ours) for name, found in codes.items()]
    return figures
