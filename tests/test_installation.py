"""What is installed: every module, the configurations, the marker of types, the command."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXPECTED = {
    path.relative_to(ROOT).as_posix()
    for pattern in ("vsepp/**/*.py", "vsepp/configs/**/*.yml", "vsepp/py.typed", "vsepp/*.pyi")
    for path in ROOT.glob(pattern)
}
DOOR = "vsepp = vsepp.cli.main:main"


@pytest.fixture
def source(tmp_path):
    """A copy to build in: what building leaves behind would be taken along the next time."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "vsepp", folder / "vsepp", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_everything_is_built(source, tmp_path):
    built = tmp_path / "built"
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", "-d", built, "egg_info"],
        cwd=source,
        check=True,
        capture_output=True,
    )

    found = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert found == EXPECTED
    assert DOOR in (source / "vsepp.egg-info/entry_points.txt").read_text()


@pytest.mark.slow
def test_a_wheel_holds_everything(source, tmp_path):
    """By pip, which fetches what builds it."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-q", "-w", str(tmp_path)],
        cwd=source,
        check=True,
    )

    (wheel,) = tmp_path.glob("vsepp-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("vsepp/")}
        info = wheel.name[: wheel.name.index("-py3")] + ".dist-info/entry_points.txt"
        door = archive.read(info).decode()
    assert names == EXPECTED
    assert DOOR in door
