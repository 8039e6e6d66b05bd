"""``vsepp report``."""

from vsepp.cli.checkpoints import (
    add_arguments,
    decoding_options,
    open_captioner,
    open_model,
    path_of_any_kind,
)
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration
from vsepp.system.errors import InputError

DESCRIPTION = """Show a checkpoint's evaluation as one HTML page that needs no other file.

Scores with intervals, the spread of the ranks, the queries answered best and worst, a batch's
similarities, the space in two dimensions, and the training curves where the run's last
checkpoint is found. Of a captioner: scores with intervals, the words it uses, the images it
captions best and worst, where words looked, made and real captions side by side, and the curves."""


def main(argv=None):
    """Write the page; returns the exit status."""
    commands = parser(DESCRIPTION)
    add_arguments(commands)
    commands.add_argument(
        "--out", metavar="FILE.html", help="where the page goes (default: beside the checkpoint)"
    )
    commands.add_argument(
        "--queries",
        type=int,
        default=5,
        metavar="N",
        help="how many of the best and of the worst queries to show in each direction, or of the "
        "images of a captioner (default: 5)",
    )
    commands.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the two-dimensional view, or of the sample of a captioner (default: 0)",
    )
    arguments = commands.parse_args(argv)
    _check(arguments)
    config = configuration(arguments)
    from pathlib import Path

    from vsepp.checkpoint import CAPTIONER, kind_of, read_header
    from vsepp.data.options import checked_folder
    from vsepp.system.atomic import write_text

    folder = checked_folder(config)
    checkpoint = Path(path_of_any_kind(arguments, config))
    arguments.checkpoint = str(checkpoint)
    captioner = kind_of(read_header(checkpoint)) == CAPTIONER
    page = (_captions if captioner else _retrieval)(arguments, config, folder)
    path = Path(
        arguments.out
        or checkpoint.with_name(f"{checkpoint.stem}.{config.dataset}_{arguments.split}.html")
    )
    write_text(path, page)
    print(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def _retrieval(arguments, config, folder):
    from vsepp.data.dataset import open_dataset
    from vsepp.data.equal_captions import equal_captions
    from vsepp.metrics.protocol import score
    from vsepp.report.evaluation_page import evaluation_page
    from vsepp.report.tables import metrics_table
    from vsepp.retrieval.gallery import open_gallery

    model = open_model(arguments, config)
    gallery = open_gallery(model, folder, arguments.split)
    names = {"dataset": config.dataset, "split": arguments.split}
    equal = equal_captions(open_dataset(folder, arguments.split))
    result = score([gallery], models=[model], equal=equal, **names).with_intervals()
    print(metrics_table(result))
    return evaluation_page(gallery, result, _history(model), arguments.queries, arguments.seed)


def _captions(arguments, config, folder):
    from vsepp.data.prepared import Prepared
    from vsepp.report.caption_page import caption_page
    from vsepp.report.caption_tables import caption_table

    model = open_captioner(arguments, config)
    from vsepp.captioning.evaluation import caption_split  # needs Paddle, which is there by now
    from vsepp.captioning.scoring import scored_words

    prepared, decoding = Prepared(folder), model.decoding(**decoding_options(arguments, config))
    captioned = caption_split(
        model, prepared, arguments.split, decoding, attention=True, quiet=False
    )
    captioned = captioned._replace(result=captioned.result.with_intervals())
    print(caption_table(captioned.result))
    return caption_page(
        captioned,
        _history(model),
        arguments.queries,
        arguments.seed,
        model.preprocessing,
        scored_words(prepared.tokenizer),
    )


def _history(model):
    from vsepp.report.run_history import find_history

    return find_history(model.checkpoint, model.config.path("last_checkpoint"))


def _check(arguments):
    if arguments.out is not None and not arguments.out.lower().endswith((".html", ".htm")):
        raise InputError(
            f"--out {arguments.out}: the page is HTML; give a name that ends in .html."
        )
    if not 0 <= arguments.queries <= 1000:
        raise InputError(f"--queries must be from 0 to 1000, not {arguments.queries}.")
    if not 0 <= arguments.seed < 2**32:
        raise InputError(f"--seed must be from 0 to {2**32 - 1}, not {arguments.seed}.")
