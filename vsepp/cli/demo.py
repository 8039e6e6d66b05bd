"""``vsepp demo``."""

import sys
import threading
from pathlib import Path

from vsepp.cli.checkpoints import add_arguments, open_captioner, open_model
from vsepp.cli.command import parser
from vsepp.cli.datasets import is_named
from vsepp.cli.demo_choice import choose
from vsepp.cli.search_store import add_store
from vsepp.system.errors import InputError
from vsepp.system.invocation import tool

DESCRIPTION = """Open a page that searches in the browser: photographs for a sentence or for a
picture, sentences for a picture, and labels for a picture; and that captions a picture and shows
where each word looked, when there is a captioner.

  %(prog)s                      a data set's test split: flickr8k when a model was trained on it,
                               else sample
  %(prog)s --dataset NAME       another one's
  %(prog)s --index INDEX        your own photographs, as `search index` has indexed them; with
                               --dataset also the sentences of that data set
  %(prog)s --store milvus --uri URI
                               the same of an index in a Milvus
  %(prog)s --checkpoint CAPTIONER
                               captions alone
  %(prog)s --api                … and answer programs: GET /api says how they ask

Only this machine can open the page unless --host says otherwise. Ctrl-C ends it."""

_LOOPBACK = ("127.", "localhost", "::1")


def main(argv=None):
    """Serve the page until it is interrupted."""
    commands = parser(DESCRIPTION)
    add_arguments(commands)
    commands.set_defaults(checkpoint=None)
    commands.add_argument(
        "--index", metavar="INDEX", help=f"folder of an index that {tool('search')} made"
    )
    add_store(commands)
    commands.add_argument(
        "--captioner",
        metavar="best|none|FILE",
        help="which captioner captions pictures beside the retrieval model (default: the data "
        "set's newest best, when there is one)",
    )
    commands.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen (default: 127.0.0.1; 0.0.0.0 lets others in)",
    )
    commands.add_argument(
        "--port",
        type=int,
        default=7860,
        metavar="PORT",
        help="(default: 7860; 0: any that is free)",
    )
    commands.add_argument(
        "--api", action="store_true", help="answer programs as well, in JSON, below /api"
    )
    arguments = commands.parse_args(argv)
    chosen = choose(arguments)
    from vsepp.demo import server
    from vsepp.system.memory import share_heaps

    share_heaps(2)  # before there are threads
    bound = server.listen(arguments.host, arguments.port)
    with bound, server.private_folder() as folder:
        server.import_gradio()
        working = threading.Lock()  # of both models, which share the processor
        answers = chosen.checkpoint and _open_answers(arguments, chosen, working)
        captions = chosen.captioner and _open_captions(arguments, chosen, answers, working)
        server.make_server(
            answers,
            folder,
            lambda: _announce(arguments, answers, captions, server.address_of(bound)),
            arguments.api,
            captions,
        ).run(sockets=[bound])
    return 0


def _announce(arguments, answers, captions, address):
    if answers:
        print(f"searching {answers.photographs.described} with {answers.model.checkpoint}")
    if captions:
        print(f"captioning pictures with {captions.model.checkpoint}")
    if not arguments.host.startswith(_LOOPBACK):
        seen = ", and sees where the photographs lie" if answers else ""
        print(f"everybody who can reach this machine can open the page{seen}")
    if arguments.api:
        print(f"programs ask {address}/api, which says how")
    print(f"open {address} in a browser; Ctrl-C ends it", flush=True)


def _open_answers(arguments, chosen, working):
    from vsepp.data.splits import prepared_folder
    from vsepp.demo.answers import QueryAnswerer
    from vsepp.demo.searched import IndexedPhotographs, SplitPhotographs, SplitSentences
    from vsepp.retrieval.gallery import open_gallery

    config, index = chosen.config, chosen.index
    model = open_model(arguments, config, chosen.checkpoint)
    gallery = None
    if index is None or is_named(arguments):
        gallery = open_gallery(
            model, prepared_folder(config.data_dir, config.dataset), arguments.split
        )
    photographs = SplitPhotographs(gallery) if index is None else IndexedPhotographs(index)
    sentences = SplitSentences(gallery) if gallery else None
    answers = QueryAnswerer(model, photographs, sentences, working)
    answers.warm_up()
    return answers


def _open_captions(arguments, chosen, answers, working):
    """``CaptionAnswerer``; None for a captioner that nobody asked for and that cannot be used."""
    from vsepp.demo.caption_answers import CaptionAnswerer

    photographs = answers.photographs if answers else _examples(arguments, chosen.config)
    try:
        model = open_captioner(arguments, chosen.config, checkpoint=chosen.captioner)
        captions = CaptionAnswerer(model, photographs, working)
        captions.warm_up()
    except InputError as error:
        if chosen.is_asked_for:
            raise
        print(f"no captions: {error}", file=sys.stderr)
        return None
    return captions


def _examples(arguments, config):
    """The split's photographs; none where the data set is not there."""
    from vsepp.data.dataset import open_dataset
    from vsepp.data.splits import prepared_folder
    from vsepp.demo.searched import DatasetPhotographs

    folder = Path(prepared_folder(config.data_dir, config.dataset))
    if not (folder / "vocab.json").exists():
        return ()
    return DatasetPhotographs(open_dataset(folder, arguments.split))
