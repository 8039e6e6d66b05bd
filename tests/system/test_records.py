"""The first field of a record that is not as it must be."""

import pytest

from vsepp.system.records import wrong_field

TYPES = {"id": int, "name": str}


@pytest.mark.parametrize(
    "record, wrong",
    [
        ({"id": 1, "name": "a"}, None),
        ({"id": 1, "name": "a", "more": None}, None),
        ({"id": 1}, "name"),
        ({"id": True, "name": "a"}, "id"),
        ({"id": 1.0, "name": "a"}, "id"),
        ({"id": 1, "name": None}, "name"),
        ([], "id"),
        (None, "id"),
        ("id name", "id"),
    ],
)
def test_the_first_wrong_field_is_named(record, wrong):
    assert wrong_field(record, TYPES) == wrong
