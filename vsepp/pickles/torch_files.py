"""What ``torch.save`` writes, read into NumPy arrays without PyTorch.

Since 1.6 it is a zip: ``<name>/data.pkl`` refers to storages, each an uncompressed file
``<name>/data/<key>``. Before, pickles stood one after the other (a magic number, the
protocol, facts about the machine, the object, the keys of its storages), followed by
each storage as its length in items and its bytes.

A TorchScript archive is the zip with code beside it; the objects that its ``data.pkl`` names
below ``__torch__`` are modules, of which the attributes are read.
"""

import sys
import zipfile
from pathlib import PurePosixPath

import numpy as np

from vsepp.pickles.machine import Bytes, Machine
from vsepp.pickles.values import Refused
from vsepp.system.tensor_files import from_bfloat16

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_BFLOAT16 = "bfloat16"

_STORAGE_TYPES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2",
    "BFloat16Storage": _BFLOAT16, "LongStorage": "i8", "IntStorage": "i4",
    "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
    "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
}  # fmt: skip


class _StorageType:
    def __init__(self, code):
        self.code = code
        self.item = np.dtype("u2" if code == _BFLOAT16 else code)


class _Storage:
    """Numbers in a row, of which tensors are views; ``items`` is None when not read."""

    def __init__(self, kind, items):
        self.kind, self.items = kind, items


def _tensor(machine, args):
    """``_rebuild_tensor(_v2)(storage, offset, size, stride, …)`` as an array."""
    storage, offset, size, stride = args[:4]
    if not isinstance(storage, _Storage):
        raise Refused("is damaged (a tensor without a storage)")
    size, stride = _sizes(size), _sizes(stride)
    numbers = (offset, *size, *stride)
    if len(size) != len(stride) or not all(type(n) is int and n >= 0 for n in numbers):
        raise Refused("is damaged (a tensor's shape)")
    if storage.items is None:
        return np.empty(0, dtype=np.float32)
    count, last = 1, offset
    for n, step in zip(size, stride):
        count *= n
        last += (n - 1) * step
    if count and (last >= len(storage.items) or count > len(storage.items)):
        raise Refused("is damaged (a tensor reaches beyond its storage)")
    items = storage.items[offset:] if count else storage.items[:0]
    if not count:
        return np.empty(size, dtype=_result_type(storage.kind))
    strides = tuple(step * items.itemsize for step in stride)
    view = np.lib.stride_tricks.as_strided(items, size, strides, writeable=False)
    if storage.kind.code in (_BFLOAT16, "f2"):
        machine.spend(4 * count)
        if storage.kind.code == "f2":
            return view.astype(np.float32)
        return from_bfloat16(view)
    if not view.flags.c_contiguous:
        machine.spend(view.nbytes)
        view = np.ascontiguousarray(view)
    return view.reshape(size)


def _result_type(kind):
    return np.float32 if kind.code in (_BFLOAT16, "f2") else kind.item


def _parameter(machine, args):
    if not isinstance(args[0], np.ndarray):
        raise Refused("is damaged (a parameter)")
    return args[0]


def _sizes(numbers):
    if len(numbers) > 64:
        raise Refused("is damaged (a tensor's shape)")
    return tuple(numbers)


def _list(machine, args):
    if len(args) != 1 or not isinstance(args[0], (list, tuple)):
        raise Refused("is damaged (a list)")
    machine.spend(16 * len(args[0]))
    return list(args[0])


_HANDLERS = {
    **{
        ("torch.jit._pickle", f"build_{kind}list"): _list
        for kind in ("int", "double", "bool", "tensor")
    },
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): lambda machine, args: _sizes(args[0]),
    ("torch", "device"): lambda machine, args: str(args[0]) if args else "",
    **{("torch", name): _StorageType(code) for name, code in _STORAGE_TYPES.items()},
}


def _storage_parts(identifier):
    """(type, key, number of items, view) of a persistent id."""
    kind = identifier[1].handler if identifier[0] == "storage" else None
    if not isinstance(kind, _StorageType):
        raise Refused(f"refers to a {identifier[0]} that is not opened here")
    key, count = str(identifier[2]), identifier[4]
    if type(count) is not int or count < 0:
        raise Refused("is damaged (a storage's size)")
    return kind, key, count, identifier[5] if len(identifier) > 5 else None


def read_zip(file, size, handlers, classes, modules=False):
    """Read the zip format from an open ``file`` of ``size`` bytes; see ``read_pickle``."""
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        inside = [name for name in entries if PurePosixPath(name).name == "data.pkl"]
        if len(inside) != 1:
            raise Refused("is a zip, but not one that torch.save wrote")
        root = inside[0][: -len("data.pkl")]
        code = f"{root}code/"  # is compressed, and never read
        if sum(info.file_size for name, info in entries.items() if code not in name) > size:
            raise Refused("is damaged, or compressed as torch.save never does")
        big = f"{root}byteorder" in entries and archive.read(f"{root}byteorder") == b"big"
        storages = {}

        def persistent(identifier):
            kind, key, count, _ = _storage_parts(identifier)
            if key not in storages:
                info = entries.get(f"{root}data/{key}")
                if info is None or info.file_size != count * kind.item.itemsize:
                    raise Refused(f"is damaged (storage {key} is missing or of the wrong size)")
                storages[key] = _numbers(kind, archive.read(info), big)
            return _same_type(storages[key], kind)

        with archive.open(inside[0]) as pickle:
            stream = Bytes(pickle, entries[inside[0]].file_size)
            machine = Machine(stream, {**handlers, **_HANDLERS}, classes, persistent, modules)
            machine.budget += size
            return machine.load()


def _numbers(kind, data, big):
    order = ">" if big else "<"
    items = np.frombuffer(data, dtype=kind.item.newbyteorder(order))
    if big != (sys.byteorder == "big"):
        items = items.astype(kind.item)
    return _Storage(kind, items)


def _same_type(storage, kind):
    if storage.kind.code != kind.code:
        raise Refused("is damaged (a storage of two types)")
    return storage


def is_legacy(value):
    """Whether the first pickle of a file is the old format's magic number."""
    return type(value) is int and value == _MAGIC


def read_legacy(machine):
    """Read the old format; ``machine`` has read the magic number.

    The storages stand behind the object that refers to them, so it is read twice.
    """
    stream = machine.stream
    if machine.load() != _PROTOCOL:
        raise Refused("is of a torch.save format that is not known here")
    big = machine.load().get("little_endian") is False
    machine.handlers = {**machine.handlers, **_HANDLERS}
    start = stream.position
    wanted = {}

    def first(identifier):
        kind, key, count, _ = _storage_parts(identifier)
        wanted[key] = (kind, count)
        return _Storage(kind, None)

    machine.persistent = first
    machine.load()
    storages = {}
    for key in map(str, machine.load()):
        if key not in wanted or key in storages:
            raise Refused(f"is damaged (storage {key})")
        kind, count = wanted[key]
        if int.from_bytes(stream.read(8), "big" if big else "little") != count:
            raise Refused(f"is damaged (the size of storage {key})")
        storages[key] = _numbers(kind, stream.read(count * kind.item.itemsize), big)

    def second(identifier):
        kind, key, count, view = _storage_parts(identifier)
        storage = _same_type(storages[key], kind)
        if view is None:
            return storage
        _, offset, length = view
        if not 0 <= offset <= offset + length <= count:
            raise Refused(f"is damaged (a view of storage {key})")
        return _Storage(kind, storage.items[offset : offset + length])

    machine.persistent = second
    stream.seek(start)
    return machine.load()
