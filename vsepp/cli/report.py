"""``vsepp report``."""

from vsepp.cli.checkpoints import add_arguments, open_model
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration
from vsepp.system.errors import InputError

DESCRIPTION = """Show a checkpoint's evaluation as one HTML page that needs no other file.

Scores with intervals, the spread of the ranks, the queries answered best and worst, a batch's
similarities, the space in two dimensions, and the training curves where the run's last
checkpoint is found."""


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
        help="how many of the best and of the worst queries to show in each direction (default: 5)",
    )
    commands.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the two-dimensional view (default: 0)"
    )
    arguments = commands.parse_args(argv)
    _check(arguments)
    config = configuration(arguments)
    from pathlib import Path

    from vsepp.data.dataset import open_dataset
    from vsepp.data.equal_captions import equal_captions
    from vsepp.data.options import checked_folder
    from vsepp.metrics.protocol import score
    from vsepp.report.evaluation_page import evaluation_page
    from vsepp.report.run_history import find_history
    from vsepp.report.tables import metrics_table
    from vsepp.retrieval.gallery import open_gallery
    from vsepp.system.atomic import write_text

    folder = checked_folder(config)
    model = open_model(arguments, config)
    gallery = open_gallery(model, folder, arguments.split)
    names = {"dataset": config.dataset, "split": arguments.split}
    equal = equal_captions(open_dataset(folder, arguments.split))
    result = score([gallery], models=[model], equal=equal, **names).with_intervals()
    print(metrics_table(result))
    history = find_history(model.checkpoint, model.config.path("last_checkpoint"))
    page = evaluation_page(gallery, result, history, arguments.queries, arguments.seed)
    checkpoint = Path(model.checkpoint)
    path = Path(
        arguments.out
        or checkpoint.with_name(f"{checkpoint.stem}.{config.dataset}_{arguments.split}.html")
    )
    write_text(path, page)
    print(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def _check(arguments):
    if arguments.out is not None and not arguments.out.lower().endswith((".html", ".htm")):
        raise InputError(
            f"--out {arguments.out}: the page is HTML; give a name that ends in .html."
        )
    if not 0 <= arguments.queries <= 1000:
        raise InputError(f"--queries must be from 0 to 1000, not {arguments.queries}.")
    if not 0 <= arguments.seed < 2**32:
        raise InputError(f"--seed must be from 0 to {2**32 - 1}, not {arguments.seed}.")
