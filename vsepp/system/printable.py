"""Text of other people's files and file names, as a terminal may show it."""


def printable(text: str) -> str:
    """The same on one line, with whatever would steer a terminal escaped.

    >>> printable("a\\nb\\x1b[2J é")
    'a\\\\nb\\\\x1b[2J é'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8: a file's name may hold any bytes."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
