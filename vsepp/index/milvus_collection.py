"""An index of photographs in a Milvus: what its collections hold.

The collection of the index's name has one row, which says what the index is: the manifest without
its photographs, and the number of the update that made it so. The codes lie in a collection of
their own, named by the encoding that they are of; each row is a photograph, with its file as JSON
has it (a name may hold bytes that are no UTF-8) and the number of the update that brought it.
Whoever reads takes the rows of finished updates alone. What an interrupted one has brought waits
for the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from vsepp.index.manifest import CodeOrigin, Manifest, Photograph, parse, record
from vsepp.index.milvus_connection import check_file, connect, failing, is_file
from vsepp.index.milvus_index import LONGEST, MilvusIndex, check_measure
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.invocation import command, quoted

_OF_A_ROW = {"file": str, "bytes": int, "mtime_ns": int, "sha256": str, "update": int}
_OF_THE_INDEX = {"index": str}
_USUAL = "vsepp"  # name of a collection, where none is given
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


class IndexRecord(NamedTuple):
    """What the row says.

    Attributes:
        update: number of the last finished update.
        manifest: without photographs.
        total: how many there are.
    """

    update: int
    manifest: Manifest
    total: int


class Row(NamedTuple):
    """A photograph in the collection of the codes.

    Attributes:
        file: where it is, absolute.
        bytes, mtime_ns, sha256: as :class:`vsepp.index.manifest.Photograph` has them.
        update: number of the update that brought it.
    """

    file: str
    bytes: int
    mtime_ns: int
    sha256: str
    update: int

    @property
    def id(self) -> int:
        """Follows from the file and its content, so that one that is put again is the same."""
        text = json.dumps([self.file, self.sha256])
        return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big") >> 1

    def photograph(self, name: Optional[str]) -> Photograph:
        """The photograph by its name in an index; by its file where it has none there."""
        return Photograph(name or self.file, self.bytes, self.mtime_ns, self.sha256)

    def written(self) -> Dict[str, Any]:
        """What the collection keeps."""
        return {**self._asdict(), "file": json.dumps(self.file)}

    @classmethod
    def read(cls, fields: Dict[str, Any]) -> Row:
        """The row that :meth:`written` wrote."""
        values = {name: fields[name] for name in cls._fields}
        return cls(**{**values, "file": json.loads(fields["file"])})


class MilvusCollection:
    """The collections of one index.

    Args:
        uri, token: see :func:`vsepp.index.milvus_connection.connect`.
        collection: the name of the index.
        existing: to be read alone: a file that is not there is not made.

    Attributes:
        name: what sentences call it.

    Raises:
        InputError: when Milvus cannot be reached, ``collection`` is no name that it takes, or an
            ``existing`` file is missing.
    """

    def __init__(
        self, uri: str, collection: str = _USUAL, token: str = "", existing: bool = False
    ) -> None:  # for servers that ask for none  # nosec B107
        if not _NAME.fullmatch(collection):
            raise InputError(
                f"{collection!r} is no name of a collection: use letters, digits and _, "
                "a letter first."
            )
        self.uri, self.collection = uri, collection
        self.name = f"the collection {collection} of {uri}"
        if existing and is_file(uri):
            check_file(uri)
            if not os.path.exists(uri):
                raise self._missing(f"{uri} does not exist: make an index there")
        self._client = connect(uri, token)

    def read(self) -> Optional[IndexRecord]:
        """What the index is; None where there is none yet.

        Raises:
            InputError: when the collection holds something else, or is damaged.
        """
        with failing(self.uri):
            if not self._client.has_collection(self.collection):
                return None
        rows = sorted(self._of_index().rows(), key=lambda row: row["id"])
        if not rows:
            return None
        try:
            content = json.loads(rows[-1]["index"])
            total = content.pop("total")
            if not isinstance(total, int):
                raise ValueError("its 'total' is malformed")
            manifest = parse({**content, "photographs": []})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self.name} is damaged ({error}): index the photographs again with --force."
            ) from None
        return IndexRecord(rows[-1]["id"], manifest, total)

    def read_existing(self) -> IndexRecord:
        """As :meth:`read`; InputError where there is no index."""
        found = self.read()
        if found is None:
            raise self._missing(
                f"{self.uri} has no index of photographs in a collection {self.collection}: make "
                "one"
            )
        return found

    def _missing(self, said: str) -> InputError:
        words = f"{command('search')} index FOLDER --store milvus --uri {quoted(self.uri)}"
        if self.collection != _USUAL:
            words += f" --collection {self.collection}"
        return InputError(f"{said} with `{words}`.")

    def check_ours(self) -> None:
        """InputError when the collection holds something else than an index."""
        with failing(self.uri):
            there = self._client.has_collection(self.collection)
        if there:
            self._of_index()

    def write(self, update: int, manifest: Manifest, total: int) -> None:
        """Let the index be ``manifest`` from now on, as the update of this number made it."""
        text = json.dumps({**record(manifest), "total": total})
        if len(text) > LONGEST:
            raise InputError(
                f"{self.name} has no room for so many folders and patterns: give fewer."
            )
        index = self._of_index()
        index.put([update], np.ones((1, 2), np.float32), [{"index": text}])
        index.remove([row["id"] for row in index.rows() if row["id"] != update])

    def _of_index(self) -> MilvusIndex:
        return MilvusIndex(
            self.uri, 2, self.collection, fields=_OF_THE_INDEX, client=self._client
        )  # a collection has to have codes

    def _codes_name(self, origin: CodeOrigin) -> str:
        return f"{self.collection}_codes_{list_fingerprint([origin.record()])[:16]}"

    def codes(self, origin: CodeOrigin) -> MilvusIndex:
        """The rows of codes of an encoding; the collection is made when it is missing."""
        check_measure(origin.measure)
        return MilvusIndex(
            self.uri,
            origin.embed_size,
            self._codes_name(origin),
            origin.measure,
            fields=_OF_A_ROW,
            client=self._client,
        )

    def remove_others(self, origin: CodeOrigin) -> None:
        """Remove the codes of other encodings."""
        ours = re.compile(f"{self.collection}_codes_[0-9a-f]{{16}}")
        with failing(self.uri):
            for name in self._client.list_collections():
                if ours.fullmatch(name) and name != self._codes_name(origin):
                    self._client.drop_collection(name)

    def close(self) -> None:
        """Let go of the file or the server."""
        self._client.close()
