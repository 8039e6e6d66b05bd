"""A pickle interpreter that can build data and nothing else.

It walks the opcodes itself. A name in the file (``GLOBAL``) is looked up in the table
of handlers it was given, and only these handlers are ever called; no module is
imported, no attribute is looked up, no class of the file's choosing is made. A size in
the file is believed only as far as the file has bytes for it.
"""

import codecs
import pickletools  # names of opcodes, which run nothing  # nosec B403

from vsepp.pickles.values import (
    MAX_GROWTH,
    Name,
    PlainObject,
    Refused,
    build,
    check_key,
    check_tree,
)

_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_MARK = object()

_PUSHED = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING "
    "BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE "
    "BINUNICODE8".split()
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class Bytes:
    """A binary file with the reads that opcodes need, none beyond what it holds."""

    def __init__(self, file, size):
        self.file, self.size, self.position = file, size, 0

    def read(self, count):
        if count < 0 or count > self.size - self.position:
            raise Refused("is truncated")
        self.position += count
        return self.file.read(count)

    def readline(self):
        line = self.file.readline()
        self.position += len(line)
        return line

    def seek(self, position):
        self.file.seek(position)
        self.position = position


class Machine:
    """Reads pickles from one file.

    Args:
        stream: a ``Bytes``.
        handlers: (module, name) → function(machine, args) → value, for ``REDUCE``;
            None for a name that may only be mentioned.
        classes: (module, name) → what makes an empty stand-in for an instance.
        persistent: function(persistent id) → value; without it they are refused.
        modules: take instances of what a TorchScript archive calls ``__torch__``, whatever their
            class, as :class:`PlainObject`.
    """

    def __init__(self, stream, handlers, classes=None, persistent=None, modules=False):
        self.stream = stream
        self.handlers = handlers
        self.classes = dict(classes or {})
        self.modules = modules
        self.persistent = persistent
        self.budget = MAX_GROWTH * stream.size + 2**20

    def spend(self, count):
        """Account for ``count`` bytes about to be allocated."""
        self.budget -= count
        if self.budget < 0:
            raise Refused("unpacks to far more data than it holds")

    def load(self):
        """Read one pickle, up to its STOP."""
        self.stack, self.memo = [], {}
        while True:
            opcode = _OPCODES.get(self.stream.read(1)[0])
            if opcode is None:
                raise Refused("is not a pickle")
            name = opcode.name
            if name in _READERS:
                argument = _READERS[name](self.stream)
            elif opcode.arg is not None:
                argument = opcode.arg.reader(self.stream)
            else:
                argument = None
            if name == "STOP":
                result = self.stack.pop()
                check_tree(result)
                return result
            if name in _PUSHED:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            else:
                step = _STEPS.get(name)
                if step is None:
                    raise Refused(f"uses the pickle opcode {name}, which is not opened here")
                step(self, argument)

    def name(self, module, name):
        if not (isinstance(module, str) and isinstance(name, str)):
            raise Refused("is damaged (a name is not text)")
        key = (module, name)
        if self.stand_in(*key):
            return Name(module, name, None)
        if key not in self.handlers:
            raise Refused(
                f"asks for {module}.{name}, and nothing is opened here but arrays and plain "
                "containers"
            )
        return Name(module, name, self.handlers[key])

    def stand_in(self, module, name):
        """What makes an empty stand-in for an instance of a class, or None where none is taken."""
        if self.modules and module.split(".")[0] == "__torch__":
            return PlainObject
        return self.classes.get((module, name))

    def call(self, function, args):
        if not isinstance(function, Name) or not isinstance(args, tuple):
            raise Refused("is damaged (it calls what is no function)")
        if self.stand_in(function.module, function.name):
            return self.instance(function, args)
        if function.handler is None:
            raise Refused(f"calls {function.module}.{function.name}, which is not opened here")
        return function.handler(self, args)

    def instance(self, cls, args=()):
        make = self.stand_in(cls.module, cls.name) if isinstance(cls, Name) else None
        if make is None:
            return self.call(cls, args)
        if args:
            raise Refused(f"gives {cls.module}.{cls.name} arguments, which is not opened here")
        return make()

    def pop_mark(self):
        """The items above the topmost mark, taken off with it."""
        stack = self.stack
        for i in range(len(stack) - 1, -1, -1):
            if stack[i] is _MARK:
                items = stack[i + 1 :]
                del stack[i:]
                return items
        raise Refused("is damaged (a mark is missing)")


def _line(stream):
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise Refused("is truncated")
    return line[:-1]


def _quoted(stream):
    """The argument of STRING: a Python 2 repr, whose bytes are read as Latin-1."""
    text = _line(stream).strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in b"'\"":
        raise Refused("is damaged (a string is not closed)")
    return codecs.escape_decode(text[1:-1])[0].decode("latin1")


#: pickletools reads these otherwise: as ASCII, and with escapes where there are none
_READERS = {
    "STRING": _quoted,
    "GLOBAL": lambda stream: (_line(stream).decode(), _line(stream).decode()),
    "INST": lambda stream: (_line(stream).decode(), _line(stream).decode()),
    "PERSID": lambda stream: _line(stream).decode(),
}


def _pop_many(machine, count):
    items = machine.stack[-count:]
    if len(items) < count or any(item is _MARK for item in items):
        raise Refused("is damaged (values are missing)")
    del machine.stack[-count:]
    return items


def _top(machine, kind):
    if not machine.stack or not isinstance(machine.stack[-1], kind):
        raise Refused("is damaged (a container is missing)")
    return machine.stack[-1]


def _set_items(machine, items):
    target = _top(machine, dict)
    if len(items) % 2:
        raise Refused("is damaged (a dictionary's value is missing)")
    for key, value in zip(items[::2], items[1::2]):
        target[check_key(key)] = value


def _append(machine, items):
    _top(machine, list).extend(items)


def _add(machine, items):
    _top(machine, set).update(check_key(item) for item in items)


def _dictionary(machine, items):
    machine.stack.append({})
    _set_items(machine, items)


def _instance(machine, cls, args):
    machine.stack.append(machine.instance(cls, tuple(args)))


def _put(machine, key):
    machine.memo[key] = _top(machine, object)


def _get(machine, key):
    machine.stack.append(machine.memo[key])


def _build(machine, state):
    build(machine, _top(machine, object), state)


def _persistent(machine, identifier):
    if machine.persistent is None:
        raise Refused("refers to data outside the file")
    machine.stack.append(machine.persistent(identifier))


def _push(make):
    """A step that pops ``make``'s parameters after the machine and pushes its value."""
    count = make.__code__.co_argcount - 1

    def step(machine, argument):
        items = _pop_many(machine, count) if count else []
        machine.stack.append(make(machine, *items))

    return step


_STEPS = {
    "PROTO": lambda m, a: None,
    "FRAME": lambda m, a: None,
    "MARK": lambda m, a: m.stack.append(_MARK),
    "POP": lambda m, a: m.stack.pop(),
    "POP_MARK": lambda m, a: m.pop_mark(),
    "DUP": lambda m, a: m.stack.append(_top(m, object)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": lambda m, a: _put(m, len(m.memo)),
    "EMPTY_LIST": _push(lambda m: []),
    "EMPTY_DICT": _push(lambda m: {}),
    "EMPTY_SET": _push(lambda m: set()),
    "EMPTY_TUPLE": _push(lambda m: ()),
    "TUPLE1": _push(lambda m, a: (a,)),
    "TUPLE2": _push(lambda m, a, b: (a, b)),
    "TUPLE3": _push(lambda m, a, b, c: (a, b, c)),
    "TUPLE": lambda m, a: m.stack.append(tuple(m.pop_mark())),
    "LIST": lambda m, a: m.stack.append(m.pop_mark()),
    "DICT": lambda m, a: _dictionary(m, m.pop_mark()),
    "FROZENSET": lambda m, a: m.stack.append(frozenset(map(check_key, m.pop_mark()))),
    "APPEND": lambda m, a: _append(m, _pop_many(m, 1)),
    "APPENDS": lambda m, a: _append(m, m.pop_mark()),
    "SETITEM": lambda m, a: _set_items(m, _pop_many(m, 2)),
    "SETITEMS": lambda m, a: _set_items(m, m.pop_mark()),
    "ADDITEMS": lambda m, a: _add(m, m.pop_mark()),
    "GLOBAL": lambda m, a: m.stack.append(m.name(*a)),
    "STACK_GLOBAL": _push(lambda m, module, name: m.name(module, name)),
    "REDUCE": _push(lambda m, function, args: m.call(function, args)),
    "NEWOBJ": _push(lambda m, cls, args: m.instance(cls, args)),
    "INST": lambda m, a: _instance(m, m.name(*a), m.pop_mark()),
    "OBJ": lambda m, a: (lambda items: _instance(m, items[0], items[1:]))(m.pop_mark()),
    "BUILD": lambda m, a: _build(m, _pop_many(m, 1)[0]),
    "PERSID": lambda m, a: _persistent(m, a),
    "BINPERSID": lambda m, a: _persistent(m, _pop_many(m, 1)[0]),
}
