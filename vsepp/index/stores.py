"""What an update asks of the place where an index is kept: a folder, or a collection of Milvus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Optional, Protocol

import numpy as np

from vsepp.index.folders import Folder
from vsepp.index.manifest import CodeOrigin, Manifest, Photograph
from vsepp.index.reusable_codes import Place, ReusableCodes


class Taken(Protocol):
    """What has been encoded so far, so that no interruption loses it.

    Attributes:
        photographs: those that are safe; more of them stand at the end after a flush.
        recovered: how many an interrupted run has left.
    """

    photographs: list[Photograph]
    recovered: int

    def codes(self) -> np.ndarray:
        """Their codes ``[len(photographs), size]``."""
        ...

    def add(self, photographs: Iterable[Photograph], codes: Iterable[np.ndarray]) -> None:
        """Take in photographs with their codes; :meth:`flush` makes them safe."""
        ...

    @property
    def waiting(self) -> int:
        """How many are not safe yet."""
        ...

    def flush(self) -> None:
        """Make everything safe."""
        ...

    def close(self) -> None:
        """Flush, and let go."""
        ...

    def remove(self) -> None:
        """Forget what the index has now."""
        ...


class Store(Protocol):
    """Where an index is kept.

    Attributes:
        name: what sentences call it.
        another: the option that names another one.
        leave_out: folders that are no photographs'.
    """

    name: str
    another: str
    leave_out: Sequence[Path]

    def alone(self) -> AbstractContextManager[None]:
        """Hold it while the block runs; InputError when another process does."""
        ...

    def check_usable(self, origin: CodeOrigin, approximate: bool) -> None:
        """InputError when it cannot hold such codes, or not be searched so."""
        ...

    def read_before(self, force: bool) -> Optional[Manifest]:
        """What is there, or None; InputError when it is damaged and not ``force``."""
        ...

    def begin(self, origin: CodeOrigin, folders: Sequence[Folder]) -> Taken:
        """Open or begin what an update takes in, of photographs below ``folders``."""
        ...

    def codes_before(self, before: Manifest, force: bool) -> np.ndarray:
        """The codes of ``before.photographs``; none where :meth:`begin` has them already, or where
        they are damaged and ``force`` is given."""
        ...

    def finish(
        self,
        manifest: Manifest,
        places: Sequence[Place],
        reusable: ReusableCodes,
        before: Optional[Manifest],
        approximate: bool,
        force: bool,
    ) -> Optional[dict]:
        """Let the index be ``manifest``, whose photographs have their codes at ``places``.

        Returns:
            what the manifest says of the approximate index, or None.
        """
        ...
