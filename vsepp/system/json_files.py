"""Reading other people's JSON with one clear sentence when it cannot be used."""

from __future__ import annotations

import json
import os
from typing import Any

from vsepp.system.errors import InputError


def read_json(path: str | os.PathLike[str], mend: str) -> Any:
    """Read a UTF-8 JSON file, with or without a byte order mark.

    Args:
        path: the file.
        mend: what the user can do when it is missing or broken; ends the sentence.

    Raises:
        InputError: when the file is missing, is a folder or a pipe, or is not JSON.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # to open a pipe is to wait
            raise IsADirectoryError
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: {mend}.") from None
    except (IsADirectoryError, NotADirectoryError):
        raise InputError(f"{path} is not a file: {mend}.") from None
    # Not only JSONDecodeError: Python refuses a number of 5,000 digits with a ValueError.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): {mend}.") from None
