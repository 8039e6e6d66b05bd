"""``vsepp eval --codes``: codes from wherever, scored as a checkpoint's are."""

import os
from pathlib import Path
from types import SimpleNamespace

from vsepp.cli.datasets import is_named
from vsepp.cli.written_over import check_not_read
from vsepp.system.errors import InputError


def add_arguments(commands):
    commands.add_argument(
        "--codes",
        metavar="FILE.npz",
        help="in place of a checkpoint: codes made elsewhere, images [n, size], texts [m, size], "
        "and captions_per_image or pairs [p, 2]; perhaps measure and sentences; --ensemble and "
        "--compare take such files then",
    )


def main(arguments, temperature):
    """Score; returns the exit status.

    Args:
        arguments: those of ``vsepp eval``.
        temperature: of ``--hubness``, None where it is to be chosen.
    """
    from vsepp.metrics.code_files import read_code_file
    from vsepp.metrics.protocol import score, with_hubness
    from vsepp.report.tables import comparison_table, hubness_line, metrics_table
    from vsepp.system.atomic import write_json

    _check(arguments, temperature)
    path = _destination(arguments)
    right = arguments.equal_captions == "right"
    files = [read_code_file(path) for path in (arguments.codes, *arguments.ensemble)]
    other = read_code_file(arguments.compare) if arguments.compare else None
    others = [*((file, "--ensemble") for file in files[1:])]
    others += [(other, "--compare")] if other else []
    for file, option in others:
        if file.truth != files[0].truth:
            raise InputError(
                f"{file.path} is not of the same images and texts as {files[0].path}: give codes "
                f"of the same ones to {option}."
            )
    for file in [files[0], *(file for file, _ in others)]:
        if file.unread:
            print(f"{file.path}: not read, since nothing here is called so: {_listed(file.unread)}")
        if file.has_lengths:
            print(f"{file.path}: codes are not of length 1; scored is their dot product")
    equal = _equal(files[0], right)

    def scored(files, equal):
        models = [SimpleNamespace(checkpoint=file.path, config=_NO_FLIP) for file in files]
        return score(
            [_gallery(file) for file in files],
            arguments.folds,
            [SimpleNamespace(**vars(model), fingerprint="") for model in models],
            equal,
            right,
        )

    result = scored(files, equal)
    if arguments.ranks:
        result.save_ranks(arguments.ranks)
    if arguments.intervals:
        result = result.with_intervals()
    print(metrics_table(result))
    if other:
        result = result.compared_with(scored([other], equal if right else None))
        print("\n" + comparison_table(result.comparison["differences"], other.path))
    if temperature is not None:
        galleries = [_gallery(file) for file in files]
        result = with_hubness(
            result, galleries, arguments.folds, equal if right else None, temperature
        )
        print("\n" + hubness_line(result))
    write_json(path, result.to_dict(), indent=2)
    print(f"written to {path}" + (f" and {arguments.ranks}" if arguments.ranks else ""))
    return 0


def _destination(arguments):
    """Where the result goes.

    Raises:
        InputError: where that or ``--ranks`` would be over a file that is read, or, where the name
            was not given, over one that is no result.
    """
    kind = ("_folds" if arguments.folds else "") + ("_ensemble" if arguments.ensemble else "")
    kind += "_equal" if arguments.equal_captions == "right" else ""
    codes = Path(arguments.codes)
    path = Path(arguments.json or codes.with_name(f"{codes.stem}{kind}.json"))
    read = [arguments.codes, *arguments.ensemble, arguments.compare]
    check_not_read(path, read, "--json")
    if arguments.ranks:
        check_not_read(arguments.ranks, read, "--ranks")
    if arguments.ranks and os.path.abspath(arguments.ranks) == os.path.abspath(path):
        raise InputError(f"--ranks would be written over by the result {path}: name two files.")
    if not arguments.json and path.exists() and not _is_result(path):
        raise InputError(
            f"{path} is there and no result of codes, and would be written over: give another "
            "file with --json."
        )
    return path


def _is_result(path):
    """Whether a file holds what an earlier run wrote."""
    from vsepp.system.json_files import read_json

    try:
        content = read_json(path, "")
    except InputError:
        return False
    return isinstance(content, dict) and {"i2t", "t2i", "rsum", "protocol"} <= set(content)


def _listed(names, most=8):
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


_NO_FLIP = SimpleNamespace(test_flip=False)


def _gallery(file):
    """What ``vsepp.metrics.protocol`` takes for a gallery."""
    stride = file.truth.captions_per_image
    return SimpleNamespace(
        images=file.images,
        texts=file.texts,
        measure=file.measure,
        dataset=SimpleNamespace(captions_per_image=file.truth if stride is None else stride),
    )


def _equal(file, right):
    """Which texts are word for word equal, where the file says the sentences of a stride."""
    from vsepp.metrics.equal_texts import EqualTexts
    from vsepp.text.equal import first_of_equal

    stride = file.truth.captions_per_image
    if file.sentences is None or stride is None:
        if right:
            raise InputError(
                f"{file.path} does not say which captions are equal: add sentences [m] and "
                "captions_per_image, or leave --equal-captions out."
            )
        return None
    return EqualTexts(first_of_equal(file.sentences), stride)


def _check(arguments, temperature):
    """InputError for options that are of checkpoints or data sets."""
    if is_named(arguments) or arguments.checkpoint != "best" or arguments.split != "test":
        raise InputError(
            "--codes is of no checkpoint and no data set: leave --checkpoint, --dataset, --split "
            "and -c out."
        )
    for name, given in (("-o", arguments.override), ("--data-dir", arguments.data_dir)):
        if given:
            raise InputError(
                f"{name} is of checkpoints and data sets, and --codes of neither: leave it out."
            )
    for name in ("results", "retrieve", "rerank", "candidates"):
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name} is of captions, and --codes of codes: leave one out.")
    if arguments.hubness and temperature is None:
        raise InputError(
            "--hubness has no val split to choose its temperature on with --codes: give one by "
            "hand, such as --hubness 3."
        )
