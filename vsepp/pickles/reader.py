"""The one reader of other people's pickles. No pickle is executed, ever.

It opens what ``paddle.save`` writes (``.pdparams``, ``.pdopt``, the tutorial's
``.ckpt``), PyTorch's files (``.pth``, ``.tar``; both formats) and pickles of plain
containers, from Python 2 too, such as vocabularies. What comes back is dictionaries,
lists, tuples, sets, numbers, text, bytes and NumPy arrays. A class of the file's own is
refused by its name, unless the caller allows it; it then becomes a ``PlainObject``.
"""

import re
from pathlib import Path

import numpy as np

from vsepp.pickles.machine import Bytes, Machine
from vsepp.pickles.values import (
    DType,
    NamedArray,
    PlainObject,
    Refused,
    array_bytes,
    check_key,
    expected_bytes,
    plain_dtype,
)
from vsepp.system.errors import InputError

__all__ = ["NamedArray", "PlainObject", "read_pickle"]

_PLAIN_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c(8|16)|[SU][0-9]{1,6})")
_NAME_TABLE = "StructuredToParameterName@@"
_SLICED = "UnpackBigParamInfor@@"


def read_pickle(path, classes=None, names=False, modules=False):
    """Read a pickle without running anything from it.

    Args:
        path: a pickle, or a file that ``paddle.save`` or ``torch.save`` wrote.
        classes: classes whose instances may stand in the file, as
            ``{("vocab", "Vocabulary"): PlainObject}``: (module, name) → what makes an
            empty stand-in, which receives the attributes.
        names: hand out Paddle's tensors as :class:`NamedArray`.
        modules: the file may be a TorchScript archive, whose modules become ``PlainObject``; the
            code beside them is not looked at.

    Returns:
        plain containers and NumPy arrays (which may be read-only). Tensors are arrays;
        float16 and bfloat16 tensors of torch become float32. OrderedDict and
        defaultdict are ``dict``. Paddle's own bookkeeping keys are taken out.

    Raises:
        InputError: when the file is not there, is damaged, or holds anything else,
            such as the name of an unknown class or function.
    """
    from vsepp.pickles import torch_files

    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start == b"PK\x03\x04":
                value = torch_files.read_zip(file, size, HANDLERS, classes, modules)
            else:
                handlers = {**HANDLERS, **_NAMED_TUPLES} if names else HANDLERS
                machine = Machine(Bytes(file, size), handlers, classes)
                value = machine.load()
                if torch_files.is_legacy(value):
                    value = torch_files.read_legacy(machine)
            return _without_bookkeeping(value, names)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); check the path."
        ) from error
    except Refused as error:
        raise InputError(
            f"{path}: {_one_line(error)}; nothing from it was run; "
            "use a file that holds weights or a vocabulary only."
        ) from error
    except Exception as error:  # whatever damage does to the interpreter is the file's fault
        raise InputError(
            f"{path}: damaged, or no pickle at all ({_one_line(error)}); fetch it again."
        ) from error


def _one_line(error):
    """The message, whatever names from the file stand in it."""
    text = " ".join(str(error).split())[:300]
    return "".join(c if c.isprintable() else "?" for c in text) or type(error).__name__


def _without_bookkeeping(value, names):
    """Join the parameters that Paddle cut in pieces; drop its table of names, or apply it."""
    if not isinstance(value, dict):
        return value
    for state in (value, *(child for child in value.values() if isinstance(child, dict))):
        table = state.pop(_NAME_TABLE, {})
        for key, info in state.pop(_SLICED, {}).items():
            pieces = [state.pop(piece) for piece in info["slices"]]
            state[key] = np.concatenate(pieces).reshape(info["OriginShape"])
        if names:
            for key in set(table) & set(state):
                if isinstance(state[key], np.ndarray):
                    state[key] = _named(table[key], state[key])
    return value


def _named(name, array):
    named = array.view(NamedArray)
    named.name = name
    return named


def _dtype(machine, args):
    code = args[0] if args else None
    if not isinstance(code, str) or not _PLAIN_DTYPE.fullmatch(code):
        raise Refused(f"holds an array of type {code!r}, where numbers or text are read")
    return DType(np.dtype(code))


def _new_array(machine, args):
    return np.empty(0, dtype=np.uint8)  # BUILD fills it


def _array_from_buffer(machine, args):  # protocol 5
    data, dtype, shape, order = args
    dtype = plain_dtype(dtype)
    if expected_bytes(shape, dtype) != len(data) or order not in ("C", "F"):
        raise Refused("is damaged (an array's size and data differ)")
    return np.frombuffer(array_bytes(data), dtype=dtype).reshape(shape, order=order)


def _scalar(machine, args):
    dtype, data = plain_dtype(args[0]), array_bytes(args[1])
    if len(data) != dtype.itemsize:
        raise Refused("is damaged (a number's size)")
    return np.frombuffer(data, dtype=dtype)[0]


def _encode(machine, args):
    """How Python 3 writes bytes in protocol 2: text, to be encoded as Latin-1."""
    text, encoding = args
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise Refused("is damaged (bytes)")
    machine.spend(len(text))
    return text.encode("latin1")


def _items(machine, args):
    """The one optional argument of a container: a container."""
    if not args:
        return ()
    if len(args) != 1 or not isinstance(args[0], (list, tuple, set, frozenset, dict)):
        raise Refused("is damaged (what a container is made of)")
    machine.spend(16 * len(args[0]))
    return args[0]


def _tuple(machine, args):
    """A tuple. ``paddle.save`` writes a tensor as ``tuple((name, array))``."""
    items = tuple(_items(machine, args))
    if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], np.ndarray):
        return items[1]
    return items


def _named_tuple(machine, args):
    items = tuple(_items(machine, args))
    array = _tuple(machine, args)
    return _named(items[0], array) if isinstance(array, np.ndarray) else array


def _dict(machine, args):
    items = _items(machine, args)
    pairs = items.items() if isinstance(items, dict) else items
    return {check_key(key): value for key, value in pairs}


def _set(machine, args):
    return {check_key(item) for item in _items(machine, args)}


def _bytes(machine, args):
    if not args:
        return b""
    if len(args) == 1 and isinstance(args[0], (bytes, bytearray)):
        machine.spend(len(args[0]))
        return bytes(args[0])
    raise Refused("is damaged (bytes)")


def _old_object(machine, args):
    """``copy_reg._reconstructor(cls, object, None)``: instances in protocols 0 and 1."""
    cls, base, state = args
    if state is not None:
        raise Refused("is damaged (an object's base)")
    return machine.instance(cls)


def _number(make):
    def handler(machine, args):
        if not all(isinstance(part, (int, float)) for part in args):
            raise Refused("is damaged (a number)")
        return make(*args)

    return handler


def _both(modules, names):
    return {(module, name): handler for module in modules for name, handler in names.items()}


#: Every name a file may refer to, beside torch's and what the caller allows.
HANDLERS = {
    **_both(
        ("builtins", "__builtin__"),
        {
            "tuple": _tuple,
            "list": lambda machine, args: list(_items(machine, args)),
            "dict": _dict,
            "set": _set,
            "frozenset": lambda machine, args: frozenset(_set(machine, args)),
            "bytes": _bytes,
            "bytearray": _bytes,
            "complex": _number(complex),
            # only mentioned: the base of an old object, and what a defaultdict makes
            **dict.fromkeys(("object", "bool", "int", "long", "float", "str", "unicode")),
        },
    ),
    ("collections", "OrderedDict"): _dict,
    ("collections", "Counter"): _dict,
    ("collections", "defaultdict"): lambda machine, args: _dict(machine, args[1:]),
    ("_codecs", "encode"): _encode,
    **_both(("copy_reg", "copyreg"), {"_reconstructor": _old_object}),
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): None,
    **_both(
        ("numpy.core.multiarray", "numpy._core.multiarray"),
        {"_reconstruct": _new_array, "scalar": _scalar},
    ),
    **_both(("numpy.core.numeric", "numpy._core.numeric"), {"_frombuffer": _array_from_buffer}),
}

#: in place of those above where Paddle's names for its tensors are wanted
_NAMED_TUPLES = _both(("builtins", "__builtin__"), {"tuple": _named_tuple})
