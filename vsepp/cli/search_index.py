"""``vsepp search index``."""

import os

from vsepp.cli.checkpoints import open_model
from vsepp.cli.command import subcommand
from vsepp.cli.datasets import configuration, is_named
from vsepp.cli.found_files import found_lines, unreadable_lines
from vsepp.cli.search_store import add_store, milvus
from vsepp.system.errors import InputError
from vsepp.system.printable import printable

INDEX = """Make an index of the photographs below folders, or bring one up to date.

Only photographs that are new or changed are encoded; those that are gone are forgotten. What an
interrupted run has encoded is kept. What is hidden, and what systems and drives keep beside
photographs (@eaDir, #recycle, $RECYCLE.BIN, lost+found, ...), is passed over and counted."""


def add_index(kinds):
    commands = kinds.add_parser("index", **subcommand(INDEX))
    commands.add_argument(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="your photographs; folders that are new to an index are added to it",
    )
    commands.add_argument(
        "--out", metavar="INDEX", help="folder of the index; made when it is missing"
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
    given = commands.add_argument_group("codes made elsewhere, in place of encoding photographs")
    given.add_argument(
        "--codes",
        nargs="+",
        metavar="FILE.npy",
        help="one or several arrays of the checkpoint's codes, such as clip-retrieval's "
        "img_emb_0.npy; FOLDER is where the photographs are, if anywhere",
    )
    given.add_argument(
        "--names",
        nargs="+",
        metavar="FILE",
        help="the photographs that they are of, in the same order: .txt, .json, .jsonl, .csv, "
        ".tsv or .parquet",
    )
    add_store(commands)


def make_index(arguments):
    from vsepp.index.given_codes import index_codes
    from vsepp.index.updating import update_index

    where = milvus(arguments)
    _check(arguments, where)
    config = configuration(arguments)
    store, known = (_collection if where else _folder)(arguments, where)
    checkpoint = arguments.checkpoint or known or "best"
    model = open_model(arguments, config, checkpoint, any_dataset=not is_named(arguments))
    options = dict(dtype=arguments.dtype, approximate=arguments.approximate, force=arguments.force)
    if arguments.codes:
        folder = arguments.folders[0] if arguments.folders else None
        report = index_codes(arguments.codes, arguments.names, folder, store, model, **options)
    else:
        report = update_index(
            arguments.folders,
            store,
            model,
            quiet=False,
            exclude=arguments.exclude,
            include=arguments.include,
            **options,
        )
    print(_summary(arguments, where, report))
    return 0


def _check(arguments, where):
    """InputError for options that do not fit together, and for folders that are none."""
    from vsepp.index.places import check_folders

    if where and arguments.out is not None:
        raise InputError("--out is the folder of an index: leave it away with --store milvus.")
    if not where and arguments.out is None:
        raise InputError("give the folder of the index with --out, or --store milvus.")
    if bool(arguments.codes) != bool(arguments.names):
        raise InputError("--codes and --names go together: give both.")
    if arguments.codes and len(arguments.folders) > 1:
        raise InputError("with --codes give one FOLDER at most, that all of the names lie in.")
    if arguments.codes and (arguments.exclude or arguments.include):
        raise InputError("--exclude and --include choose among a folder's files, not --names.")
    check_folders(arguments.folders)  # before Paddle is imported


def _folder(arguments, where):
    """(the folder, the checkpoint of the index that is there or None)."""
    from vsepp.index.manifest import MANIFEST, read_manifest
    from vsepp.index.places import check_index

    check_index(arguments.out)
    if os.path.exists(os.path.join(arguments.out, MANIFEST)) and not arguments.force:
        return arguments.out, read_manifest(arguments.out).checkpoint
    return arguments.out, None


def _collection(arguments, where):
    """(the ``MilvusStore``, the checkpoint of the index that is there or None)."""
    from vsepp.index.milvus_store import MilvusStore

    store = MilvusStore(*where)
    return store, None if arguments.force else store.checkpoint()


def _summary(arguments, where, report):
    place = f"the collection {where[1]} of {where[0]}" if where else arguments.out
    lines = [
        f"{place}: {report.total} photographs ({report.new} new, {report.changed} "
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
    if not arguments.codes:
        lines += unreadable_lines(report.unreadable) + found_lines(report.found, report.parts)
    return "\n".join(map(printable, lines))
