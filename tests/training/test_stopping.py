"""A signal sets a flag, and worker processes that it ends do not break off a step."""

import signal

import pytest

from vsepp.training.stopping import StopRequest


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="no SIGCHLD")
def test_workers_that_the_signal_ends_are_heard_of_between_steps_only():
    heard = []
    before = signal.signal(signal.SIGCHLD, lambda *_: heard.append("end of a worker"))
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGTERM)
            assert stop.signal == signal.SIGTERM

            stop.within_step = True
            signal.raise_signal(signal.SIGCHLD)
            assert heard == []

            stop.within_step = False
            signal.raise_signal(signal.SIGCHLD)
            assert heard == ["end of a worker"]
    finally:
        signal.signal(signal.SIGCHLD, before)
