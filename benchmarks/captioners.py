"""The two captioners: their training step, stored grids and captions in."""

from contextlib import ExitStack

from benchmarks.encoder_step import PLAIN, differences, resident_figures
from benchmarks.results import Figure, Result, compared

TITLE = "captioners"
SMOKE = dict(
    batches=2,
    captions=10,
    vocabulary=20,
    cells=4,
    feature_size=5,
    kinds={"attention": 6, "addnorm": 6},
    decoder_size=6,
    longest=8,
)
#: caption_model → what its words and cells have, in the documents
SIZES = {"attention": 256, "addnorm": 512}
EPOCH = 30_000  # captions


def measure(
    bench,
    batches=3,
    captions=128,
    vocabulary=2500,
    cells=49,
    feature_size=2048,
    kinds=SIZES,
    decoder_size=512,
    mean=10.8,
    longest=28,
    rounds=5,
):
    """The step of each, against PyTorch's and that of the plain layers.

    Raises:
        RuntimeError: when a side's loss or gradients are others than ours.
    """
    result = Result(
        f"{TITLE}: {captions} captions of five to an image, {vocabulary} words, {cells} cells of "
        f"{feature_size}, GRU of {decoder_size}"
    )
    for kind, size in kinds.items():
        sizes = dict(
            vocabulary=vocabulary,
            cells=cells,
            feature_size=feature_size,
            size=size,
            decoder_size=decoder_size,
            mean=mean,
            longest=longest,
        )
        settings = dict(kind=kind, batches=batches, captions=captions, sizes=sizes)
        sides = {
            "ours": ("captioner_step:Ours", "paddle", settings),
            "PyTorch": ("pytorch_captioners:Step", "torch", settings),
            PLAIN: ("captioner_step:Plain", "paddle", {**settings, "batches": 1}),
        }
        what = f"step, {kind}"
        with ExitStack() as stack:
            opened, lacking = bench.open_all(stack, sides)
            result.notes += lacking
            result.figures += differences(bench, opened, what)
            taken = bench.compare(what, {name: side.run for name, side in opened.items()}, rounds)
            steps = {
                name: sample.scaled(1 if name == PLAIN else 1 / batches)
                for name, sample in taken.items()
            }
            ours = steps.pop("ours")
            result.rows += compared(what, ours, steps)
            seconds = ours.median * EPOCH / captions
            result.figures.append(Figure(f"{EPOCH} captions, {kind}, ours", seconds, "s"))
            result.figures += resident_figures(opened, what)
    return result
