"""``--hubness`` of ``vsepp search query``: a bank of sentences that corrects the scores."""

from vsepp.cli.search_answers import remark
from vsepp.system.counts import counted
from vsepp.system.errors import InputError
from vsepp.system.text_files import read_lines


def add_bank(commands):
    commands.add_argument(
        "--hubness",
        metavar="BANK.txt",
        help="correct the scores for hubness: photographs that fit most sentences of this text "
        "file, one to a line, count for less",
    )


def read_bank(arguments):
    """The sentences of ``--hubness``; None where it is not given.

    Raises:
        InputError: when there are none, or where they could correct nothing.
    """
    if arguments.hubness is None:
        return None
    if arguments.image is not None:
        raise InputError(
            "--hubness corrects what sentences find, and --image is a photograph: leave one away."
        )
    if arguments.approximate:
        raise InputError(
            "--hubness looks at every photograph, and --approximate at a few: leave one away."
        )
    sentences, remarks = read_lines(arguments.hubness, "--hubness")
    for line in remarks:
        remark(arguments, line)
    return sentences


def encode_bank(arguments, model, sentences):
    """(codes of the sentences that the model can read, what is to be said of them).

    Raises:
        InputError: when it can read none.
    """
    from vsepp.metrics.hubness import TEMPERATURE

    readable, failed = [], []
    for sentence in sentences:
        try:
            readable += model.reader.indices([sentence])
        except InputError as error:
            failed.append(str(error))
    if not readable:
        raise InputError(f"{arguments.hubness}: of its first sentence, {failed[0]}")
    if failed:
        remark(
            arguments,
            f"{arguments.hubness}: {counted(len(failed), 'sentence')} not understood and left "
            f"out, of the first: {failed[0]}",
        )
    about = {"bank": arguments.hubness, "sentences": len(readable), "temperature": TEMPERATURE}
    return model.encode_indices(readable), about


def described(about):
    """What is said beside scores that a bank has corrected."""
    return (
        f"scores corrected for hubness by {counted(about['sentences'], 'sentence')} of "
        f"{about['bank']}, temperature {about['temperature']:g}"
    )
