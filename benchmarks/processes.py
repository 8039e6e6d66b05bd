"""A side of a comparison in a process of its own, with its own threads and Python."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


class Missing(Exception):
    """A side cannot be measured here; the message says why."""


def environment(threads, library="paddle"):
    """The variables of a side's process.

    Paddle's own OpenMP threads and MKL's fight for the processors, so MKL gets them all;
    PyTorch has one set of threads for everything. ``plain`` is Paddle as a program finds it that
    sets nothing: Paddle then allows one thread.
    """
    count = "1" if library == "plain" else str(threads)
    chosen = {
        "OMP_NUM_THREADS": count if library == "torch" else "1",
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
    }
    if library != "paddle":  # named, or importing vsepp would set it
        chosen["KMP_BLOCKTIME"] = "200"  # milliseconds, what MKL takes by itself
    if library == "plain":
        chosen["MKL_DEBUG_CPU_TYPE"] = ""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **chosen, "PYTHONPATH": os.pathsep.join(paths)}


class Process:
    """What ``worker.py`` measures in another process.

    Args:
        target: ``module:Class``; an instance has ``run(**arguments)``, and ``info`` if it has
            something to say.
        settings: keyword arguments of the class; what JSON can hold.
        threads: processors it may use.
        library: ``paddle``, ``plain`` or ``torch``, see :func:`environment`.
        python: the interpreter.

    Attributes:
        info: what the instance says of itself.
        answer: the last answer.

    Raises:
        ModuleNotFoundError: when a module is missing in that interpreter.
        RuntimeError: with its traceback, when it failed otherwise.
    """

    def __init__(self, target, settings, threads, library="paddle", python=sys.executable):
        self.target = target
        self._said = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            encoding="utf-8",
            env=environment(threads, library),
        )
        try:
            self.info = self._ask({"target": target, "settings": settings, "threads": threads})[
                "info"
            ]
        except BaseException:
            self.close(at_once=True)
            raise

    def _ask(self, order):
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self._process.wait()
            self._said.seek(0)
            words = self._said.read().decode("utf-8", "replace").strip().splitlines()[-20:]
            reason = "\n".join(words) or "it said nothing; perhaps the memory was exhausted"
            raise RuntimeError(f"{self.target} ended with status {status}: {reason}")
        self.answer = json.loads(line)
        if "missing" in self.answer:
            name = self.answer["missing"]
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if "error" in self.answer:
            raise RuntimeError(f"{self.target} failed:\n{self.answer['error']}")
        return self.answer

    def run(self, **arguments):
        """One repetition; returns its seconds."""
        return self._ask({"arguments": arguments})["seconds"]

    def peak(self, **arguments):
        """One repetition; returns the bytes that it held at most beyond what was held before."""
        return self._ask({"arguments": arguments, "memory": True})["peak"]

    def resident(self, **arguments):
        """One repetition; returns the bytes that the process held at most, all in all."""
        return self._ask({"arguments": arguments, "memory": True})["resident"]

    def close(self, at_once=False):
        """End the process; ``at_once`` in the midst of its work."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        if at_once:
            self._process.kill()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(at_once=kind is not None)
