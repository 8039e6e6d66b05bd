"""``vsepp demo``."""

from pathlib import Path

from vsepp.cli.checkpoints import add_arguments, checkpoint_path, has_checkpoint, open_model
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration, dataset_words, is_named
from vsepp.cli.search_store import add_store, milvus, open_index
from vsepp.system.errors import InputError
from vsepp.system.invocation import command, tool

DESCRIPTION = """Open a page that searches in the browser: photographs for a sentence or for a
picture, sentences for a picture, and labels for a picture.

  %(prog)s                      a data set's test split: flickr8k when a model was trained on it,
                               else sample
  %(prog)s --dataset NAME       another one's
  %(prog)s --index INDEX        your own photographs, as `search index` has indexed them; with
                               --dataset also the sentences of that data set
  %(prog)s --store milvus --uri URI
                               the same of an index in a Milvus
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
    config, checkpoint, index = _what_is_served(arguments)
    from vsepp.demo import server
    from vsepp.system.memory import share_heaps

    share_heaps(2)  # before there are threads
    bound = server.listen(arguments.host, arguments.port)
    with bound, server.private_folder() as folder:
        server.import_gradio()
        answers = _open_answers(arguments, config, checkpoint, index)
        server.make_server(
            answers,
            folder,
            lambda: _announce(arguments, answers, server.address_of(bound)),
            arguments.api,
        ).run(sockets=[bound])
    return 0


def _announce(arguments, answers, address):
    print(f"searching {answers.photographs.described} with {answers.model.checkpoint}")
    if not arguments.host.startswith(_LOOPBACK):
        print(
            "everybody who can reach this machine can open the page, and sees where the "
            "photographs lie"
        )
    if arguments.api:
        print(f"programs ask {address}/api, which says how")
    print(f"open {address} in a browser; Ctrl-C ends it", flush=True)


def _what_is_served(arguments):
    """(Config, checkpoint, ``PhotographIndex`` or None), as far as that takes no model."""
    config = configuration(arguments)
    in_milvus = milvus(arguments) is not None
    if in_milvus and arguments.index is not None:
        raise InputError("--index is the folder of an index: leave it away with --store milvus.")
    if in_milvus or arguments.index is not None:
        from vsepp.cli.search_query import index_checkpoint

        index = open_index(arguments, arguments.index)
        if not len(index):
            raise InputError(f"{index.index} holds no photographs: index a folder that does.")
        return config, index_checkpoint(arguments, config, index), index
    if not is_named(arguments):
        config = _trained(arguments, config)
    from vsepp.data.options import checked_folder

    checked_folder(config)
    return config, checkpoint_path(arguments.checkpoint or "best", arguments, config), None


def _trained(arguments, config):
    """The configuration of ``flickr8k`` or ``sample``, whichever has a checkpoint."""
    if arguments.checkpoint not in (None, "best", "last"):
        return config
    for dataset in dict.fromkeys((config.dataset, "sample")):
        config = configuration(arguments, dataset)
        if (
            has_checkpoint(arguments.checkpoint or "best", arguments, config)
            and (Path(config.data_dir) / dataset / "vocab.json").exists()
        ):
            return config
    sample = dataset_words(config)
    raise InputError(
        f"there is no trained model yet: run `{command('prepare', *sample)}` and "
        f"`{command('train', *sample)}` first, which takes minutes."
    )


def _open_answers(arguments, config, checkpoint, index):
    from vsepp.data.splits import prepared_folder
    from vsepp.demo.answers import QueryAnswerer
    from vsepp.demo.searched import IndexedPhotographs, SplitPhotographs, SplitSentences
    from vsepp.retrieval.gallery import open_gallery

    model = open_model(arguments, config, checkpoint)
    gallery = None
    if index is None or is_named(arguments):
        gallery = open_gallery(
            model, prepared_folder(config.data_dir, config.dataset), arguments.split
        )
    photographs = SplitPhotographs(gallery) if index is None else IndexedPhotographs(index)
    answers = QueryAnswerer(model, photographs, SplitSentences(gallery) if gallery else None)
    answers.warm_up()
    return answers
