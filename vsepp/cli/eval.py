"""``vsepp eval``, of a retrieval model; ``eval_captions`` is what it does of a captioner, and
``eval_codes`` of codes made elsewhere."""

import argparse

from vsepp.cli import eval_captions, eval_codes
from vsepp.cli.checkpoints import add_arguments, open_model
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration
from vsepp.system.errors import InputError
from vsepp.system.invocation import tool

DESCRIPTION = """Score a checkpoint on a split: recalls, ranks and mAP@R in both directions; of a
captioner, the BLEU, ROUGE-L and CIDEr-D of what it writes.

Prints a table and writes the same as JSON. The intervals are of the bootstrap over images, each
with its captions, in a gallery that stays as it is."""

CHOSEN = "val"  # the split that --hubness alone chooses its temperature on


def main(argv=None):
    """Score; returns the exit status."""
    commands = parser(DESCRIPTION)
    add_arguments(commands)
    commands.add_argument(
        "--folds",
        action="store_true",
        help="means over consecutive folds of 1,000 images (COCO's 1K protocol; "
        "without, all images: its 5K)",
    )
    commands.add_argument(
        "--ensemble",
        nargs="+",
        default=[],
        metavar="best|last|FILE",
        help="further checkpoints: the similarities of all are averaged",
    )
    commands.add_argument(
        "--compare",
        metavar="best|last|FILE",
        help="another checkpoint: differences of the recalls from its, with paired intervals",
    )
    commands.add_argument(
        "--equal-captions",
        choices=("wrong", "right"),
        default="wrong",
        help="what a caption is for another image that has it word for word (default: wrong)",
    )
    commands.add_argument(
        "--intervals",
        action=argparse.BooleanOptionalAction,
        help="95 %% bootstrap intervals (default: yes)",
    )
    commands.set_defaults(intervals=True)  # given above, some versions of Python would print it
    commands.add_argument(
        "--hubness",
        nargs="?",
        const=CHOSEN,
        metavar="TEMPERATURE",
        help="besides, the scores with hubness correction, which uses the other queries: on a line "
        "of their own (temperature: by default the one that is best on the val split)",
    )
    commands.add_argument(
        "--ranks", metavar="FILE.npz", help="save the rank of every query, from zero"
    )
    commands.add_argument(
        "--json", metavar="FILE", help="where the JSON goes (default: beside the checkpoint)"
    )
    eval_codes.add_arguments(commands)
    eval_captions.add_arguments(commands)
    commands.add_argument(
        "--summarise",
        nargs="+",
        metavar="RESULT.json",
        help="only this: mean and standard deviation of earlier results, such as several seeds",
    )
    arguments = commands.parse_args(argv)
    if arguments.summarise:
        return _summarise(arguments)
    if not arguments.codes and eval_captions.is_meant(arguments):
        return eval_captions.main(arguments)
    right = arguments.equal_captions == "right"
    if right and arguments.folds:
        raise InputError(
            "--folds counts an image's own captions alone as right: leave it out to score all "
            "images with --equal-captions right."
        )
    temperature = _temperature(arguments.hubness)
    if arguments.codes:
        return eval_codes.main(arguments, temperature)
    config = configuration(arguments)
    from pathlib import Path

    from vsepp.data.dataset import open_dataset
    from vsepp.data.equal_captions import equal_captions
    from vsepp.data.options import checked_folder
    from vsepp.data.splits import split_file
    from vsepp.metrics.protocol import score, with_hubness
    from vsepp.report.tables import comparison_table, hubness_line, metrics_table
    from vsepp.retrieval.gallery import open_gallery
    from vsepp.system.atomic import write_json

    folder = checked_folder(config)
    chosen_on = CHOSEN if arguments.hubness and temperature is None else None
    if chosen_on and not split_file(folder, CHOSEN).exists():
        raise InputError(
            f"{folder} has no {CHOSEN} split to choose the temperature of --hubness on: give one "
            "by hand, such as --hubness 3."
        )
    models = [
        open_model(arguments, config, checkpoint)
        for checkpoint in (arguments.checkpoint, *arguments.ensemble)
    ]
    other = open_model(arguments, config, arguments.compare) if arguments.compare else None
    # Of the split as it was prepared, whatever the models make of its sentences.
    equal = equal_captions(open_dataset(folder, arguments.split))

    def opened(models, split):
        return [open_gallery(model, folder, split) for model in models]

    def scored(models, galleries, equal):
        names = {"dataset": config.dataset, "split": arguments.split}
        return score(galleries, arguments.folds, models, equal, right, **names)

    galleries = opened(models, arguments.split)
    result = scored(models, galleries, equal)
    if arguments.ranks:
        result.save_ranks(arguments.ranks)
    if arguments.intervals:
        result = result.with_intervals()
    print(metrics_table(result))
    if other:
        # Of the other nothing is stated, and so nothing that only that would need is computed.
        others = opened([other], arguments.split)
        result = result.compared_with(scored([other], others, equal if right else None))
        name = other.checkpoint
        if "protocol" in result.comparison:
            name += f" (protocol: {result.comparison['protocol']})"
        print("\n" + comparison_table(result.comparison["differences"], name))
    if arguments.hubness:  # after all else, which does not depend on it
        validation = opened(models, chosen_on) if chosen_on else ()
        alike = equal if right else None
        result = with_hubness(
            result, galleries, arguments.folds, alike, temperature, chosen_on, validation
        )
        print("\n" + hubness_line(result))
    checkpoint = Path(models[0].checkpoint)
    kind = ("_folds" if arguments.folds else "") + ("_ensemble" if arguments.ensemble else "")
    kind += "_equal" if right else ""
    kind += "_flip" if any(model.config.test_flip for model in models) else ""
    path = arguments.json or checkpoint.with_name(
        f"{checkpoint.stem}.{config.dataset}_{arguments.split}{kind}.json"
    )
    write_json(path, result.to_dict(), indent=2)
    print(f"written to {path}" + (f" and {arguments.ranks}" if arguments.ranks else ""))
    return 0


def _temperature(text):
    """The temperature that ``--hubness`` gives by hand, or None."""
    from vsepp.metrics.hubness import check_temperature

    if text in (None, CHOSEN):
        return None
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f"--hubness {text}: give a temperature such as 3, or none, to choose it on {CHOSEN}."
        ) from None
    return check_temperature(value, "--hubness")


def _summarise(arguments):
    from vsepp.cli.summaries import tables_of
    from vsepp.system.atomic import write_json
    from vsepp.system.json_files import read_json

    results = [
        read_json(path, f"give results that {tool('eval')} wrote") for path in arguments.summarise
    ]
    of_captions = isinstance(results[0], dict) and "CIDEr-D" in results[0]
    _, summarise, summary_table = tables_of(of_captions)
    summary = summarise(results, arguments.summarise)
    print(summary_table(summary))
    if arguments.json:
        write_json(arguments.json, summary, indent=2)
        print(f"written to {arguments.json}")
    return 0
