"""Where an index is: a folder, or with ``--store milvus`` a collection."""

import os

from vsepp.system.errors import InputError

_OPTIONS = ("uri", "collection", "token")


def add_store(commands):
    """``--store``, ``--uri``, ``--collection`` and ``--token``."""
    store = commands.add_argument_group("an index in a Milvus in place of a folder")
    store.add_argument("--store", choices=("folder", "milvus"), help="(default: folder)")
    store.add_argument(
        "--uri",
        metavar="URI",
        help="with --store milvus: a file such as photos.db (Milvus Lite, for one process at a "
        "time), or a server's address such as http://localhost:19530",
    )
    store.add_argument(
        "--collection", metavar="NAME", help="the index's name there (default: vsepp)"
    )
    store.add_argument(
        "--token",
        metavar="TOKEN",
        help="what the server asks for, user:password or a key (default: $MILVUS_TOKEN)",
    )


def milvus(arguments):
    """(uri, collection, token) of ``--store milvus``; None where the index is a folder.

    Raises:
        InputError: when the options do not fit together.
    """
    given = [name for name in _OPTIONS if getattr(arguments, name) is not None]
    if arguments.store != "milvus":
        if given:
            raise InputError(f"--{given[0]} is for --store milvus: give that as well.")
        return None
    if not arguments.uri:
        raise InputError(
            "--store milvus needs --uri: a file such as photos.db, or a server's address such as "
            "http://localhost:19530."
        )
    collection = "vsepp" if arguments.collection is None else arguments.collection
    token = os.environ.get("MILVUS_TOKEN", "") if arguments.token is None else arguments.token
    return arguments.uri, collection, token


def open_index(arguments, folder, approximate=False):
    """What answers queries: ``PhotographIndex`` of a folder, or ``MilvusPhotographs``."""
    where = milvus(arguments)
    if where is None:
        from vsepp.index.photographs import PhotographIndex

        return PhotographIndex(folder, approximate)
    if approximate:
        raise InputError(
            "a collection is searched exactly: leave --approximate away with --store milvus."
        )
    from vsepp.index.milvus_photographs import MilvusPhotographs

    return MilvusPhotographs(*where)
