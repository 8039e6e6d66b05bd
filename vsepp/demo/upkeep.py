"""What is done now and then while the page is served, so that it can be for ever."""

import contextlib
import os
import threading
import time

from vsepp.demo.examples import EXAMPLES
from vsepp.system import memory

EVERY = 20  # seconds
MAX_BYTES = 2**31  # of uploads and thumbnails
MAX_AGE = 2 * 3600  # seconds; Gradio itself deletes sooner what it knows of
_SETTLED = 60
_ANSWERED = ("success", "failed", "cancelled")


@contextlib.contextmanager
def upkeep(page, folder, every=EVERY):
    """Keep memory and disk small, in a thread of its own, until the block ends.

    Args:
        page: ``gradio.Blocks``.
        folder: of uploads and thumbnails.
        every: seconds.
    """
    ended = threading.Event()

    def work():
        while not ended.wait(every):
            forget_answered(page)
            tidy(folder)
            memory.return_freed()

    thread = threading.Thread(target=work, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def forget_answered(page):
    """Drop what Gradio's queue still knows of queries that were answered.

    Many of its versions keep each one for ever, some with the whole request.
    """
    queue = getattr(page, "_queue", None)
    known = getattr(queue, "event_analytics", {})
    for name, event in list(known.items()):
        if event.get("status") in _ANSWERED:
            known.pop(name, None)
            getattr(queue, "event_ids_to_events", {}).pop(name, None)


def tidy(folder, max_bytes=MAX_BYTES, max_age=MAX_AGE, kept=EXAMPLES):
    """Delete files that are old, then the oldest of the others until what stays has at most
    ``max_bytes``; and folders that have been empty for a while.

    Args:
        folder: what lies in it and below it.
        max_bytes: of all files together.
        max_age: seconds since a file was put there or touched.
        kept: name of a folder in it that stays as it is.
    """
    folder, now, found = os.fspath(folder), time.time(), []
    for place, below, names in os.walk(folder):
        if place == folder:
            below[:] = [name for name in below if name != kept]
        elif not names and not below:
            _remove_empty(place, now)
        found += filter(None, (_described(os.path.join(place, name)) for name in names))
    held = sum(size for _, size, _ in found)
    for born, size, path in sorted(found):
        if held <= max_bytes and now - born <= max_age:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        held -= size


def _described(path):
    """(when it was put there, bytes, path); None when it has gone."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_ctime, status.st_size, path


def _remove_empty(folder, now):
    with contextlib.suppress(OSError):
        if now - os.lstat(folder).st_mtime > _SETTLED:  # a new one may be about to be filled
            os.rmdir(folder)
