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


def _in_a_gradient():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise OSError("(External) KeyboardInterrupt") from error


def test_a_second_ctrl_c_ends_at_once_where_paddle_makes_another_error_of_it():
    with pytest.raises(KeyboardInterrupt), StopRequest():
        signal.raise_signal(signal.SIGINT)
        _in_a_gradient()


def test_any_other_error_after_a_ctrl_c_stays_what_it_is():
    with pytest.raises(OSError, match="a full disk"), StopRequest():
        signal.raise_signal(signal.SIGINT)
        raise OSError("a full disk")
