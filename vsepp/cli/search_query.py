"""``vsepp search query``."""

import json
import os
import sys

from vsepp.cli.checkpoints import checkpoint_path, open_model
from vsepp.cli.command import subcommand
from vsepp.cli.datasets import configuration, is_named
from vsepp.data.karpathy import SPLITS
from vsepp.system.errors import InputError
from vsepp.system.invocation import command

QUERY = """Ask an index of photographs with a sentence or a photograph."""


def add_query(kinds):
    commands = kinds.add_parser("query", **subcommand(QUERY))
    commands.add_argument(
        "words",
        nargs="*",
        metavar="INDEX SENTENCE",
        help="the index's folder, and what to look for",
    )
    commands.add_argument("--image", metavar="FILE", help="look for what is like this photograph")
    commands.add_argument(
        "--checkpoint",
        metavar="best|last|FILE",
        help="where the model is, if not where it was (with --dataset: which model; default: best)",
    )
    commands.add_argument(
        "--split",
        default="test",
        choices=SPLITS,
        help="with --dataset: split of the data set (default: test)",
    )
    commands.add_argument(
        "--top-k", type=int, default=10, metavar="K", help="how many answers (default: 10)"
    )
    commands.add_argument("--approximate", action="store_true", help="use the approximate index")
    commands.add_argument(
        "--json",
        metavar="FILE",
        help="the answer as JSON (-: on the output, in place of the table)",
    )
    commands.add_argument("--save", metavar="FILE.png", help="the answer as a picture")
    commands.add_argument(
        "--html", metavar="FILE.html", help="the answer as a page with its pictures inside"
    )


def ask(arguments):
    from vsepp.report.pictures import picture_format

    if arguments.top_k < 1:
        raise InputError(f"--top-k must be at least 1, not {arguments.top_k}.")
    if arguments.save:
        picture_format(arguments.save)
    if arguments.image is not None:
        from vsepp.data.images import open_image

        open_image(arguments.image)  # before the model is loaded
    index, sentence = _what_is_asked(arguments)
    answer = (
        _ask_sentences(arguments) if index is None else _ask_photographs(arguments, index, sentence)
    )
    _show(arguments, answer)
    return 0


def _what_is_asked(arguments):
    """(index or None, sentence or None) of the words of the command line."""
    if arguments.dataset:
        if arguments.words or arguments.image is None:
            raise InputError(
                "with --dataset give --image FILE alone, to find sentences for it; "
                f"`{command('infer')} --text` finds a data set's images."
            )
        if arguments.html or arguments.approximate:
            raise InputError(
                "--html and --approximate are for an index of photographs, not for "
                "--dataset: leave them away."
            )
        return None, None
    if not arguments.words or not arguments.words[0]:
        raise InputError(
            f'no index is given: `{command("search")} query INDEX "two dogs in the snow"`.'
        )
    index, sentence = arguments.words[0], " ".join(arguments.words[1:])
    if arguments.image is not None and sentence:
        raise InputError("give a sentence or --image, not both.")
    if arguments.image is None and not sentence.strip():
        raise InputError(
            "there is nothing to look for: give a sentence after the index, or --image FILE."
        )
    return index, sentence


def _remark(arguments, text):
    """Print a line, beside a JSON on the output."""
    print(text, file=sys.stderr if arguments.json == "-" else sys.stdout)


def index_checkpoint(arguments, config, index):
    """The checkpoint that goes with an index: its own, or what ``--checkpoint`` says.

    Raises:
        InputError: when it is not there, or another than the index was made with.
    """
    checkpoint = arguments.checkpoint or index.manifest.checkpoint
    if checkpoint in ("best", "last"):
        named = is_named(arguments)
        checkpoint = checkpoint_path(checkpoint, arguments, config, any_dataset=not named)
    elif not os.path.exists(checkpoint):
        raise InputError(
            f"{checkpoint}, which {index.index} was made with, does not exist: say "
            "with --checkpoint where it is now."
        )
    index.check_checkpoint(checkpoint)
    return checkpoint


def _ask_photographs(arguments, folder, sentence):
    from vsepp.index.photographs import PhotographIndex

    config = configuration(arguments)
    index = PhotographIndex(folder, arguments.approximate)
    checkpoint = index_checkpoint(arguments, config, index)
    model = open_model(arguments, config, checkpoint)
    if arguments.image is None:
        unknown = model.unknown_words(sentence)
        code = model.encode_text(sentence)[0]
        if unknown:
            _remark(arguments, model.explain_unknown(sentence))
    else:
        code = model.encode_image(arguments.image)[0]
    found, scores = index.search(code, arguments.top_k)
    return {
        "query": {"image": arguments.image}
        if arguments.image is not None
        else {"text": sentence, "unknown_words": unknown},
        "title": sentence if arguments.image is None else f"Like {arguments.image}",
        "of": f"the {len(index)} photographs of {index.manifest.folder}",
        "kind": "photograph",
        "answers": [photograph.path for photograph in found],
        "paths": [index.path(photograph) for photograph in found],
        "scores": [float(score) for score in scores],
        "checkpoint": checkpoint,
        "fingerprint": model.fingerprint,
        "measure": model.measure,
    }


def _ask_sentences(arguments):
    from vsepp.data.options import checked_folder
    from vsepp.retrieval.gallery import open_gallery

    config = configuration(arguments)
    folder = checked_folder(config)
    model = open_model(arguments, config, arguments.checkpoint or "best")
    gallery = open_gallery(model, folder, arguments.split, lambda line: _remark(arguments, line))
    code = model.encode_image(arguments.image)[0]
    found, scores = gallery.find_sentences(code, arguments.top_k)
    return {
        "query": {"image": arguments.image},
        "title": f"Sentences for {arguments.image}",
        "of": f"the {len(gallery.texts)} captions of {config.dataset}'s {arguments.split} split",
        "kind": "sentence",
        "answers": [gallery.sentences[place] for place in found],
        "scores": [float(score) for score in scores],
        "checkpoint": model.checkpoint,
        "fingerprint": model.fingerprint,
        "measure": model.measure,
    }


# ---- the answer ----------------------------------------------------------------------------


def _show(arguments, answer):
    from vsepp.report.tables import format_table
    from vsepp.system.atomic import write_text

    if arguments.json:
        content = {
            key: answer[key] for key in ("query", "of", "checkpoint", "fingerprint", "measure")
        }
        content["answers"] = [
            {"rank": rank, "similarity": score, answer["kind"]: text}
            for rank, (text, score) in enumerate(zip(answer["answers"], answer["scores"]), 1)
        ]
        text = json.dumps(content, indent=2)  # ASCII: a file's name may hold any bytes
        if arguments.json == "-":
            print(text)
        else:
            write_text(arguments.json, text + "\n")
    if arguments.json != "-":
        print(f"{answer['title']} – of {answer['of']}:")
        rows = zip(answer["scores"], answer["answers"])
        print(
            format_table(
                [[rank, f"{score:.3f}", text] for rank, (score, text) in enumerate(rows, 1)],
                ["rank", "similarity", answer["kind"]],
            )
        )
    if arguments.save:
        _save_picture(arguments, answer)
    if arguments.html:
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
    written = [
        path for path in (arguments.json, arguments.save, arguments.html) if path and path != "-"
    ]
    if written:
        _remark(arguments, f"written to {', '.join(written)}")


def _save_picture(arguments, answer):
    from vsepp.report.pictures import draw_image_answer, draw_text_answer, save_picture

    if answer["kind"] == "sentence":
        picture = draw_image_answer(arguments.image, answer["answers"], answer["scores"])
    else:
        picture = draw_text_answer(answer["title"], answer["paths"], answer["scores"])
    save_picture(picture, arguments.save)
