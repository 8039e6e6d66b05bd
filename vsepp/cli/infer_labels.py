"""``vsepp infer --labels``."""

import os

from vsepp.cli.checkpoints import open_model
from vsepp.cli.datasets import configuration, is_named
from vsepp.system.counts import counted
from vsepp.system.errors import InputError
from vsepp.system.printable import printable
from vsepp.system.text_files import read_lines

_COLUMNS = 5  # labels whose probabilities all stand in the table of many photographs
_ROWS = 200  # of that table; --out holds them all


def add_label_arguments(commands):
    from vsepp.retrieval.prompts import TEMPLATE

    commands.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="with --image: how well each of these fits, as probabilities that add up to 1; "
        "@FILE stands for the lines of a text file",
    )
    commands.add_argument(
        "--template",
        metavar="SENTENCE",
        help=f"with --labels: the sentence around a label (default: {TEMPLATE!r})",
    )
    commands.add_argument(
        "--out",
        metavar="FILE.csv|.jsonl",
        help="with --labels: the probabilities as a table (UTF-8) or as lines of JSON",
    )


def answer_labels(arguments):
    """Print, and write, the probabilities of ``--labels`` for ``--image``."""
    from vsepp.report.label_tables import table_format, write_labels
    from vsepp.retrieval.prompts import TEMPLATE, prompts

    _check(arguments)
    labels, said = _labels(arguments.labels)
    template = TEMPLATE if arguments.template is None else arguments.template
    sentences = prompts(labels, template)
    if arguments.out:
        from vsepp.system.atomic import check_writable

        table_format(arguments.out)
        check_writable(arguments.out)
    paths, refused, passed_over = _photographs(arguments.image)
    config = configuration(arguments)
    model = open_model(arguments, config, any_dataset=not is_named(arguments))
    unknown = model.explain_unknown(" ".join(sentences))
    said += [unknown] if unknown else []
    if unknown and model.unknown_words(template.replace("{}", "")):
        said.append("--template gives another sentence around the labels, or none: --template '{}'")
    for line in said:
        print(line)

    from vsepp.retrieval.classification import classify_files

    found = []
    for path, odds in classify_files(model, paths, labels, template, quiet=len(paths) == 1):
        if not isinstance(odds, InputError):
            found.append((path, odds))
        elif path == arguments.image:
            raise odds
        else:
            refused.append((path, str(odds)))
    if os.path.isdir(arguments.image):
        _show_many(arguments, labels, template, found, refused)
    else:
        _show_one(labels, template, found[0])
    meaning = _meaning(model, labels)
    if meaning:
        print(meaning)
    for line in passed_over:
        print(line)
    if arguments.out:
        escaped = write_labels(arguments.out, labels, found)
        print(f"written to {arguments.out}: {counted(len(found), 'photograph')}")
        if escaped:
            print(f"{counted(escaped, 'file name')} that are no text stand there with escapes")
    return 0


def _check(arguments):
    if arguments.image is None:
        raise InputError("--labels goes with --image FILE or --image FOLDER: give a photograph.")
    for option, given in (("--top-k", arguments.top_k), ("--save", arguments.save)):
        if given is not None:
            raise InputError(
                f"{option} is for sentences and images that are searched for, not for --labels, "
                "which answers with every label: leave it away."
            )


def _labels(words):
    """(labels, each once; lines on what was left out)."""
    from vsepp.retrieval.prompts import each_once

    given, said = [], []
    for word in words:
        if word.startswith("@"):
            lines, remarks = read_lines(word[1:], "--labels @FILE")
            given += lines
            said += remarks
        else:
            given.append(word.strip())
    labels = each_once(given)
    if len(labels) < len(given):
        said.append(f"{counted(len(given) - len(labels), 'label')} left out, given before already")
    return labels, said


def _photographs(image):
    """(files, ``(path, reason)`` of those that cannot be looked at, lines on what is no
    photograph)."""
    from vsepp.data.images import open_image

    if not os.path.isdir(image):
        open_image(image)  # before the model is loaded
        return [image], [], []
    from vsepp.index.finding import find_photographs
    from vsepp.index.folders import Folder
    from vsepp.index.outcome import not_looked_at

    found = find_photographs([Folder("", image)])
    said = [f"{how}: {which}" for how, which in not_looked_at(found).items()]
    if not found.photographs:
        said += [f"{path}: {reason}" for path, reason in found.refused]
        raise InputError("; ".join([f"{image} holds no photographs", *said]) + ": give another.")

    def below(path):
        return os.path.join(image, *path.split("/"))

    refused = [(below(path), reason) for path, reason in found.refused]
    return [below(file.path) for file in found.photographs], refused, said


def _show_one(labels, template, answer):
    from vsepp.report.tables import format_table

    path, odds = answer
    print(f'{printable(path)}, as "{template}":')
    rows = [[label, f"{value:.4f}"] for label, value in zip(labels, odds)]
    print(format_table(rows, ["label", "probability"], "lr"))


def _show_many(arguments, labels, template, found, refused):
    from vsepp.report.tables import format_table

    print(
        f"{counted(len(found), 'photograph')} below {printable(arguments.image)}, as "
        f'"{template}" ({len(refused)} unreadable):'
    )
    best = [int(odds.argmax()) for _, odds in found]
    all_columns = len(labels) <= _COLUMNS
    headers = ["photograph", *(labels if all_columns else ["label", "probability"])]
    rows = []
    for (path, odds), top in list(zip(found, best))[:_ROWS]:
        cells = [f"{value:.4f}" for value in odds]
        name = printable(os.path.relpath(path, arguments.image))
        rows.append([name, *(cells if all_columns else [labels[top], cells[top]])])
    if rows:
        print(format_table(rows, headers, "l" + ("r" * len(labels) if all_columns else "lr")))
    if len(found) > _ROWS:
        whole = arguments.out or "--out FILE.csv"
        print(f"… and {len(found) - _ROWS} more: {printable(whole)} holds every one")
    counts = [(best.count(place), label) for place, label in enumerate(labels) if place in best]
    if found:
        print("most probable: " + ", ".join(f"{label} {count}" for count, label in counts))
    if refused:
        print(f"left out, since they cannot be read ({len(refused)}):")
        for path, reason in refused:
            reason = reason[len(path) + 1 :] if reason.startswith(f"{path} ") else reason
            print(f"  {printable(os.path.relpath(path, arguments.image))}: {printable(reason)}")


def _meaning(model, labels):
    """What must be said of a model's probabilities, or nothing."""
    from vsepp.retrieval.prompts import ONLY_ORDERED, have_meaning

    if len(labels) == 1:
        return "one label alone always has probability 1: give others to compare it with"
    return "" if have_meaning(model.config.loss) else ONLY_ORDERED
