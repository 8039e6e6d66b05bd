"""What stands before the page: limits on requests, and no file but those that are its own."""

import json
import os
import re

_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'self'; form-action 'self'"
)

_UPLOADS = ("/upload", "/gradio_api/upload")  # Gradio 4's and later ones'
_INTERFACE = re.compile("/api(/.*)?", re.DOTALL)
_DOWNLOAD = re.compile("/file[=/](.*)", re.DOTALL)  # below whatever prefix


class Guard:
    """An ASGI application around another.

    - A request's body may be only so large; a larger one is answered with status 413.
    - A body of JSON that names a file which is not below the folder of uploads, or an address to
      fetch one from, is answered with status 400. (Gradio copies what it is given a path of to
      where it can be downloaded; it looks where that lies only when it starts its own server.)
    - A download of such a file, or from such an address, is answered with status 403. (Gradio
      would hand out what its other pages have put aside in the working directory, would fetch or
      redirect to any address, and trusts the environment for where its uploads are.)
    - Browsers are told to load nothing from other servers.
    - What lies below ``/api`` is the interface's, which reads no file that a body names; where
      there is no interface, it is answered with status 404.

    Args:
        application: the ASGI application.
        folder: where uploads are put, and what the page itself shows.
        upload_bytes: the largest body of an upload.
        query_bytes: the largest body of any other request.
        interface: the ASGI application below ``/api``, to which pictures may be sent; or None.
    """

    def __init__(self, application, folder, upload_bytes, query_bytes=2**18, interface=None):
        self._application, self._interface = application, interface
        self._folder = os.path.realpath(folder)
        self._upload_bytes, self._query_bytes = upload_bytes, query_bytes

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._application(scope, receive, send)

        async def send_guarded(message):
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [
                        *message.get("headers", ()),
                        (b"content-security-policy", _POLICY.encode("ascii")),
                        (b"x-content-type-options", b"nosniff"),
                        (b"referrer-policy", b"no-referrer"),
                    ],
                }
            await send(message)

        download = _DOWNLOAD.search(scope["path"])
        if download and not self._is_inside(download.group(1)):
            return await _refuse(send_guarded, 403, "Only the page's own files are served.")
        application = self._application
        upload = scope["path"] in _UPLOADS
        if _INTERFACE.fullmatch(scope["path"]):
            if self._interface is None:
                return await _refuse(send_guarded, 404, "There is no such page.")
            application, upload = self._interface, True
        limit = self._upload_bytes if upload else self._query_bytes
        if _announced(scope) > limit:
            return await _refuse(send_guarded, 413, "This is too large.")
        if upload or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await _pass_on(application, scope, _Counted(receive, limit), send_guarded)
        body = await _read(receive, limit)
        if body is None:
            return await _refuse(send_guarded, 413, "This is too large.")
        if not self._accepts_files_of(body):
            return await _refuse(send_guarded, 400, "Only uploaded files are read.")
        return await application(scope, _replayed(body, receive), send_guarded)

    def _accepts_files_of(self, body):
        try:
            paths = list(_paths(json.loads(body))) if body.strip() else []
        except (ValueError, RecursionError):
            return False
        return all(path is None or self._is_inside(path) for path in paths)

    def _is_inside(self, path):
        if not isinstance(path, str) or "\0" in path or not os.path.isabs(path):
            return False
        try:
            return os.path.commonpath([self._folder, os.path.realpath(path)]) == self._folder
        except (OSError, ValueError):
            return False


async def _pass_on(application, scope, receive, send):
    """Let an application read a body that may turn out too large, or be broken off."""
    answered = False

    async def send_or_not(message):
        nonlocal answered
        if not receive.too_large or answered:
            answered = True
            await send(message)

    try:
        await application(scope, receive, send_or_not)
    except Exception:
        if not receive.broken_off:
            raise
    if receive.too_large and not answered:
        await _refuse(send, 413, "This is too large.")


def _announced(scope):
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(send, status, text):
    content = json.dumps({"detail": text, "error": text}).encode("ascii")
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"connection", b"close"),
                (b"content-length", str(len(content)).encode("ascii")),
            ],
        }
    )
    await send({"type": "http.response.body", "body": content})


class _Counted:
    """``receive`` that breaks off where more than ``limit`` bytes come.

    Attributes:
        too_large: whether more came.
        broken_off: whether the application was told that no more comes.
    """

    def __init__(self, receive, limit):
        self._receive, self._left = receive, limit
        self.too_large = self.broken_off = False

    async def __call__(self):
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self.too_large |= self._left < 0
        self.broken_off |= self.too_large or message["type"] == "http.disconnect"
        return {"type": "http.disconnect"} if self.too_large else message


async def _read(receive, limit):
    """A request's body, or None when it has more than ``limit`` bytes."""
    parts, count = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        count += len(parts[-1])
        if count > limit:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body, receive):
    """``receive`` that hands out a body that was read, then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return waiting.pop() if waiting else await receive()

    return receive_again


def _paths(value):
    """Every ``path`` in a value that was JSON."""
    if isinstance(value, dict):
        if "path" in value:
            yield value["path"]
        value = value.values()
    elif not isinstance(value, list):
        return
    for part in value:
        yield from _paths(part)
