"""``vsepp search index``."""

import os

from vsepp.cli.checkpoints import open_model
from vsepp.cli.command import subcommand
from vsepp.cli.datasets import configuration, is_named

INDEX = """Make an index of the photographs below a folder, or bring one up to date.

Only photographs that are new or changed are encoded; those that are gone are forgotten. What an
interrupted run has encoded is kept. Hidden files and folders are passed over."""


def add_index(kinds):
    commands = kinds.add_parser("index", **subcommand(INDEX))
    commands.add_argument("folder", metavar="FOLDER", help="your photographs")
    commands.add_argument(
        "--out", required=True, metavar="INDEX", help="folder of the index; made when it is missing"
    )
    commands.add_argument(
        "--checkpoint",
        metavar="best|last|FILE",
        help="which model (default: the index's own, or best)",
    )
    commands.add_argument(
        "--dtype",
        choices=("float32", "float16"),
        help="how the codes are stored (default: as they are, or float32; "
        "float16 takes half the room and is searched more slowly)",
    )
    approximate = commands.add_mutually_exclusive_group()
    approximate.add_argument(
        "--approximate",
        action="store_true",
        default=None,
        help="also build an approximate index, for hundreds of thousands "
        "of photographs (needs faiss)",
    )
    approximate.add_argument(
        "--exact",
        action="store_false",
        dest="approximate",
        help="no longer keep an approximate index",
    )
    commands.add_argument(
        "--force",
        action="store_true",
        help="let the index go over to another checkpoint, folder or dtype, or "
        "replace a damaged one; what does not fit is encoded anew",
    )


def make_index(arguments):
    from vsepp.index.manifest import MANIFEST, read_manifest
    from vsepp.index.updating import check_places, update_index

    config = configuration(arguments)
    check_places(arguments.folder, arguments.out)  # before Paddle is imported
    checkpoint = arguments.checkpoint
    if checkpoint is None:
        checkpoint = "best"
        if os.path.exists(os.path.join(arguments.out, MANIFEST)) and not arguments.force:
            checkpoint = read_manifest(arguments.out).checkpoint
    model = open_model(arguments, config, checkpoint, any_dataset=not is_named(arguments))
    report = update_index(
        arguments.folder,
        arguments.out,
        model,
        arguments.dtype,
        arguments.approximate,
        arguments.force,
        quiet=False,
    )
    print(_summary(arguments, report))
    return 0


def _summary(arguments, report):
    lines = [
        f"{arguments.out}: {report.total} photographs ({report.new} new, {report.changed} "
        f"changed, {report.gone} gone, {report.unchanged} unchanged, "
        f"{len(report.unreadable)} unreadable)"
    ]
    if report.encoded:
        speed = report.encoded / max(report.seconds, 1e-9)
        lines.append(f"{report.encoded} encoded in {report.seconds:.1f} s ({speed:.1f} images/s)")
    if report.recovered:
        lines.append(f"{report.recovered} had been encoded by an interrupted run")
    if report.approximate:
        lines.append(
            f"approximate index ({report.approximate['kind']}): recall@10 "
            f"{report.approximate['recall']:.3f} against exact search, photographs as "
            "queries"
        )
    if report.unreadable:
        lines.append("left out, since they cannot be read:")
        lines += [f"  {path}: {reason}" for path, reason in report.unreadable]
    return "\n".join(lines)
