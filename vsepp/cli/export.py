"""``vsepp export``."""

from pathlib import Path

from vsepp.cli.checkpoints import checkpoint_path
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration, is_asked_for, is_named
from vsepp.cli.importing import import_paddle
from vsepp.data.karpathy import SPLITS
from vsepp.system.errors import InputError
from vsepp.system.printable import printable

DESCRIPTION = """Write a model for programs that go without this package.

A folder with image and text encoder (of a captioner: image side, and the decoder's step for one
word), as Paddle Inference or ONNX Runtime run them, and inference.yml, which says all that must be
known of them. What is written is run first, and held to the package: on made input, and on
photographs and sentences of the data set where that is prepared.

deploy/python and deploy/server show how it is used."""


def main(argv=None):
    """Export one model; returns the exit status."""
    commands = parser(DESCRIPTION)
    commands.add_argument(
        "--checkpoint", default="best", metavar="best|last|FILE", help="which model (default: best)"
    )
    commands.add_argument("--out", required=True, metavar="FOLDER", help="where it goes")
    commands.add_argument(
        "--format",
        default="paddle",
        metavar="paddle|onnx",
        help="for Paddle Inference, or for ONNX Runtime and others (default: paddle)",
    )
    commands.add_argument(
        "--precision",
        default="float32",
        metavar="float32|float16|int8",
        help="that weights are kept in, half or a quarter of the size; what is computed with them "
        "is float32 (default: float32)",
    )
    commands.add_argument(
        "--split",
        choices=(*SPLITS, "none"),
        help="score the export on a split, beside the package (default: test for float16 and int8 "
        "where it is there, else none)",
    )
    commands.add_argument(
        "--force", action="store_true", help="replace an export that stands there"
    )
    arguments = commands.parse_args(argv)
    config = configuration(arguments)
    path = checkpoint_path(arguments.checkpoint, arguments, config, kind=None)
    import_paddle()
    from vsepp.captioning.model import CaptionModel
    from vsepp.export.exporting import check_request, export_model
    from vsepp.export.real_input import real_input
    from vsepp.loading import load
    from vsepp.models.device import select_device

    out = Path(arguments.out)
    check_request(out, arguments.format, arguments.precision, arguments.force)
    select_device("cpu")
    model = load(path)
    if any(item.partition("=")[0].strip() == "test_flip" for item in arguments.override):
        if isinstance(model, CaptionModel):
            raise InputError("test_flip: a captioner averages over no mirror image: leave it out.")
        model.config = model.config.replaced(test_flip=config.test_flip)
    folder, without = _data_set(arguments, config)
    real = real_input(model, folder) if folder else None
    scores = _Scores(arguments, model, folder)
    exported = export_model(
        model, out, arguments.format, arguments.precision, arguments.force, real, scores
    )
    for line in exported.lines:
        print(printable(line))
    print(f"checked with made input{f' and {printable(real.source)}' if real else without}")
    print(f"written to {out}")
    return 0


def _data_set(arguments, config):
    """(The folder of the data set that the export is tried with, or None; what is said where there
    is none)."""
    from vsepp.data.options import checked_folder

    folder = Path(config.data_dir) / config.dataset
    if (folder / "vocab.json").exists() or is_asked_for(arguments):
        return checked_folder(config), " alone"
    if is_named(arguments):
        return None, f" alone, since {printable(str(folder))} is not prepared"
    return None, " alone"


class _Scores:
    """Scores a split before and after, where that is asked for."""

    def __init__(self, arguments, model, folder):
        from vsepp.captioning.model import CaptionModel
        from vsepp.export.scoring import package_scores

        self.model, self.before = model, None
        captioner = isinstance(model, CaptionModel)
        split = arguments.split
        why = "a captioner has no codes to score" if captioner else "there is no data set"
        if split not in (None, "none") and (captioner or folder is None):
            raise InputError(f"--split {split}: {why}: leave it out.")
        if split is None and arguments.precision != "float32" and folder and not captioner:
            split = _scored_by_itself(folder)
        if split not in (None, "none"):
            self.before = package_scores(model, folder, split)

    def __call__(self, exported):
        from vsepp.export.scoring import exported_scores, score_lines

        if self.before is not None:
            after = exported_scores(self.model, exported.runs, self.before)
            exported.lines += score_lines(self.before.result, after)


def _scored_by_itself(folder):
    """``test`` where its photographs are there; else None, and it is said why."""
    from vsepp.export.real_input import split_with_photographs

    try:
        split_with_photographs(folder, "test")
    except InputError as error:
        print(f"what the precision costs in R@K is not measured: {printable(str(error))}")
        return None
    return "test"
