"""Search in a Milvus collection: an embedded file by default, a server by its address."""

from __future__ import annotations

from typing import Any

import numpy as np

from vsepp.index.exact import Ids, check_new, checked_ids, checked_queries, checked_rows
from vsepp.system.errors import InputError

_AT_ONCE = 1_000  # rows in one message


class MilvusIndex:
    """Rows with ids in a collection, searched by their dot product.

    Args:
        uri: a file whose name ends in ``.db`` (Milvus Lite, in this process), or a server's
            address such as ``http://localhost:19530``.
        size: numbers per code; the collection is made when it is missing.
        collection: its name.
        measure: ``cosine``.
        token: what the server asks for, ``user:password`` or a key.

    Raises:
        InputError: when pymilvus is not installed, the server does not answer, or the
            collection holds codes of another size.
    """

    def __init__(
        self,
        uri: str,
        size: int,
        collection: str = "vsepp",
        measure: str = "cosine",
        token: str = "",
    ) -> None:  # for servers that ask for none  # nosec B107
        if measure != "cosine":
            raise InputError(
                f"Milvus knows the measure cosine alone here, not {measure!r}: search exactly."
            )
        try:
            import pymilvus
        except ImportError:
            raise InputError(
                "Milvus needs pymilvus: run `pip install pymilvus milvus-lite`."
            ) from None
        self._size, self._collection = size, collection
        try:
            self._client = pymilvus.MilvusClient(uri, token=token)
            if not self._client.has_collection(collection):
                self._create(pymilvus.DataType)
            self._client.load_collection(collection)
            found = self._stored_size()
        except pymilvus.MilvusException as error:
            raise InputError(
                f"{uri} does not answer as a Milvus ({error.message}): check the address."
            ) from None
        if found != size:
            raise InputError(
                f"the collection {collection} of {uri} holds codes of {found} "
                f"numbers, not {size}: choose another collection."
            )

    def _create(self, types: Any) -> None:
        schema = self._client.create_schema(auto_id=False)
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("code", types.FLOAT_VECTOR, dim=self._size)
        parameters = self._client.prepare_index_params()
        parameters.add_index("code", index_type="FLAT", metric_type="IP")
        self._client.create_collection(
            self._collection, schema=schema, index_params=parameters, consistency_level="Strong"
        )

    def _stored_size(self) -> int | None:
        fields = self._client.describe_collection(self._collection)["fields"]
        return next(
            (int(field["params"]["dim"]) for field in fields if field["name"] == "code"), None
        )

    def __len__(self) -> int:
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
            part = ids[start : start + _AT_ONCE].tolist()
            check_new(
                ids,
                [
                    np.array(
                        [row["id"] for row in self._client.get(self._collection, part)], np.int64
                    )
                ],
            )
        for start in range(0, len(ids), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            rows = zip(ids[part].tolist(), np.asarray(codes[part], np.float32).tolist())
            self._client.insert(self._collection, [{"id": row, "code": code} for row, code in rows])

    def remove(self, ids: Ids) -> None:
        """Forget rows; ids that are not there are passed over."""
        ids = checked_ids(ids).tolist()
        for start in range(0, len(ids), _AT_ONCE):
            self._client.delete(self._collection, ids=ids[start : start + _AT_ONCE])

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
        for place, found in enumerate(
            self._client.search(self._collection, queries.tolist(), limit=k)
        ):
            for rank, hit in enumerate(found):
                ids[place, rank], scores[place, rank] = hit["id"], hit["distance"]
        return ids, scores

    def close(self) -> None:
        """Let go of the file or the server."""
        self._client.close()
