"""Answers of ``vsepp search query``: shown, written, collected."""

import json
import os
import sys

from vsepp.system.counts import counted
from vsepp.system.errors import InputError


def add_outputs(commands):
    commands.add_argument(
        "--json",
        metavar="FILE",
        help="the answer as JSON (-: on the output, in place of the table); with --queries a list",
    )
    commands.add_argument("--save", metavar="FILE.png", help="the answer as a picture")
    commands.add_argument(
        "--html", metavar="FILE.html", help="the answer as a page with its pictures inside"
    )
    collected = commands.add_mutually_exclusive_group()
    collected.add_argument(
        "--copy-to",
        metavar="FOLDER",
        help="copy what is found there, named by rank and similarity; with --queries a folder "
        "in it for each sentence",
    )
    collected.add_argument(
        "--link-to", metavar="FOLDER", help="the same with symbolic links in place of copies"
    )


def check_outputs(arguments):
    """InputError for what cannot be written, before anything is asked."""
    from vsepp.report.pictures import picture_format

    for option, folder in (("--copy-to", arguments.copy_to), ("--link-to", arguments.link_to)):
        if folder == "":
            raise InputError(f"{option} is empty: give the name of a folder.")
        if folder and os.path.exists(folder) and not os.path.isdir(folder):
            raise InputError(f"{folder} is a file: give {option} the name of a folder.")
    arguments.collect_in = arguments.copy_to or arguments.link_to
    if arguments.save:
        picture_format(arguments.save)
    if arguments.queries is not None and (arguments.save or arguments.html):
        raise InputError(
            "--save and --html show the answer to one sentence: leave them away with --queries, "
            "or ask for --json or --copy-to."
        )


def remark(arguments, text):
    """Print a line, beside a JSON on the output."""
    print(text, file=sys.stderr if arguments.json == "-" else sys.stdout)


def show(arguments, answers):
    """Print, write and collect what was found.

    Args:
        answers: one dictionary a query: ``query, title, of, kind, checkpoint, fingerprint,
            measure, answers, scores``; ``paths`` where they are photographs; ``hubness`` where
            the scores are corrected, and how; ``remark`` on what was not understood; ``error``
            where nothing was, in place of an answer.
    """
    from vsepp.system.atomic import write_text

    several = arguments.queries is not None
    folders = _folders(arguments, answers) if arguments.collect_in else []
    for number, answer in enumerate(answers):
        if several and number and arguments.json != "-":
            print()
        if answer.get("remark") and "error" not in answer:
            remark(arguments, answer["remark"])
        if "error" in answer:
            remark(arguments, answer["error"])
        elif arguments.json != "-":
            _print_table(answer)
    if arguments.json:
        content = [_content(answer) for answer in answers]
        # ASCII: a file's name may hold any bytes.
        text = json.dumps(content if several else content[0], indent=2)
        if arguments.json == "-":
            print(text)
        else:
            write_text(arguments.json, text + "\n")
    if arguments.save:
        _save_picture(arguments, answers[0])
    if arguments.html:
        _save_page(arguments, answers[0])
    written = [
        path for path in (arguments.json, arguments.save, arguments.html) if path and path != "-"
    ]
    if written:
        remark(arguments, f"written to {', '.join(written)}")
    if folders:
        _collect(arguments, folders)
    if several:
        failed = sum("error" in answer for answer in answers)
        left = f", {failed} not understood" if failed else ""
        remark(arguments, f"{counted(len(answers), 'sentence')} asked{left}")


def _content(answer):
    keys = ("query", "of", "checkpoint", "fingerprint", "measure", "hubness", "error")
    score_name = "corrected_similarity" if "hubness" in answer else "similarity"
    return {
        **{key: answer[key] for key in keys if key in answer},
        "answers": [
            {"rank": rank, score_name: score, answer["kind"]: text}
            for rank, (text, score) in enumerate(zip(answer["answers"], answer["scores"]), 1)
        ],
    }


def _print_table(answer):
    from vsepp.report.tables import format_table

    print(f"{answer['title']} – of {answer['of']}:")
    rows = zip(answer["scores"], answer["answers"])
    print(
        format_table(
            [[rank, f"{score:.3f}", text] for rank, (score, text) in enumerate(rows, 1)],
            ["rank", "corrected" if "hubness" in answer else "similarity", answer["kind"]],
        )
    )


def _save_picture(arguments, answer):
    from vsepp.report.pictures import draw_image_answer, draw_text_answer, save_picture

    if answer["kind"] == "sentence":
        picture = draw_image_answer(arguments.image, answer["answers"], answer["scores"])
    else:
        corrected = " (scores corrected for hubness)" if "hubness" in answer else ""
        title = answer["title"] + corrected
        picture = draw_text_answer(title, answer["paths"], answer["scores"])
    save_picture(picture, arguments.save)


def _save_page(arguments, answer):
    from vsepp.report.search_page import save_search_page

    save_search_page(
        arguments.html,
        answer["title"],
        f"of {answer['of']}",
        answer["paths"],
        answer["answers"],
        answer["scores"],
        arguments.image,
    )


def _folders(arguments, answers):
    """(folder, paths, names in it) of each answer; InputError when one of the names is taken."""
    from vsepp.report.collecting import check_free, collected_names, folder_of_query

    folders = []
    for number, answer in enumerate(answers, 1):
        folder = arguments.collect_in
        if arguments.queries is not None:
            name = folder_of_query(number, len(answers), answer["title"])
            folder = os.path.join(folder, name)
        names = collected_names(answer["paths"], answer["scores"])
        check_free(folder, names)
        folders.append((folder, answer["paths"], names))
    return folders


def _collect(arguments, folders):
    from vsepp.report.collecting import collect
    from vsepp.system.printable import printable

    refused, count = [], 0
    for folder, paths, names in folders:
        if paths:
            missing = collect(paths, names, folder, link=bool(arguments.link_to))
            refused += missing
            count += len(paths) - len(missing)
    if refused and not count:
        raise InputError(
            f"none of the photographs that were found can be read, such as {refused[0][0]} "
            f"({refused[0][1]}): put them back, or bring the index up to date."
        )
    done = "linked" if arguments.link_to else "copied"
    remark(arguments, f"{counted(count, 'photograph')} {done} to {arguments.collect_in}")
    if refused:
        remark(arguments, f"left out, since they cannot be read ({len(refused)}):")
        for path, reason in refused:
            remark(arguments, f"  {printable(path)}: {reason}")
