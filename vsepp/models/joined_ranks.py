"""How the processes of a job come together, and how they part."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import paddle

from vsepp.models.ranks import ALONE, Alone, Ranks
from vsepp.system.errors import InputError
from vsepp.system.exchange import Door, Ended, knock
from vsepp.system.launched import (
    leader_host,
    process_count,
    process_number,
    stay_with_launcher,
    tell_launcher,
)

_joined = itertools.count()  # how often the processes of this job have come together before


@contextmanager
def joined_ranks(device: str = "auto") -> Iterator[Alone]:
    """The processes of this job, together while the block runs; :data:`ALONE` where it is one.

    What ends the block with an error in one of them ends it in all.

    Args:
        device: as the configuration says it.

    Raises:
        InputError: when another process fails, with its sentence, or is killed; when the device
            is none that they can talk by.
        SystemExit, KeyboardInterrupt: when another was stopped so.
    """
    if process_count() == 1:
        yield ALONE
        return
    stay_with_launcher()
    ranks = _join(device)
    try:
        yield ranks
        ranks.wait()  # the leader answers for what all have done
    except Ended as end:
        raise _error_of(end, ranks) from None
    except BaseException as error:
        ranks.exchange.fail(_end_of(error, ranks))
        raise
    finally:
        ranks.exchange.close()


def _join(device: str) -> Ranks:
    """Paddle's own connections, and ours."""
    begin = perf_counter()
    number, count = process_number(), process_count()
    cards = paddle.is_compiled_with_cuda() and os.environ.get("PADDLE_DISTRI_BACKEND") != "gloo"
    if device == ("cpu" if cards else "gpu"):
        by, mend = ("nccl", "--backend gloo") if cards else ("gloo", "--gpus 0,1")
        raise InputError(
            f"device: {device} was asked for, but these processes were launched to talk by {by}: "
            f"launch them with {mend}, or set device=auto."
        )
    paddle.distributed.init_parallel_env()
    store = paddle.base.core.create_or_get_global_tcp_store()
    host, place = leader_host(), f"vsepp/door/{next(_joined)}"
    if number == 0:
        door = Door(host, secrets.token_hex(16))
        store.set(place, f"{door.port} {door.secret}")
        exchange = door.admit(count)
    else:
        port, secret = store.get(place).decode().split()
        exchange = knock(host, int(port), secret, number, count)
    return Ranks(exchange, "nccl" if cards else "gloo", perf_counter() - begin)


def _error_of(end: Ended, ranks: Ranks) -> BaseException:
    """What the end of another process raises here."""
    if end.status == 130:
        return KeyboardInterrupt()
    if end.status is not None:
        return SystemExit(end.status)
    if not end.silent:
        return InputError(end.sentence)
    sentence = (
        f"process {end.number} of {ranks.count} ended without a word, as one does that is killed "
        "or runs out of memory: start the run again, with -o checkpoint=last to go on from its "
        "last checkpoint."
    )
    # The leader, or where it was that, the next: nobody else needs to say it as well.
    if end.found and (ranks.leads or ranks.number == 1) and tell_launcher(f"error: {sentence}"):
        return SystemExit(2)
    return InputError(sentence)


def _end_of(error: BaseException, ranks: Ranks) -> Ended:
    """What is said to the others of what ended this process."""
    number = ranks.number
    if isinstance(error, KeyboardInterrupt):
        return Ended(number, status=130)
    if isinstance(error, SystemExit):
        return Ended(number, status=error.code if isinstance(error.code, int) else 1)
    if isinstance(error, InputError):
        return Ended(number, str(error))
    if not isinstance(error, Exception):  # raised by SIGTERM
        return Ended(number, status=143)
    what = str(error).strip().splitlines() or [""]
    said = what[-1 if what[0].startswith("Traceback") else 0]  # what ended a loader's process
    return Ended(number, f"process {number} of {ranks.count}: {type(error).__name__}: {said}")
