"""Writing safetensors files: whole or not at all, with the system's own errors."""

import os
import re

from safetensors import SafetensorError
from safetensors.numpy import save_file

from vsepp.files.atomic import atomic_path


def write_tensors(path, tensors, metadata):
    """Write ``{name: ndarray}`` and ``{name: text}`` to ``path`` atomically.

    Raises:
        OSError: naming ``path``, when it cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            save_file(tensors, str(temporary), metadata)
        except SafetensorError as error:  # the number of a refusal is in its text alone
            found = re.search(r"os error (\d+)", str(error))
            if not found:
                raise
            number = int(found[1])
            raise OSError(number, os.strerror(number), str(temporary)) from error
        if os.name != "nt":  # the library makes the file for its owner alone
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
