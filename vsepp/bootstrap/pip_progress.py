"""Running pip quietly: what is downloaded, how long it takes, and one sentence when it fails.

Standard library only: this runs before anything is installed.
"""

import os
import re
import subprocess
import threading
import time

from vsepp.system.errors import InputError

LOG_NAME = "vsepp-install.log"
_DOWNLOAD = re.compile(r"\s*Downloading (\S+\.(?:whl|tar\.gz|zip)) \(([\d.]+) ([MG])B\)")
_UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Read timed out|Network is unreachable"
    r"|name resolution|getaddrinfo failed|Connection refused|Connection reset|ProxyError"
    r"|SSLError|Remote end closed"
)


class InstallError(InputError):
    """pip could not install what was asked, though the index answered."""


class UnreachableError(InputError):
    """pip could not reach a package index, or nothing is left to write on."""


def pip(python, *arguments, log, say=print):
    """Run ``python -m pip`` with ``arguments``; everything it prints goes to ``log``.

    Args:
        python: the interpreter of the environment to change.
        log: file that pip's output is appended to.
        say: called with one line for every large download, and now and then.

    Raises:
        UnreachableError: no package index could be reached, or the disk is full.
        InstallError: anything else that pip refuses.
    """
    environment = dict(
        os.environ, PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1"
    )
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_QUIET", "PYTHONHOME", "__PYVENV_LAUNCHER__"):
        environment.pop(name, None)  # they would send the packages elsewhere
    command = [str(python), "-m", "pip", *arguments]
    output = []
    with open(log, "a", encoding="utf-8") as record, Heartbeat(say):
        record.write(f"$ {' '.join(command)}\n")
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in process.stdout:
                record.write(line)
                output.append(line)
                _report(line, say)
            status = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if status:
        raise failure("".join(output), log)


def failure(output, log):
    """The exception that says in one sentence why pip failed, from what it printed."""
    if "No space left on device" in output:
        return UnreachableError(
            f"the disk is full: free about 2 GB where the environment is made ({log.parent}), "
            "or choose another place with --venv FOLDER, and run again."
        )
    if _UNREACHABLE.search(output):
        return UnreachableError(
            "pip could not reach a package index: check the network (behind a proxy set "
            "HTTPS_PROXY, for a mirror PIP_INDEX_URL) and run again; what is already "
            f"downloaded is kept (pip's own words: {log})."
        )
    errors = [line.strip() for line in output.splitlines() if line.lstrip().startswith("ERROR: ")]
    said = errors[-1][len("ERROR: ") :] if errors else "it gave no reason"
    return InstallError(f"pip could not install the packages: {said} (the whole of it: {log})")


def _report(line, say):
    found = _DOWNLOAD.match(line)
    if found:
        name, size, unit = found.group(1).split("/")[-1], float(found.group(2)), found.group(3)
        if unit == "G" or size >= 5:
            say(f"  downloading {'-'.join(name.split('-')[:2])} ({size:.0f} {unit}B)")
    elif line.startswith("Installing collected packages:"):
        say(f"  installing {line.count(',') + 1} packages")


class Heartbeat:
    """A line every ``interval`` seconds while the block runs, so that silence means trouble."""

    def __init__(self, say, interval=20):
        self._say, self._interval, self._done = say, interval, threading.Event()

    def __enter__(self):
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._done.set()
        self._thread.join()

    def _beat(self):
        while not self._done.wait(self._interval):
            self._say(f"  ... {time.monotonic() - self._started:.0f} s")
