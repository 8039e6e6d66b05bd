"""Reaching a Milvus, with one sentence for each way in which that fails."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, List
from urllib.parse import urlsplit

from vsepp.system.errors import InputError

_SERVERS = ("http", "https", "tcp", "unix")
_EMBEDDED = "milvus_lite"
_NAMED = "give a file such as photos.db, or a server's address such as http://localhost:19530"


def import_pymilvus() -> Any:
    """The package; InputError when it is not installed."""
    try:
        import pymilvus
    except ImportError:
        raise InputError("Milvus needs pymilvus: run `pip install pymilvus milvus-lite`.") from None
    return pymilvus


def connect(uri: str, token: str = "") -> Any:  # for servers that ask for none  # nosec B107
    """A ``pymilvus.MilvusClient``.

    Args:
        uri: a file whose name ends in ``.db`` (Milvus Lite, in this process), or a server's
            address such as ``http://localhost:19530``.
        token: what the server asks for, ``user:password`` or a key.

    Raises:
        InputError: when pymilvus is not installed, or there is no Milvus at ``uri``.
    """
    package = import_pymilvus()
    _quieten()
    if _is_server(uri):
        with failing(uri):
            return package.MilvusClient(uri, token=token)
    check_file(uri)
    with _reasons() as reasons, failing(uri, reasons):
        return package.MilvusClient(uri, token=token)


def is_file(uri: str) -> bool:
    """Whether an address is that of Milvus Lite's file rather than of a server."""
    return "://" not in uri


@contextmanager
def failing(uri: str, reasons: Sequence[BaseException] = ()) -> Iterator[None]:
    """InputError in place of what Milvus raises while the block runs.

    Args:
        uri: of the Milvus.
        reasons: what it has logged instead of raising it.
    """
    package = import_pymilvus()
    try:
        yield
    except package.MilvusException as error:
        reason = reasons[0] if reasons else None
        if type(reason).__name__ == "DataDirLockedError":
            raise InputError(
                f"another process has {uri} open, which serves one at a time: wait for its end, "
                "or use a Milvus server."
            ) from None
        if is_file(uri):
            raise InputError(
                f"{uri} is no file that this Milvus Lite can open "
                f"({reason or error.message}): choose another --uri."
            ) from None
        raise InputError(
            f"{uri} does not answer as a Milvus ({_short(error.message)}): check the address."
        ) from None


def _short(message: str) -> str:
    """A server's message in one line."""
    return " ".join(str(message).split())[:200].rstrip(".")


def _is_server(uri: str) -> bool:
    if is_file(uri):
        return False
    try:
        parts = urlsplit(uri)
        known = parts.scheme in _SERVERS and (parts.port or True)
    except ValueError:  # of the port
        known = False
    if not known or not (parts.hostname or parts.scheme == "unix"):
        raise InputError(f"{uri} is no address of a Milvus: {_NAMED}.")
    return True


def check_file(path: str) -> None:
    """InputError where Milvus Lite cannot have its file at ``path``, or is not installed."""
    if not path.endswith(".db"):
        raise InputError(f"{path or 'an empty --uri'} names no Milvus: {_NAMED}.")
    if importlib.util.find_spec(_EMBEDDED) is None:
        raise InputError(
            f"{path} needs Milvus Lite: run `pip install milvus-lite`, or give a server's address."
        )
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise InputError(f"the folder {folder} does not exist: make it, or choose another --uri.")
    # Milvus Lite makes any folder one of its own.
    if os.path.isdir(path) and os.listdir(path) and "LOCK" not in os.listdir(path):
        raise InputError(f"{path} is a folder of other files, no Milvus: choose another --uri.")


def _quieten() -> None:
    """No lines of the package's own: what matters is raised."""
    for name in [_EMBEDDED, "grpc", *(each for each in sys.modules if each.startswith("pymilvus"))]:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _reasons() -> Iterator[List[BaseException]]:
    """What Milvus Lite logs while the block runs: it raises nothing that says more than that it
    failed."""
    found: List[BaseException] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                found.append(record.exc_info[1])

    logger, handler = logging.getLogger(f"{_EMBEDDED}.server_manager"), Collecting()
    propagate, level = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
