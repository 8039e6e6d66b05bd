import os
import threading
import time
from types import SimpleNamespace

import pytest

from vsepp.demo.examples import EXAMPLES
from vsepp.demo.upkeep import forget_answered, tidy, upkeep


@pytest.fixture
def folder(tmp_path):
    """Three uploads, oldest first, an example, and what an upload left that was broken off."""
    for name in ("a/first.jpg", "b/second.jpg", "c/third.jpg", f"{EXAMPLES}/example_1.jpg", "tmp1"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
        time.sleep(0.02)
    return tmp_path


def left(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_nothing_goes_while_there_is_room(folder):
    before = left(folder)
    tidy(folder)
    assert left(folder) == before


def test_the_oldest_go_when_there_is_too_much(folder):
    os.utime(folder / "a" / "first.jpg")  # shown again
    tidy(folder, max_bytes=299)
    assert left(folder) == {"a/first.jpg", "tmp1", f"{EXAMPLES}/example_1.jpg"}


def test_what_is_old_goes_but_for_the_examples(folder):
    tidy(folder, max_age=-1)
    assert left(folder) == {f"{EXAMPLES}/example_1.jpg"}


def test_folders_go_when_they_have_been_empty_for_a_while(folder):
    tidy(folder, max_age=-1)
    os.utime(folder / "a", (0, 0))
    tidy(folder)
    assert not (folder / "a").exists() and (folder / "b").exists()


def test_what_vanishes_meanwhile_or_is_a_link_does_no_harm(folder, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.jpg"
    secret.write_bytes(b"x" * 100)
    (folder / "a" / "link").symlink_to(secret)
    (folder / "b" / "folder").symlink_to(secret.parent)
    (folder / "dangling").symlink_to(folder / "nowhere")
    tidy(folder, max_age=-1)
    assert secret.exists()
    tidy(folder / "nowhere")


def queue(**status):
    return SimpleNamespace(
        event_analytics={name: {"status": word} for name, word in status.items()},
        event_ids_to_events=dict.fromkeys(status, "a request"),
    )


def test_answered_queries_are_forgotten_and_waiting_ones_are_not():
    page = SimpleNamespace(
        _queue=queue(a="success", b="queued", c="failed", d="processing", e="cancelled")
    )
    forget_answered(page)
    assert set(page._queue.event_analytics) == set(page._queue.event_ids_to_events) == {"b", "d"}
    del page._queue.event_ids_to_events  # as in Gradio 4
    page._queue.event_analytics["f"] = {"status": "success"}
    forget_answered(page)
    assert set(page._queue.event_analytics) == {"b", "d"}
    forget_answered(SimpleNamespace())  # and in one to come


def test_it_goes_on_until_the_block_ends(folder):
    page = SimpleNamespace(_queue=queue(a="success"))
    with upkeep(page, folder, every=0.01):
        for _ in range(2):
            page._queue.event_analytics["b"] = {"status": "success"}
            until = time.monotonic() + 10
            while page._queue.event_analytics and time.monotonic() < until:
                time.sleep(0.01)
            assert not page._queue.event_analytics
    assert "upkeep" not in [thread.name for thread in threading.enumerate()]
