"""``vsepp search index``."""

import os

from vsepp.cli.checkpoints import open_model
from vsepp.cli.command import subcommand
from vsepp.cli.datasets import configuration, is_named
from vsepp.cli.found_files import found_lines, unreadable_lines
from vsepp.system.printable import printable

INDEX = """Make an index of the photographs below folders, or bring one up to date.

Only photographs that are new or changed are encoded; those that are gone are forgotten. What an
interrupted run has encoded is kept. What is hidden, and what systems and drives keep beside
photographs (@eaDir, #recycle, $RECYCLE.BIN, lost+found, ...), is passed over and counted."""


def add_index(kinds):
    commands = kinds.add_parser("index", **subcommand(INDEX))
    commands.add_argument(
        "folders",
        nargs="+",
        metavar="FOLDER",
        help="your photographs; folders that are new to an index are added to it",
    )
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
    commands.add_argument(
        "--exclude",
        action="append",
        metavar="PATTERN",
        help="leave out files and folders of this name (raw, '*.png', 'old/*.jpg'); may be given "
        "again; the index keeps it until other patterns are given, or '' for none",
    )
    commands.add_argument(
        "--include",
        action="append",
        metavar="PATTERN",
        help="take in what its name keeps out (@eaDir, '.*'); kept as --exclude is",
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
    from vsepp.index.places import check_places
    from vsepp.index.updating import update_index

    config = configuration(arguments)
    check_places(arguments.folders, arguments.out)  # before Paddle is imported
    checkpoint = arguments.checkpoint
    if checkpoint is None:
        checkpoint = "best"
        if os.path.exists(os.path.join(arguments.out, MANIFEST)) and not arguments.force:
            checkpoint = read_manifest(arguments.out).checkpoint
    model = open_model(arguments, config, checkpoint, any_dataset=not is_named(arguments))
    report = update_index(
        arguments.folders,
        arguments.out,
        model,
        arguments.dtype,
        arguments.approximate,
        arguments.force,
        quiet=False,
        exclude=arguments.exclude,
        include=arguments.include,
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
    lines += report.remarks
    lines += unreadable_lines(report.unreadable) + found_lines(report.found, report.parts)
    return "\n".join(map(printable, lines))
