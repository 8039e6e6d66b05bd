"""How ``vsepp caption`` makes its sentences: its options, and what they amount to."""

from vsepp.cli.checkpoints import decoding_options, open_captioner, open_chooser
from vsepp.cli.datasets import is_named
from vsepp.system.errors import InputError

#: options of the command that are fields of ``vsepp.captioning.options.Decoding``
_DECODING = {
    "beam": (int, "N", "sentences that are followed side by side; 1 is greedy (default: the "
             "captioner's own)"),
    "temperature": (float, "T", "with --sample: below 1 likely words become likelier (default: 1)"),
    "top_k": (int, "K", "with --sample: draw from the K likeliest words alone"),
    "top_p": (float, "P", "with --sample: draw from the likeliest words that make up this share"),
    "seed": (int, "N", "with --sample: of the draws (default: 0)"),
}  # fmt: skip


def add_caption_options(commands):
    commands.add_argument(
        "--checkpoint",
        default="best",
        metavar="best|last|FILE",
        help="which captioner (default: best)",
    )
    commands.add_argument(
        "--captions", type=int, default=1, metavar="N", help="for each photograph (default: 1)"
    )
    commands.add_argument(
        "--sample",
        action="store_true",
        default=None,
        help="draw the words instead of searching for the likeliest",
    )
    for name, (kind, metavar, meaning) in _DECODING.items():
        option = f"--{name.replace('_', '-')}"
        commands.add_argument(option, type=kind, metavar=metavar, help=meaning)
    add_rerank_options(commands)


def add_rerank_options(commands):
    """``--rerank`` and ``--candidates``."""
    commands.add_argument(
        "--rerank",
        metavar="best|last|FILE",
        help="of a captioner: a retrieval model that chooses among several sentences of each "
        "photograph",
    )
    commands.add_argument(
        "--candidates",
        type=int,
        metavar="N",
        help="with --rerank: among so many (default: 10, or as many as the beam is wide that is "
        "given)",
    )


def candidates_of(arguments):
    """``candidates`` of ``vsepp.captioning.making.asked_for``."""
    candidates = arguments.candidates
    if arguments.rerank is None:
        if candidates is not None:
            raise InputError("--candidates goes with --rerank: give that, or leave it away.")
        return None
    if candidates is None:
        return 0
    if candidates < 1:
        raise InputError(f"--candidates must be at least 1, not {candidates}.")
    return candidates


def maker_of(arguments, config):
    """The ``vsepp.captioning.making.Maker`` that the arguments describe.

    Raises:
        InputError: for options that mean nothing, or a checkpoint of another kind.
    """
    from vsepp.captioning.making import Maker, asked_for
    from vsepp.captioning.options import Decoding

    given = decoding_options(arguments, config)
    for name in (*_DECODING, "sample"):
        if getattr(arguments, name) is not None:
            given[name] = getattr(arguments, name)
    candidates = candidates_of(arguments)
    asked_for(Decoding(), given, arguments.captions, candidates)  # before the model is loaded
    model = open_captioner(arguments, config, any_dataset=not is_named(arguments))
    chooser = None
    if arguments.rerank is not None:
        chooser = open_chooser(arguments, config, arguments.rerank)
        chooser.check_backbone()
    decoding = asked_for(model.decoding(), given, arguments.captions, candidates)
    return Maker(model, decoding, arguments.captions, chooser)
