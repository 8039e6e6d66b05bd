"""What processes of a job say to each other, with threads in their place."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from vsepp.system.exchange import Door, Ended, knock

COUNT = 3


@pytest.fixture
def exchanges():
    """The exchanges of three processes, by number."""
    door = Door("127.0.0.1", "secret")
    with ThreadPoolExecutor(COUNT) as pool:
        leader = pool.submit(door.admit, COUNT)
        stranger = socket.create_connection(("127.0.0.1", door.port))
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        guessing = knock("127.0.0.1", door.port, "guessed", 1, COUNT)
        others = [
            pool.submit(knock, "127.0.0.1", door.port, "secret", number, COUNT)
            for number in range(1, COUNT)
        ]
        result = [leader.result(), *(other.result() for other in others)]
    stranger.close()
    guessing.close()
    yield result
    for exchange in result:
        exchange.close()


def together(exchanges, act):
    """What `act` gives, or raises, for each exchange, all at the same time."""

    def caught(exchange):
        try:
            return act(exchange)
        except Ended as end:
            return end

    with ThreadPoolExecutor(COUNT) as pool:
        return list(pool.map(caught, exchanges))


def test_every_process_hears_what_every_process_says(exchanges):
    for round_ in range(3):
        heard = together(exchanges, lambda one: one.all([one.number, round_, "ü", None]))
        assert heard == COUNT * [[[number, round_, "ü", None] for number in range(COUNT)]]


def test_what_is_said_is_alike_in_all_the_speaker_too(exchanges):
    heard = together(exchanges, lambda one: one.all([(one.number, {"x": (1, 2)})]))
    assert heard == COUNT * [[[[number, {"x": [1, 2]}]] for number in range(COUNT)]]
    assert sorted(sum(heard[0], [])) == sum(heard[0], [])


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="nothing is forked here")
def test_a_forked_child_holds_no_connection(exchanges):
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    exchanges[1].close()  # as the end of its process does
    with pytest.raises(Ended, match="process 1 ended"):
        exchanges[0].hear(10)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_numbers_come_through_exactly(exchanges):
    value = 0.1 + 0.2
    assert together(exchanges, lambda one: one.all(value)) == COUNT * [COUNT * [value]]


@pytest.mark.parametrize("failing", range(COUNT))
def test_the_sentence_of_one_that_fails_reaches_all_others(exchanges, failing):
    def act(one):
        if one.number == failing:
            one.fail(Ended(failing, "cat.jpg is damaged: replace the file."))
            return one.close()
        return one.all(None)

    ends = together(exchanges, act)
    for number, end in enumerate(ends):
        if number != failing:
            assert (end.number, end.silent) == (failing, False)
            assert end.sentence == "cat.jpg is damaged: replace the file."


@pytest.mark.parametrize("killed", range(COUNT))
def test_one_that_hangs_up_without_a_word_is_named_to_all(exchanges, killed):
    ends = together(exchanges, lambda one: one.close() if one.number == killed else one.all(None))
    for number, end in enumerate(ends):
        if number != killed:
            assert (end.number, end.silent, end.sentence) == (killed, True, None)
            assert end.found == (number == 0 or killed == 0)


def test_who_listens_hears_of_an_end_and_passes_over_the_rest(exchanges):
    leader, second, third = exchanges
    said = threading.Event()

    def act(one):
        if one is third:
            one._write(0, {"value": "of a collective that nobody comes to any more"})
            one.fail(Ended(2, status=143))
        elif one is leader:
            one.hear(10)
        else:
            one.hear(10)
        said.set()

    ends = together(exchanges, act)
    assert [end.status for end in ends[:2]] == [143, 143]


def test_silence_is_no_news(exchanges):
    assert exchanges[0].hear(0.05) is None and exchanges[1].hear(0.05) is None
