"""Text of other people's files and file names, as a terminal may show it."""


def printable(text: str) -> str:
    """The same on one line, with whatever would steer a terminal escaped.

    >>> printable("a\\nb\\x1b[2J é")
    'a\\\\nb\\\\x1b[2J é'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
