"""Damaging valid files, as chance decides: their bytes, or values inside a JSON document."""

import copy
import json
import pickle
from argparse import Namespace

import numpy as np

_ODD_BYTES = (
    b"\x00",
    b"\xff",
    b"\x80",
    b"\n",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"../",
    b"\\",
    b"%s",
    b"\xed\xa0\x80",
    b"9" * 30,
    b"[" * 300,
    b"-1",
)
_ODD_VALUES = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**70),
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "a",
    "\0",
    "../../x",
    "/etc/passwd",
    "\ud800",
    "é" * 3,
    "<unk>",
    "a" * 5000,
    [],
    [[]],
    {},
    {"": {}},
    [None],
    ["a", 1],
    {"a": [1, {"b": None}]},
)


def damage(data, chance):
    """Bytes with one to four damages."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        place = chance.randrange(len(data) + 1)
        length = chance.choice((1, 2, 8, 40, max(1, len(data) // 4)))
        kind = chance.randrange(7)
        if kind == 0 and data:
            data[place % len(data)] ^= 1 << chance.randrange(8)
        elif kind == 1 and data:
            data[place % len(data)] = chance.randrange(256)
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = data[place : place + length]
        elif kind == 4:
            odd = chance.choice(_ODD_BYTES)
            data[place : place + chance.choice((0, len(odd)))] = odd
        elif kind == 5:
            del data[place:]
        else:
            other = chance.randrange(len(data) + 1)
            data[place : place + length] = data[other : other + length]
    return bytes(data)


def _places(value, found, above=()):
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found.append((*above, key))
        _places(inner, found, (*above, key))
    return found


_ODD_ARRAYS = (
    np.zeros(0, np.float32),
    np.full((2, 3), np.nan, np.float32),
    np.zeros((2, 3, 4)),
    np.array(["a"]),
    np.array(7),
    np.zeros((6, 2), np.int64),
)


def change(document, chance, odd=_ODD_VALUES):
    """A copy of what JSON holds in which one to three values are others, gone, or new."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = _places(document, [])
        if not places or chance.random() < 0.02:
            return copy.deepcopy(chance.choice(odd))
        *way, key = chance.choice(places)
        holder = document
        for step in way:
            holder = holder[step]
        kind = chance.randrange(5)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[chance.choice(("", "x", "filename", "<pad>", "\ud800"))] = holder.pop(key)
        elif kind == 2 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(chance.choice(odd))
    return document


def damage_json(data, chance):
    """The bytes of a JSON document: damaged, or written with other values."""
    if chance.random() < 0.3:
        return damage(data, chance)
    return json.dumps(change(json.loads(data), chance)).encode()


def damage_pickled(data, chance):
    """A pickle of dictionaries, lists and arrays with other values; ``opt`` is a Namespace."""
    document = pickle.loads(data)
    document["opt"] = vars(document["opt"]) if "opt" in document else {}
    document = change(document, chance, _ODD_VALUES + _ODD_ARRAYS)
    if isinstance(document, dict) and isinstance(document.get("opt"), dict):
        options = document["opt"].items()
        document["opt"] = Namespace(
            **{key: value for key, value in options if isinstance(key, str)}
        )
    return pickle.dumps(document, 2)


def _resized(data, key, value):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    inner = json.loads(header["__metadata__"]["vsepp"])
    inner["config"][key] = value
    header["__metadata__"]["vsepp"] = json.dumps(inner)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def damage_safetensors(data, chance):
    """The bytes of one of our checkpoints: damaged, or with other values in its header."""
    if chance.random() < 0.3:
        return damage(data, chance)
    if chance.random() < 0.1:  # sizes that are allowed, and not those of the weights
        key = chance.choice((b"embed_size", b"word_dim", b"num_layers"))
        return _resized(data, key.decode(), chance.choice((1, 5, 7, 100, 60_000)))
    return _other_header(data, chance, "vsepp")


def damage_codes(data, chance):
    """The bytes of stored codes: damaged, or with other values in their header."""
    return (
        damage(data, chance)
        if chance.random() < 0.3
        else _other_header(data, chance, "vsepp_codes")
    )


def _other_header(data, chance, key):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if chance.random() < 0.75:
        inner = change(json.loads(header["__metadata__"][key]), chance)
        header["__metadata__"][key] = json.dumps(inner)
    else:
        header = change(header, chance)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]
