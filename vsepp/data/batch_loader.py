"""Reading batches in threads or workers; what goes wrong is raised where they are asked for."""

from __future__ import annotations

import copy
import gc
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import numpy as np
from paddle.io import DataLoader
from paddle.io.dataloader.collate import default_collate_fn

from vsepp.data.images import map_images
from vsepp.system.errors import InputError


def spare_inherited(worker_id: int) -> None:
    """Keep a worker from destroying what it inherited from its parent.

    An iterator of an earlier epoch may be there as garbage that was not collected yet, with a
    thread waiting inside. Threads do not live on in a forked worker, so collecting it there
    would wait for that thread for ever. It begins with collection switched off, see
    :func:`nothing_collected`.
    """
    gc.freeze()
    gc.enable()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Let workers that the block starts collect no garbage before :func:`spare_inherited`."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# A worker is forked while threads of its parent run, and inherits the locks they hold, for
# ever held. Shared memory would have it make Paddle's tensors, under Paddle's locks; without,
# it hands over NumPy arrays, and needs no room in /dev/shm either.
FORK_SAFE = {"use_shared_memory": False, "worker_init_fn": spare_inherited}


_FAILURE = "failure"  # the key of a batch that could not be read


class _Failure:
    """What went wrong while an item was read, in a form that travels between processes."""

    def __init__(self, error: Exception) -> None:
        if isinstance(error, InputError):
            self.text = f"{InputError.__name__}:{error}"
        elif isinstance(error, MemoryError):
            self.text = (
                f"{InputError.__name__}:the machine's memory is exhausted while batches "
                "are read: set a smaller batch_size, or fewer workers."
            )
        else:
            self.text = "Exception:" + "".join(
                traceback.format_exception(type(error), error, error.__traceback__)
            )

    def batch(self) -> dict[str, np.ndarray]:
        return {_FAILURE: np.frombuffer(self.text.encode("utf-8", "replace"), np.uint8)}


class _Guarded:
    """A data set and a way to collate it that hand on what goes wrong instead of raising it.

    An index is one of the data set's; or, after :meth:`read_ahead`, a tuple of the next of them.
    """

    def __init__(self, dataset: Any, collate: Callable[[list], Any] | None) -> None:
        self.dataset = dataset
        self.inner_collate = collate or default_collate_fn
        self._items: Iterator = iter(())

    def read_ahead(self, indices: Iterable[int]) -> None:
        """Read these in threads, side by side, some of them before they are asked for."""
        self._items = map_images(self._item, indices)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int | tuple[int, ...]) -> Any:
        if not isinstance(index, tuple):
            return self._item(index)
        try:
            return list(islice(self._items, len(index)))
        except RuntimeError as error:  # no more threads, as at the interpreter's end
            return [_Failure(error)]

    def _item(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            return _Failure(error)

    def collate(self, items: list) -> Any:
        if isinstance(items[0], list):
            items = items[0]
        failure = next((item for item in items if isinstance(item, _Failure)), None)
        if failure is None:
            try:
                return self.inner_collate(items)
            except Exception as error:
                failure = _Failure(error)
        return failure.batch()


class _WholeBatches:
    """A batch sampler whose every batch is one index: the tuple of its indices, read ahead."""

    def __init__(self, sampler: Any, dataset: _Guarded) -> None:
        self.sampler = sampler
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[tuple[int, ...]]]:
        batches = list(self.sampler)
        self.dataset.read_ahead(chain.from_iterable(batches))
        return iter([[tuple(batch)] for batch in batches])


class BatchLoader(DataLoader):
    """A ``DataLoader`` that raises what goes wrong in reading where its batches are asked for.

    By itself Paddle waits for ever when its loading thread ends with an exception, and a
    worker process prints its traceback. Without workers, photographs are decoded in threads.
    """

    def __iter__(self) -> Iterator:
        guarded = copy.copy(self)
        guarded.dataset = _Guarded(self.dataset, self.collate_fn)
        if not self.num_workers and getattr(self.dataset, "decodes", False):
            guarded.batch_sampler = _WholeBatches(self.batch_sampler, guarded.dataset)
        guarded.collate_fn = guarded.dataset.collate
        with nothing_collected():
            batches = DataLoader.__iter__(guarded)  # from here on its workers are at work
        return _raising(batches)


def _raising(batches: Iterable) -> Iterator:
    """The batches, up to the first that could not be read."""
    for batch in batches:
        if isinstance(batch, dict) and _FAILURE in batch:
            kind, _, text = bytes(batch[_FAILURE].numpy()).decode().partition(":")
            raise InputError(text) if kind == InputError.__name__ else RuntimeError(text)
        yield batch
