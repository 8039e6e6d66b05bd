"""``vsepp search query``."""

import os

from vsepp.cli.checkpoints import checkpoint_path, open_model
from vsepp.cli.command import subcommand
from vsepp.cli.datasets import configuration, is_named
from vsepp.cli.search_answers import add_outputs, check_outputs, remark, show
from vsepp.cli.search_bank import add_bank, described, encode_bank, read_bank
from vsepp.cli.search_store import add_store, milvus, open_index
from vsepp.data.karpathy import SPLITS
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.text_files import read_lines

QUERY = """Ask an index of photographs with a sentence, a photograph, or a file of sentences."""


def add_query(kinds):
    commands = kinds.add_parser("query", **subcommand(QUERY))
    commands.add_argument(
        "words",
        nargs="*",
        metavar="INDEX SENTENCE",
        help="the index's folder, and what to look for; with --store milvus that alone",
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
        "--queries", metavar="FILE", help="look for every sentence of this text file, one to a line"
    )
    add_bank(commands)
    add_outputs(commands)
    add_store(commands)


def ask(arguments):
    if arguments.top_k < 1:
        raise InputError(f"--top-k must be at least 1, not {arguments.top_k}.")
    check_outputs(arguments)
    if arguments.image is not None:
        from vsepp.data.images import open_image

        open_image(arguments.image)  # before the model is loaded
    index, sentences = _what_is_asked(arguments)
    bank = read_bank(arguments)
    if arguments.dataset:
        answers = [_ask_sentences(arguments)]
    else:
        answers = _ask_photographs(arguments, index, sentences, bank)
    show(arguments, answers)
    return 0


def _what_is_asked(arguments):
    """(folder of the index or None, sentences or None) of the command line."""
    in_milvus = milvus(arguments) is not None
    if arguments.dataset:
        if arguments.words or arguments.queries or arguments.image is None:
            raise InputError(
                "with --dataset give --image FILE alone, to find sentences for it; "
                f"`{command('infer')} --text` finds a data set's images."
            )
        if arguments.html or arguments.approximate or arguments.collect_in or in_milvus:
            raise InputError(
                "--html, --copy-to, --link-to, --approximate and --store are for an index of "
                "photographs, not for --dataset: leave them away."
            )
        return None, None
    words = [None, *arguments.words] if in_milvus else arguments.words
    if not in_milvus and (not words or not words[0]):
        raise InputError(
            f'no index is given: `{command("search")} query INDEX "two dogs in the snow"`.'
        )
    index, sentence = words[0], " ".join(words[1:])
    given = [bool(sentence), arguments.image is not None, arguments.queries is not None]
    if sum(given) > 1:
        raise InputError("give a sentence, --image or --queries, not both.")
    if arguments.queries is not None:
        sentences, remarks = read_lines(arguments.queries, "--queries")
        for line in remarks:
            remark(arguments, line)
        return index, sentences
    if arguments.image is not None:
        return index, None
    if not sentence.strip():
        raise InputError(
            "there is nothing to look for: give a sentence after the index, or --image FILE."
        )
    return index, [sentence]


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


def _ask_photographs(arguments, folder, sentences, bank):
    config = configuration(arguments)
    index = open_index(arguments, folder, arguments.approximate)
    checkpoint = index_checkpoint(arguments, config, index)
    model = open_model(arguments, config, checkpoint)
    if sentences is None:
        asked = [{"query": {"image": arguments.image}, "title": f"Like {arguments.image}"}]
        codes = model.encode_image(arguments.image)
    else:
        asked, codes = _encode_sentences(arguments, model, sentences)
    about = {
        "of": f"the {len(index)} photographs of {index.manifest.folder}",
        "kind": "photograph",
        "checkpoint": checkpoint,
        "fingerprint": model.fingerprint,
        "measure": model.measure,
    }
    if bank is None:
        found = iter(index.search_all(codes, arguments.top_k))
    else:
        bank_codes, by = encode_bank(arguments, model, bank)
        about = {**about, "of": f"{about['of']} ({described(by)})", "hubness": by}
        found = iter(index.search_corrected(codes, arguments.top_k, bank_codes, by["temperature"]))
    answers = []
    for query in asked:
        photographs, scores = ([], []) if "error" in query else next(found)
        answers.append(
            {
                **query,
                **about,
                "answers": [photograph.path for photograph in photographs],
                "paths": [index.path(photograph) for photograph in photographs],
                "scores": [float(score) for score in scores],
            }
        )
    return answers


def _encode_sentences(arguments, model, sentences):
    """(what is asked with each sentence, codes of those that the model can read).

    Raises:
        InputError: when it can read none.
    """
    asked, readable = [], []
    for number, sentence in enumerate(sentences, 1):
        unknown = model.unknown_words(sentence)
        query = {"query": {"text": sentence, "unknown_words": unknown}, "title": sentence}
        if unknown:
            query["remark"] = model.explain_unknown(sentence)
        try:
            readable += model.reader.indices([sentence])
        except InputError as error:
            if arguments.queries is None:
                raise
            query["error"] = str(error)
        asked.append(query)
    if not readable:
        raise InputError(f"{arguments.queries}: of its first sentence, {asked[0]['error']}")
    return asked, model.encode_indices(readable)


def _ask_sentences(arguments):
    from vsepp.data.options import checked_folder
    from vsepp.retrieval.gallery import open_gallery

    config = configuration(arguments)
    folder = checked_folder(config)
    model = open_model(arguments, config, arguments.checkpoint or "best")
    gallery = open_gallery(model, folder, arguments.split, lambda line: remark(arguments, line))
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
