"""What one field of a table holds, as programs write it."""

from __future__ import annotations

import ast
import json
import re
from typing import Optional

_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


def unquoted(field: str) -> str:
    """A field without the quotation marks that spreadsheets put around it.

    Between tabs there is no quoting, but spreadsheets add it; a lone quote is just a quote.
    """
    inner = field[1:-1].replace('""', "")
    if len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner:
        return field[1:-1].replace('""', '"')
    return field


def listed(field: str) -> Optional[list[str]]:
    """Captions of a field that holds a list of them; None where it is something else.

    It may be written as JSON has it, or as pandas writes lists of Python and arrays of NumPy.

    >>> listed('["a dog", "a cat"]'), listed("['a dog' 'a cat']"), listed("[sic] a dog")
    (['a dog', 'a cat'], ['a dog', 'a cat'], None)
    """
    field = field.strip()
    if not (field.startswith("[") and field.endswith("]")):
        return None
    try:
        texts = json.loads(field)
        return texts if all(isinstance(text, str) for text in texts) else None
    except (ValueError, RecursionError):
        pass
    inner = field[1:-1]
    if _LITERAL.sub("", inner).replace(",", "").strip():
        return None
    try:
        return [ast.literal_eval(literal) for literal in _LITERAL.findall(inner)]
    except (ValueError, SyntaxError):
        return None
