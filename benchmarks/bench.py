"""Opening sides and running them in turn."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import Missing, Process
from benchmarks.timing import alternate
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

PAUSE = 0.25  # seconds; MKL's and PyTorch's threads wait busily for up to 0.2


class Bench:
    """What every part measures with.

    Args:
        threads: processors each side may use.
        torch_python: an interpreter that has PyTorch; by default this one, if it has.
        rounds: repetitions of every comparison, instead of each part's own number.
        soak: minutes of training between two measurements of the training step; 0 for none.
        pause: seconds between two repetitions.
        ours_alone: run the package's own sides, the classes ``Ours``, and no others.

    Attributes:
        folder: where parts may write; removed at the end.
        others: ``{package: version}`` of what the other sides run on.
    """

    def __init__(
        self, threads, torch_python=None, rounds=None, soak=0.0, pause=PAUSE, ours_alone=False
    ):
        self.threads = threads
        self.rounds = rounds
        self.soak = soak
        self.pause = pause
        self.ours_alone = ours_alone
        self.others = {}
        self.pythons = {}
        if not ours_alone:
            self.pythons["torch"] = self._find("torch", torch_python, required=torch_python)
            self.pythons["faiss"] = self._find("faiss", torch_python)
        self._folder = None

    @property
    def folder(self):
        return Path(self._folder.name)

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="vsepp-benchmark-")
        return self

    def __exit__(self, kind, error, trace):
        self._folder.cleanup()

    def _find(self, module, other, required=False):
        """An interpreter that has ``module``, or None; notes its version."""
        if other is None and importlib.util.find_spec(module) is None:
            return None
        for python in filter(None, (other, sys.executable)):
            code = f"import {module}, numpy; print({module}.__version__)"
            try:
                found = subprocess.run([python, "-c", code], capture_output=True, text=True)
            except OSError as error:
                raise InputError(
                    f"--torch-python: {python} cannot be run ({error.strerror}): give "
                    "a Python interpreter."
                ) from None
            if found.returncode == 0 and found.stdout.strip():
                self.others[module] = found.stdout.strip().splitlines()[-1]
                return python
            if required:
                reason = (found.stderr.strip().splitlines() or ["it says nothing"])[-1]
                raise InputError(
                    f"--torch-python: {python} cannot import PyTorch and NumPy "
                    f"({reason}): give an interpreter that has them."
                )
        return None

    def open(self, target, library="paddle", **settings):
        """A side, ``module:Class`` below ``benchmarks``, in a process of its own.

        Raises:
            Missing: where there is no PyTorch or faiss.
        """
        python = sys.executable
        if library in self.pythons:
            python = self.pythons[library]
            if python is None:
                raise Missing(f"{library} is not installed")
        return Process(f"benchmarks.{target}", settings, self.threads, library, python)

    def open_all(self, stack, sides):
        """Open ``{name: (target, library, settings)}``; returns ({name: side}, why others lack).

        Where our side is to run alone, the others are not opened.

        Args:
            stack: a ``contextlib.ExitStack`` that closes them.
        """
        opened, notes = {}, []
        for name, (target, library, settings) in sides.items():
            if self.ours_alone and not target.endswith(":Ours"):
                continue
            try:
                opened[name] = stack.enter_context(self.open(target, library, **settings))
            except Missing as error:
                notes.append(f"without {name}: {error}")
        return opened, notes

    def compare(self, description, sides, rounds, warm=1):
        """Run sides in turn, with a bar.

        Args:
            sides: ``{name: callable that returns its seconds}``.

        Returns:
            ``{name: Sample}``
        """
        rounds = self.rounds or rounds
        with progress(
            description=description, total=len(sides) * (rounds + warm), unit="run", leave=False
        ) as bar:
            return alternate(sides, rounds, warm, self.pause, bar.update)
