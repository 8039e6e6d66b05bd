"""Paddle's own ImageNet weights of a backbone: in its cache, or its download."""

from __future__ import annotations

import os
import socket
import sys
from urllib.parse import urlsplit
from urllib.request import getproxies

from vsepp.models.backbones import find_backbone
from vsepp.system.errors import InputError

#: how long to wait for the server before a download is called impossible
CONNECT_SECONDS = 5


def pretrained_weights_path(name: str) -> str:
    """Path of Paddle's ImageNet weights for backbone ``name``, fetched if need be.

    They are Paddle's own download (checked against its md5) in
    ``~/.cache/paddle/hapi/weights``; a file that stands there already is used.

    Raises:
        InputError: when Paddle offers none for this network, or they are not there
            and cannot be fetched.
    """
    url, md5 = _pretrained_source(name)
    from paddle.utils import download

    file_name = url.rsplit("/", 1)[-1]
    folders = (os.path.expanduser("~/.cache/paddle/hapi/weights"), download.WEIGHTS_HOME)
    for folder in folders:
        path = os.path.join(folder, file_name)
        if os.path.isfile(path):
            return path
    try:
        _check_reachable(url)
        return download.get_weights_path_from_url(url, md5)
    except Exception as error:  # Paddle raises whatever its HTTP library does
        raise InputError(
            f"image_model {name}: its ImageNet weights could not be downloaded ({error}); "
            f"fetch {url} elsewhere and put it at {os.path.join(folders[-1], file_name)}, "
            "or set weights: FILE or pretrained: false."
        ) from error


def _pretrained_source(name: str) -> tuple[str, str]:
    """Return (URL, md5) of the ImageNet weights in Paddle's own tables."""
    find_backbone(name)
    from paddle.vision import models

    urls = sys.modules[getattr(models, name).__module__].model_urls
    aliases = (name, name.replace("net_v", "netv") + "_1.0", f"{name}_x1.0")
    for key in aliases:
        if key in urls:
            return urls[key]
    raise InputError(
        f"image_model {name}: Paddle offers no ImageNet weights for it; "
        "set weights: FILE, pretrained: false, or another image_model."
    )


def _check_reachable(url: str) -> None:
    """Raise OSError at once when offline, where Paddle would try again and again."""
    if getproxies():  # only the proxy may know the host
        return
    host = urlsplit(url).hostname
    try:
        socket.create_connection((host, 443), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise OSError(f"{host} is out of reach: {error.strerror or error}") from error
