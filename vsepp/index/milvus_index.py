"""Search in a Milvus collection: an embedded file by default, a server by its address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Dict, List, Optional

import numpy as np

from vsepp.index.exact import Ids, check_new, checked_ids, checked_queries, checked_rows
from vsepp.index.milvus_connection import connect, failing, import_pymilvus
from vsepp.system.errors import InputError

MOST = 16_384  # rows that a search may ask for
LONGEST = 65_535  # bytes of a text
_AT_ONCE = 1_000  # rows in one message


def check_measure(measure: str) -> None:
    """InputError when Milvus does not know the measure."""
    if measure != "cosine":
        raise InputError(
            f"Milvus knows the measure cosine alone here, not {measure!r}: search exactly."
        )


class MilvusIndex:
    """Rows with ids in a collection, searched by their dot product.

    Args:
        uri: a file whose name ends in ``.db`` (Milvus Lite, in this process), or a server's
            address such as ``http://localhost:19530``.
        size: numbers per code; the collection is made when it is missing.
        collection: its name.
        measure: ``cosine``.
        token: what the server asks for, ``user:password`` or a key.
        fields: what a row has besides its id and code, ``{name: int or str}``; :meth:`put` fills
            them, and :meth:`add` is for collections without.
        client: of ``uri``, where there is one already; :meth:`close` closes it all the same.

    Raises:
        InputError: when pymilvus is not installed, the server does not answer, or the
            collection holds something else.
    """

    def __init__(
        self,
        uri: str,
        size: int,
        collection: str = "vsepp",
        measure: str = "cosine",
        token: str = "",
        fields: Optional[Mapping[str, type]] = None,
        client: Any = None,
    ) -> None:  # for servers that ask for none  # nosec B107
        check_measure(measure)
        self._uri, self._size, self._collection = uri, size, collection
        self._fields = dict(fields or {})
        self._client = client or connect(uri, token)
        with failing(uri):
            if not self._client.has_collection(collection):
                self._create(import_pymilvus().DataType)
            self._client.load_collection(collection)
            found = self._client.describe_collection(collection)["fields"]
        sizes = [int(field["params"]["dim"]) for field in found if field["name"] == "code"]
        if {field["name"] for field in found} != {"id", "code", *self._fields}:
            raise InputError(
                f"the collection {collection} of {uri} holds something else: choose another "
                "collection."
            )
        if sizes != [size]:
            raise InputError(
                f"the collection {collection} of {uri} holds codes of {sizes[0]} "
                f"numbers, not {size}: choose another collection."
            )

    def _create(self, types: Any) -> None:
        schema = self._client.create_schema(auto_id=False)
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("code", types.FLOAT_VECTOR, dim=self._size)
        for name, kind in self._fields.items():
            if kind is int:
                schema.add_field(name, types.INT64)
            else:
                schema.add_field(name, types.VARCHAR, max_length=LONGEST)
        parameters = self._client.prepare_index_params()
        parameters.add_index("code", index_type="FLAT", metric_type="IP")
        self._client.create_collection(
            self._collection, schema=schema, index_params=parameters, consistency_level="Strong"
        )

    def __len__(self) -> int:
        with failing(self._uri):
            rows = self._client.query(self._collection, filter="", output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def add(self, ids: Ids, codes: np.ndarray) -> None:
        """Add rows: ids, none of which is there yet, and float32 or float16 ``[n, size]``.

        Raises:
            InputError: as :meth:`vsepp.index.exact.ExactIndex.add`.
        """
        ids, codes = checked_rows(ids, codes, self._size)
        check_new(ids, [])
        for start in range(0, len(ids), _AT_ONCE):
            with failing(self._uri):
                there = self._client.get(self._collection, ids[start : start + _AT_ONCE].tolist())
            check_new(ids, [np.array([row["id"] for row in there], np.int64)])
        self.put(ids, codes, [{}] * len(ids))

    def put(self, ids: Ids, codes: np.ndarray, records: Sequence[Mapping[str, Any]]) -> None:
        """Write rows with their ``fields``, in place of those that have the same ids.

        Args:
            ids: whole numbers.
            codes: float32 or float16 ``[n, size]``.
            records: ``{name: value}`` of every field, for each.
        """
        ids, codes = checked_rows(ids, codes, self._size)
        for start in range(0, len(ids), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            rows = zip(
                ids[part].tolist(), np.asarray(codes[part], np.float32).tolist(), records[part]
            )
            with failing(self._uri):
                self._client.upsert(
                    self._collection,
                    [{"id": row, "code": code, **more} for row, code, more in rows],
                )

    def remove(self, ids: Ids) -> None:
        """Forget rows; ids that are not there are passed over."""
        ids = checked_ids(ids).tolist()
        for start in range(0, len(ids), _AT_ONCE):
            with failing(self._uri):
                self._client.delete(self._collection, ids=ids[start : start + _AT_ONCE])

    def rows(self, condition: str = "") -> Iterator[Dict[str, Any]]:
        """Yield ``{"id": …, and the fields}`` of every row that meets a condition of Milvus's."""
        with failing(self._uri):
            pages = self._client.query_iterator(
                self._collection,
                batch_size=_AT_ONCE,
                filter=condition,
                output_fields=["id", *self._fields],
            )
            try:
                while page := pages.next():
                    yield from page
            finally:
                pages.close()

    def codes(self, ids: Ids) -> np.ndarray:
        """The codes of rows, float32 ``[n, size]``.

        Raises:
            InputError: when one of the rows is not there.
        """
        ids = checked_ids(ids)
        codes = np.empty((len(ids), self._size), np.float32)
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE].tolist()
            with failing(self._uri):
                there = self._client.get(self._collection, part, output_fields=["code"])
            found = {row["id"]: row["code"] for row in there}
            if len(found) < len(set(part)):
                raise InputError(
                    f"rows of the collection {self._collection} of {self._uri} went while they "
                    "were read: try again."
                )
            codes[start : start + len(part)] = [found[row] for row in part]
        return codes

    def nearest(self, query: np.ndarray, k: int, condition: str = "") -> List[Dict[str, Any]]:
        """``{"id", "code", and the fields}`` of the ``k`` best rows that meet a condition, best
        first as Milvus sees it, with its ``score``.

        Args:
            query: float32 ``[size]``.
            k: ``MOST`` at most.
            condition: in Milvus's words.
        """
        (query,) = checked_queries(query[None], self._size)
        with failing(self._uri):
            (hits,) = self._client.search(
                self._collection,
                [query.tolist()],
                limit=k,
                filter=condition,
                output_fields=["code", *self._fields],
            )
        return [{"id": hit["id"], "score": hit["distance"], **hit["entity"]} for hit in hits]

    def search(self, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` best rows for each query, best first.

        Returns:
            (ids int64 ``[n, k]``, scores float32 ``[n, k]``); where fewer were found, -1 and
            minus infinity stand at the end.
        """
        queries = checked_queries(codes, self._size)
        k = max(0, min(k, len(self)))
        ids = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        if not k or not len(queries):
            return ids, scores
        with failing(self._uri):
            answers = self._client.search(self._collection, queries.tolist(), limit=k)
        for place, found in enumerate(answers):
            for rank, hit in enumerate(found):
                ids[place, rank], scores[place, rank] = hit["id"], hit["distance"]
        return ids, scores

    def close(self) -> None:
        """Let go of the file or the server."""
        self._client.close()
