"""What a pickle may turn into, and the checks on it: values, arrays, size and depth."""

import numpy as np

#: a result nested deeper, or larger when written out, than any honest file's
MAX_DEPTH = 100
MAX_ITEMS = 20_000_000
#: bytes of array data that may be made for each byte of the file (shared storages)
MAX_GROWTH = 16

_SCALARS = (str, bytes, int, float, bool, type(None), np.generic)


class Refused(Exception):
    """The pickle holds what is not opened here; the message ends a sentence."""


class PlainObject:
    """Stands for an instance of an allowed class: its attributes and nothing else."""

    def __repr__(self):
        return f"PlainObject({self.__dict__!r})"


class NamedArray(np.ndarray):
    """A tensor that Paddle saved; ``name`` is what Paddle called it (None of what is cut from it).

    The state of an optimizer goes by these names, the state of a network by structured ones.
    """

    name = None


class DType:
    """A NumPy dtype on its way into an array."""

    def __init__(self, dtype):
        self.dtype = dtype


class Name:
    """A name that the file refers to, with the handler it stands for."""

    def __init__(self, module, name, handler):
        self.module, self.name, self.handler = module, name, handler


def check_key(key):
    """Only keys whose hash takes no time: nested tuples are a way to hang a reader."""
    parts = key if isinstance(key, tuple) else (key,)
    short = len(parts) <= MAX_DEPTH
    if not (short and all(isinstance(part, _SCALARS) for part in parts)):
        raise Refused("uses a container or an object as a dictionary's key")
    return key


def build(machine, target, state):
    """BUILD: give an object its state, in place."""
    if isinstance(target, np.ndarray):
        build_array(machine, target, state)
    elif isinstance(target, DType):
        order = state[1]
        if any(part is not None for part in state[2:5]) or order not in ("<", ">", "|", "="):
            raise Refused("holds an array of a structured type")
        target.dtype = target.dtype.newbyteorder(order)
    elif isinstance(target, PlainObject):
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        for part in parts:
            machine.spend(16 * len(part or ()))
            for key, value in (part or {}).items():
                if not isinstance(key, str):
                    raise Refused("is damaged (an attribute's name is not text)")
                target.__dict__[key] = value
    elif not (isinstance(target, dict) and isinstance(state, dict)):
        # An OrderedDict's own attributes (torch keeps _metadata there) are dropped.
        raise Refused("is damaged (it gives a state to what has none)")


def build_array(machine, array, state):
    """Fill ``array`` in place from NumPy's (version, shape, dtype, fortran, data)."""
    version, shape, dtype, fortran, data = state
    data, dtype = array_bytes(data), plain_dtype(dtype)
    if expected_bytes(shape, dtype) != len(data):
        raise Refused("is damaged (an array's size and data differ)")
    machine.spend(len(data))
    array.__setstate__((version, shape, dtype, bool(fortran), data))


def plain_dtype(value):
    if not isinstance(value, DType):
        raise Refused("is damaged (an array has no type)")
    return value.dtype


def array_bytes(data):
    """An array's bytes; Python 2 pickled them as text, read here as Latin-1."""
    if isinstance(data, str):
        return data.encode("latin1")
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    raise Refused("holds an array of objects")


def expected_bytes(shape, dtype):
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise Refused("is damaged (an array's shape)")
    count = 1
    for n in shape:
        count *= n
    return count * dtype.itemsize


def check_tree(root):
    """Refuse results that a reader would never get to the end of.

    Shared containers can make a short file unfold into 2**50 items, and containers
    can hold themselves. Walks without recursion; every container once.
    """
    sizes, depths, open_ids = {}, {}, set()
    waiting = [(root, None)]
    while waiting:
        value, children = waiting.pop()
        identity = id(value)
        if children is None:
            if identity in sizes:
                continue
            children = _children(value)
            if children is None:
                continue
            if identity in open_ids:
                raise Refused("holds a container that contains itself")
            open_ids.add(identity)
            waiting.append((value, children))
            for child in children:
                if id(child) in open_ids:
                    raise Refused("holds a container that contains itself")
                waiting.append((child, None))
            continue
        open_ids.discard(identity)
        sizes[identity] = 1 + sum(sizes.get(id(child), 1) for child in children)
        depths[identity] = 1 + max((depths.get(id(child), 0) for child in children), default=0)
        if sizes[identity] > MAX_ITEMS or depths[identity] > MAX_DEPTH:
            raise Refused("is nested or repeated beyond measure")


def _children(value):
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, PlainObject):
        return list(value.__dict__.values())
    if isinstance(value, (*_SCALARS, complex, bytearray, np.ndarray)):
        return None
    raise Refused("holds a name or a type where data belongs")
