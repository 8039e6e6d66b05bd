"""Numbers of things in sentences."""


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "blank line"), counted(1200, "photograph")
    ('1 blank line', '1,200 photographs')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
