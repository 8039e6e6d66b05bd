"""Importing Paddle, where a command first needs it."""

from vsepp.system.signals import held_back


def import_paddle() -> None:
    """Import Paddle, whole, and keep the signals that it takes for itself.

    A Ctrl-C during its import would be an ImportError, and with its own handler of SIGTERM
    nothing could be cleaned up.
    """
    with held_back():
        import paddle

        paddle.disable_signal_handler()
