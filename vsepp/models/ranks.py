"""The processes that train together, *ranks*: what each computes, and what they tell each other.

Every rank draws the same seeded batch and looks at its own share of the images. Codes are
gathered, each rank computes the loss of the whole batch and takes its gradient back to its own
rows; the gradients of the parameters are summed. No ``DataParallel``: it knows neither a
``PyLayer`` nor a loss that is a sum over all pairs of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar, Union

import numpy as np
import paddle
from paddle.autograd import PyLayer

from vsepp.data.samplers import WHOLE, BatchShare
from vsepp.system.disk_room import gigabytes
from vsepp.system.exchange import Exchange
from vsepp.system.launched import tell_launcher
from vsepp.system.memory import peak_memory

Value = TypeVar("Value")
Numbers = Union[Sequence[int], np.ndarray]

_BUCKET = 1 << 23  # numbers that are summed at a time: 32 MiB
_NEWS_SECONDS = 5.0


class Alone:
    """One process, which has nobody to talk to: everything is as if this module were not there.

    Attributes:
        number, count: which rank this is, and of how many.
        leads: whether it writes files, logs and decides; one does.
        share: which rows of a batch it looks at.
        backend: what the ranks talk by, ``gloo`` or ``nccl``.
        salt: what stands behind (seed, step) where dropout is drawn.
    """

    number, count, leads = 0, 1, True
    backend = ""
    share: BatchShare = WHOLE
    salt: tuple[int, ...] = ()

    def device(self, wanted: str) -> str:
        """The device that they compute on where the configuration says ``wanted``."""
        return wanted

    # ---- small things

    def all(self, value: Value) -> list[Value]:
        """What each rank gives, by number; JSON has to hold it. All of them have to call it."""
        return [value]

    def told(self, value: Value) -> Value:
        """What the leader gives."""
        return self.all(value if self.leads else None)[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Until all ranks are here."""
        self.all(None)

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The block in the leader, and once it is through in the others."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    # ---- tensors

    def gathered(self, codes: paddle.Tensor) -> paddle.Tensor:
        """The codes of a whole batch, of each rank's rows; its gradient goes to its own rows."""
        return codes

    def total(self, part: paddle.Tensor) -> paddle.Tensor:
        """The sum of what the ranks have of a loss, each with the gradient of its own part."""
        return part

    def sum_gradients(
        self, parameters: Iterable[paddle.Tensor], whole: Iterable[paddle.Tensor] = ()
    ) -> None:
        """Give every rank the sums of all ranks' gradients.

        Args:
            parameters: of the network.
            whole: those of them whose gradient every rank has whole already: parameters of the
                loss. The leader's counts.
        """

    def spread(self, model: paddle.nn.Layer) -> None:
        """Let all ranks have the leader's weights."""

    # ---- work that is shared by rows

    def own(self, groups: Sequence[Value]) -> Sequence[Value]:
        """This rank's of a sequence, every one of whose parts one rank works on."""
        return groups

    def completed(
        self, rows: np.ndarray | None, groups: Sequence[Numbers], count: int = 0
    ) -> np.ndarray:
        """All rows, of which each rank has those of its :meth:`own` of ``groups``.

        Args:
            rows: array ``[n, …]``, its own, in order; None where it has none.
            groups: numbers of rows, from 0.
            count: rows of the result; 0: as many as there are numbers. Others are not filled.
        """
        assert rows is not None  # nosec B101
        return rows

    def in_order(
        self, groups: Sequence[Value], compute: Callable[[Sequence[Value]], Iterable[np.ndarray]]
    ) -> Iterator[np.ndarray]:
        """What ``compute`` makes of groups, an array each, all of them in order in every rank."""
        yield from compute(groups)

    # ---- what is said of them

    def said(self) -> list[str]:
        """Lines for the log, of how the ranks came together."""
        return []

    def costs(self) -> list[str]:
        """Lines for the log, once, after the first step: how long it took, in how much memory."""
        return []

    def tell(self, line: str) -> None:
        """Say something on the screen of whoever launched several processes."""


ALONE = Alone()


class Ranks(Alone):
    """Several processes that were launched together.

    Args:
        exchange: for what is small.
        seconds: that it took to come together.
    """

    def __init__(self, exchange: Exchange, backend: str, seconds: float = 0.0) -> None:
        self.exchange = exchange
        self.backend, self.seconds = backend, seconds
        self.begun: float | None = perf_counter()
        self.number, self.count = exchange.number, exchange.count
        self.leads = self.number == 0
        self.share = BatchShare(self.number, self.count)
        self.salt = (self.number,)

    def device(self, wanted: str) -> str:
        return "cpu" if self.backend == "gloo" else "gpu"

    def all(self, value: Value) -> list[Value]:
        return self.exchange.all(value)

    def gathered(self, codes: paddle.Tensor) -> paddle.Tensor:
        return _Gathered.apply(codes, self)

    def total(self, part: paddle.Tensor) -> paddle.Tensor:
        return _Total.apply(part, self)

    @paddle.no_grad()
    def sum_gradients(
        self, parameters: Iterable[paddle.Tensor], whole: Iterable[paddle.Tensor] = ()
    ) -> None:
        once = {parameter.name for parameter in whole}
        bucket: list[paddle.Tensor] = []
        numbers = 0
        for parameter in parameters:
            grad = parameter.grad
            if grad is None:  # in every rank, since all have the same network
                continue
            if parameter.name in once and not self.leads:
                grad.set_value(paddle.zeros_like(grad))
            bucket.append(grad)
            numbers += int(grad.size)
            if numbers >= _BUCKET:
                self._sum(bucket)
                bucket, numbers = [], 0
        if bucket:
            self._sum(bucket)

    def _sum(self, tensors: Sequence[paddle.Tensor]) -> None:
        flat = paddle.concat([each.reshape([-1]).astype("float32") for each in tensors])
        self._collectively(paddle.distributed.all_reduce, flat)
        end = 0
        for each in tensors:
            start, end = end, end + int(each.size)
            each.set_value(flat[start:end].reshape(each.shape).astype(each.dtype))

    @paddle.no_grad()
    def spread(self, model: paddle.nn.Layer) -> None:
        for tensor in model.state_dict().values():
            copy = tensor.detach().clone()
            self._collectively(paddle.distributed.broadcast, copy, 0)
            tensor.set_value(copy)

    def own(self, groups: Sequence[Value]) -> Sequence[Value]:
        return groups[self.number :: self.count]

    def completed(
        self, rows: np.ndarray | None, groups: Sequence[Numbers], count: int = 0
    ) -> np.ndarray:
        numbers = [
            np.concatenate([np.asarray(group, np.int64) for group in groups[rank :: self.count]])
            for rank in range(min(self.count, len(groups)))
        ]
        parts = self._arrays(rows)
        size = count or sum(map(len, numbers))
        result = np.empty((size, *parts[0].shape[1:]), parts[0].dtype)
        for theirs, part in zip(numbers, parts):
            result[theirs] = part
        return result

    def in_order(
        self, groups: Sequence[Value], compute: Callable[[Sequence[Value]], Iterable[np.ndarray]]
    ) -> Iterator[np.ndarray]:
        own = iter(compute(self.own(groups)))
        for start in range(0, len(groups), self.count):
            here = start + self.number < len(groups)
            yield from self._arrays(next(own) if here else None)

    def _arrays(self, own: np.ndarray | None) -> list[np.ndarray]:
        """The array of each rank that has one: alike but for how many rows they have."""
        shapes: list[Any] = self.all(None if own is None else [list(own.shape), own.dtype.str])
        lengths = [shape[0][0] if shape else 0 for shape in shapes]
        (_, *row), dtype = next(shape for shape in shapes if shape)
        padded = np.zeros((max(lengths), *row), dtype)
        if own is not None:
            padded[: len(own)] = own
        parts = self._gather(paddle.to_tensor(padded))
        return [part.numpy()[:length] for part, length in zip(parts, lengths) if length]

    def _gather(self, tensor: paddle.Tensor) -> list[paddle.Tensor]:
        parts: list[paddle.Tensor] = []
        self._collectively(paddle.distributed.all_gather, parts, tensor)
        return parts

    def _collectively(self, operation: Callable[..., Any], *arguments: Any) -> None:
        """An operation of Paddle's that all ranks take part in, once all are here.

        gloo gives up on one that is 30 seconds late, and nccl waits for ever for one that has
        ended: so they meet before.
        """
        self.wait()
        try:
            operation(*arguments)
        except Exception:
            self.exchange.hear(_NEWS_SECONDS)  # whose end it was, if it was one
            raise

    def said(self) -> list[str]:
        return [
            f"{self.count} processes by {self.backend}, together after {self.seconds:.1f} s: each "
            "looks at its share of every batch; what comes of it is what one process makes of the "
            "batch, but for rounding, and for dropout, which each draws for itself"
        ]

    def costs(self) -> list[str]:
        if self.begun is None:
            return []
        seconds, self.begun = perf_counter() - self.begun, None
        peaks = self.all([peak_memory(), _peak_of_card()])
        host, card = (max(values) for values in zip(*peaks))
        on_card = f", {gigabytes(card)} on its card" if card else ""
        return [
            f"the first step was done {self.seconds + seconds:.1f} s after the processes began to "
            f"come together; each takes up to {gigabytes(host)} of memory{on_card}"
        ]

    def tell(self, line: str) -> None:
        if self.leads:
            tell_launcher(line)


def _peak_of_card() -> int:
    """The most memory that was taken on this rank's card, in bytes; 0 without one."""
    return 0 if paddle.get_device() == "cpu" else int(paddle.device.cuda.max_memory_reserved())


class _Gathered(PyLayer):
    @staticmethod
    def forward(ctx: Any, codes: paddle.Tensor, ranks: Ranks) -> paddle.Tensor:
        ctx.rows = ranks.number * codes.shape[0], (ranks.number + 1) * codes.shape[0]
        return paddle.concat(ranks._gather(codes.detach()))

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> paddle.Tensor:
        first, end = ctx.rows
        return grad[first:end]


class _Total(PyLayer):
    @staticmethod
    def forward(ctx: Any, part: paddle.Tensor, ranks: Ranks) -> paddle.Tensor:
        total = part.detach().clone()
        ranks._collectively(paddle.distributed.all_reduce, total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: paddle.Tensor) -> paddle.Tensor:
        return grad
