"""What a notebook needs around the tools: missing packages, commands as calls, pictures inline.

Standard library only when it is imported: packages may be missing then.
"""

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.invocation import tool as called_tool

AI_STUDIO = Path("/home/aistudio")
KEPT = ("external-libraries", "work/external-libraries")  # there, from one run to the next

# What each import needs to have installed; the same as setup.py's install_requires.
PACKAGES = {
    "numpy": "numpy>=1.22",
    "PIL": "pillow>=10.1",
    "yaml": "pyyaml",
    "tqdm": "tqdm",
    "safetensors": "safetensors",
    "visualdl": "visualdl",
    "matplotlib": "matplotlib",
    "sklearn": "scikit-learn",
    "jieba": "jieba>=0.42",
    "threadpoolctl": "threadpoolctl",
}

# Paddle loads these as well: another version than the one that is there could break it.
_SHARED = ("numpy", "pillow", "protobuf")


def missing_packages():
    """Requirements of what cannot be imported, as pip takes them."""
    return [
        requirement
        for name, requirement in PACKAGES.items()
        if importlib.util.find_spec(name) is None
    ]


def kept_folder(home=AI_STUDIO):
    """Where AI Studio keeps packages between runs; None anywhere else."""
    if not home.is_dir():
        return None
    folders = [home / name for name in KEPT]
    return next((folder for folder in folders if folder.is_dir()), folders[-1])


def install_missing(home=AI_STUDIO, run=subprocess.call):
    """Install what cannot be imported: on AI Studio where it is kept, else in this Python.

    Args:
        home: AI Studio's home folder.
        run: called with pip's command, returns its exit status.

    Raises:
        InputError: when pip fails, or there is no PaddlePaddle.
    """
    folder = kept_folder(home)
    if folder and folder.is_dir():
        _import_from(folder)
    missing = missing_packages()
    if not missing:
        print("Every package is there.")
    elif run(_pip_command(missing, folder)):
        raise InputError(
            f"pip could not install {', '.join(missing)}: what it says stands above; "
            "check the network, then run the cell again."
        )
    elif folder:
        _import_from(folder)
    importlib.invalidate_caches()
    if importlib.util.find_spec("paddle") is None:
        raise InputError(
            "PaddlePaddle is not installed: choose an environment of AI Studio that "
            "has it, or run `python3 tools/quickstart.py` elsewhere."
        )


def _import_from(folder):
    """Last in the path: what the environment brings along is found first."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _pip_command(missing, folder):
    command = [sys.executable, "-m", "pip", "install", "--quiet", *missing]
    if folder is None:
        print(f"Installing {', '.join(missing)}.")
        return command
    print(f"Installing {', '.join(missing)} in {folder}, which is kept between runs.")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
        for name in _SHARED:
            try:
                file.write(f"{name}=={importlib.metadata.version(name)}\n")
            except importlib.metadata.PackageNotFoundError:
                continue
    return [*command, "--target", str(folder), "--constraint", file.name]


def tool(name, *arguments):
    """Run ``tools/<name>.py`` with ``arguments`` inside this process.

    Raises:
        InputError: in one sentence, for a mistake; whatever else goes wrong in it.
    """
    arguments = [str(argument) for argument in arguments]
    print(f"$ {command(name, *arguments)}", flush=True)
    status = importlib.import_module(f"vsepp.cli.{name}").main(arguments)
    if status:
        raise RuntimeError(f"{called_tool(name)} ended with exit status {status}.")


def show(picture):
    """Show a picture (a file or a PIL image) below the cell; say what it is outside a notebook."""
    from PIL import Image

    if not isinstance(picture, Image.Image):
        with Image.open(picture) as file:
            file.load()
        name, picture = str(picture), file
    else:
        name = "picture"
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ModuleNotFoundError:
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(f"[{name}: {picture.width} × {picture.height} pixels]")
    else:
        display(picture)
