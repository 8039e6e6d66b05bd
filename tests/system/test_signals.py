"""Signals wait where they would do harm, and arrive afterwards."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vsepp.system.signals import held_back

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_arrives_when_the_block_is_through(number):
    events = []
    before = signal.signal(number, lambda *_: events.append("signal"))
    try:
        with held_back():
            signal.raise_signal(number)
            events.append("block")
        assert events == ["block", "signal"]
    finally:
        signal.signal(number, before)


def test_handlers_that_the_block_sets_do_not_stay():
    before = signal.getsignal(signal.SIGTERM)
    with held_back():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_just_run():
    seen = []

    def work():
        with held_back():
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen


def test_paddle_does_not_take_sigterm_for_itself():
    code = (
        "import os, signal, sys\n"
        "from vsepp.cli.command import run\n"
        "from vsepp.cli.importing import import_paddle\n"
        "def main(argv):\n"
        "    import_paddle()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    while True: pass\n"
        "sys.exit(run(main))"
    )

    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=120
    )

    assert process.returncode == 143
    assert process.stderr.decode().splitlines()[-1] == "Terminated."
    assert "FatalError" not in process.stderr.decode()
