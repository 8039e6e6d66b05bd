"""Serving the page until Ctrl-C or SIGTERM, with nothing sent to anybody else."""

import errno
import logging
import os
import shutil
import socket
import sys
import tempfile
import warnings
from contextlib import asynccontextmanager, contextmanager

from vsepp.demo.limits import MAX_BYTES
from vsepp.system.errors import InputError
from vsepp.system.signals import held_back

_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_MCP_SERVER": "False",
    # By itself Gradio makes a table of all queries so far after each of them.
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**9),
}
# Gradio 4, the last that runs on Python 3.9, goes with neither of their newest
_OLD = ' "huggingface-hub<1" "pydantic<2.11"' if sys.version_info < (3, 10) else ""
_INSTALL = f"pip install gradio{_OLD}"
_GRACE = 0.2  # seconds that open connections may take at the end


@contextmanager
def private_folder():
    """A folder for Gradio's files that is deleted at the end.

    To be entered before Gradio is imported: it reads where its files go, and whether it reports
    its use, from the environment. Other temporary files go there too: of an upload that is
    broken off, Gradio leaves one.
    """
    folder = os.path.realpath(tempfile.mkdtemp(prefix="vsepp_demo_"))
    os.environ.update(_QUIET, GRADIO_TEMP_DIR=folder)
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        with held_back():  # a second Ctrl-C must not leave half of it
            _delete(folder)


def _delete(folder):
    """Delete a folder into which a query that was cut off may still be putting something."""
    aside = f"{folder}_ends"
    try:
        os.replace(folder, aside)
    except OSError:  # Windows renames no folder with open files in it
        aside = folder
    shutil.rmtree(aside, ignore_errors=True)


def import_gradio():
    """Import Gradio.

    Raises:
        InputError: when it is missing, or does not go with what else is installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as that there is no ffmpeg
            import gradio
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise InputError(f"Gradio lacks {error.name}: run `{_INSTALL}`.") from None
        raise InputError(f"the web page needs Gradio: run `{_INSTALL}`.") from None
    except ImportError as error:
        raise InputError(
            f"Gradio cannot be used with the versions that are installed ({error}): "
            f"run `{_INSTALL}`."
        ) from None
    return gradio


def listen(host, port):
    """A socket bound to an address, before anything slow is done.

    Raises:
        InputError: when it is in use, not this machine's, or not allowed.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"--port must be from 0 to 65535, not {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError:
        raise InputError(
            f"--host {host} is no address of this machine: give one, such as 127.0.0.1."
        ) from None
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except OSError as error:
        bound.close()
        reasons = {
            errno.EADDRINUSE: f"port {port} is in use: give another with --port.",
            errno.EACCES: f"port {port} is not yours to use: give one above 1023 with --port.",
        }
        raise InputError(
            reasons.get(
                error.errno,
                f"--host {host} is no address of this machine: give one, such as 127.0.0.1.",
            )
        ) from None
    return bound


def address_of(bound):
    """The address to type into a browser."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # not bound to  # nosec B104
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def application(answers, folder, api=False, captions=None):
    """The page as an ASGI application.

    To be called inside the event loop that will run it: on Python 3.9 what Gradio makes
    elsewhere belongs to another loop.

    Args:
        answers: ``vsepp.demo.answers.QueryAnswerer``; None for a page that only captions.
        folder: as :func:`private_folder` made it.
        api: whether programs may ask as well, below ``/api``.
        captions: ``vsepp.demo.caption_answers.CaptionAnswerer``, or None.
    """
    import gradio
    from fastapi import FastAPI

    from vsepp.demo.guard import Guard
    from vsepp.demo.page import build_page
    from vsepp.demo.upkeep import upkeep
    from vsepp.demo.versions import accepted

    page = build_page(answers, folder, captions)

    @asynccontextmanager
    async def lifespan(_):
        with upkeep(page, folder):
            yield

    wishes = {
        **page.look,
        "ssr_mode": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "pwa": False,
        "run_history": False,
        "footer_links": ["api"],
    }
    mounted = gradio.mount_gradio_app(
        FastAPI(openapi_url=None, lifespan=lifespan),
        page,
        path="/",
        max_file_size=MAX_BYTES,
        show_error=False,
        allowed_paths=[],
        root_path=os.environ.get("GRADIO_ROOT_PATH"),
        **accepted(gradio.mount_gradio_app, **wishes),
    )
    interface = None
    if api:
        from vsepp.demo.api import json_interface

        interface = json_interface(answers, folder, captions)
    # a form has lines of its own beside the file
    return Guard(mounted, folder, MAX_BYTES + 2**16, interface=interface)


def make_server(answers, folder, ready=lambda: None, api=False, captions=None):
    """A ``uvicorn.Server`` of the page. Its ``run(sockets=[…])`` answers until Ctrl-C or SIGTERM,
    which it raises again at the end.

    Args:
        answers, folder, api, captions: as :func:`application` takes them.
        ready: called once, when the first visitor can come.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            ready()

        async def shutdown(self, sockets=None):
            # It would report connections that are cut off, which is meant.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            await super().shutdown(sockets=sockets)

    return Server(
        uvicorn.Config(
            lambda: application(answers, folder, api, captions),
            factory=True,
            log_level="error",
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=_GRACE,
            server_header=False,
        )
    )
