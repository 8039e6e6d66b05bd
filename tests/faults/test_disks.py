"""Disks that are full, forbidden or in the way: one sentence, and nothing is lost.

After each refusal the same command succeeds once the obstacle is gone, with the result of one
that never met it, and without strays.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from faults.tools_killed import files_below, strays

CASES = (
    "prepare",
    "download",
    "prepare anew",
    "features",
    "train",
    "index",
    "caption",
    "convert",
    "convert backbone",
    "eval",
    "report",
)
KEEPS_CODES = ("eval", "report")


def check_refused(ended, before, folder, may_do_without=False):
    """One sentence, and every file that was there is there, perhaps under another name.

    With ``may_do_without``, it may succeed: codes of a data set need not be kept for later.
    """
    if may_do_without and ended.status == 0:
        return
    assert ended.status == 2, ended.output
    errors = [
        line for line in ended.output.splitlines() if "rror" in line and "Writing data" not in line
    ]  # VisualDL
    assert len(errors) == 1 and errors[0].startswith("error: "), ended.output
    assert "Traceback" not in ended.output, ended.output
    now = Counter(files_below(folder).values())
    assert not Counter(before.values()) - now


def check_mended(case, tools, folder, expected):
    """The same command succeeds now."""
    ended = tools.run(folder, case.tool, *case.arguments(folder))
    assert ended.status == 0, ended.output
    found = case.result(folder)
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert strays(folder) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow]
            if name in ("features", "train", "index", "caption", "convert", "report")
            else [],
        )
        for name in CASES
    ],
)
def test_a_file_that_may_not_grow(name, places, tools, tmp_path, undisturbed):
    case, folder = places.case(name), tmp_path / "run"
    _, expected, sizes = undisturbed(name)
    case.begin(folder)
    before = files_below(folder)
    ended = tools.run(
        folder, case.tool, *case.arguments(folder), limits={"RLIMIT_FSIZE": max(sizes) - 1}
    )
    check_refused(ended, before, folder, name in KEEPS_CODES)
    check_mended(case, tools, folder, expected)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", CASES)
def test_files_that_may_not_grow(name, part, places, tools, tmp_path, undisturbed):
    case, folder = places.case(name), tmp_path / "run"
    _, expected, sizes = undisturbed(name)
    largest = max(sizes)
    if largest <= 4096:
        pytest.skip("what it prints is as large as what it writes")
    case.begin(folder)
    before = files_below(folder)
    ended = tools.run(
        folder,
        case.tool,
        *case.arguments(folder),
        limits={"RLIMIT_FSIZE": max(4096, int(part * largest))},
    )  # its output too
    check_refused(ended, before, folder, name in KEEPS_CODES)
    check_mended(case, tools, folder, expected)


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of so many bytes; a function that returns its folder."""
    mounted = []

    def mount(size):
        place = tmp_path / "disk"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("nothing may be mounted here")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("name", CASES)
def test_a_full_disk(name, part, places, tools, undisturbed, small_disk):
    case = places.case(name)
    _, expected, sizes = undisturbed(name)
    page = os.sysconf("SC_PAGE_SIZE")
    disk = small_disk("64m")
    case.begin(disk / "run")
    before = files_below(disk / "run")
    free = shutil.disk_usage(disk).free
    room = int(part * sum(sizes)) // page * page
    with open(disk / "ballast", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - room)
    ended = tools.run(disk / "run", case.tool, *case.arguments(disk / "run"))
    check_refused(ended, before, disk / "run", name in KEEPS_CODES)
    (disk / "ballast").unlink()
    check_mended(case, tools, disk / "run", expected)


def forbid(folder):
    for parent, _, _ in os.walk(folder, topdown=False):
        os.chmod(parent, 0o555)


def allow(folder):
    os.chmod(folder, 0o755)
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o755)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="root cannot be made powerless there")
@pytest.mark.parametrize("name", CASES)
def test_folders_that_may_not_be_written(name, places, tools, tmp_path, undisturbed):
    case, folder = places.case(name), tmp_path / "run"
    expected = undisturbed(name).result
    case.begin(folder)
    before = files_below(folder)
    forbid(folder)
    ended = tools.run(folder, case.tool, *case.arguments(folder), powerless=os.geteuid() == 0)
    check_refused(ended, before, folder)
    assert "permission denied" in ended.output
    allow(folder)
    check_mended(case, tools, folder, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, way",
    [
        ("prepare", "data"),
        ("prepare", "data/tiny"),
        ("prepare", "data/tiny/images"),
        ("download", "data/downloads"),
        ("features", "data/tiny/features"),
        ("train", "out"),
        ("train", "runs"),
        ("index", "index"),
        ("eval", "out/scores"),
        ("report", "out/pages"),
    ],
)
def test_a_file_in_the_place_of_a_folder(name, way, places, tools, tmp_path, undisturbed):
    case, folder = places.case(name), tmp_path / "run"
    expected = undisturbed(name).result
    case.begin(folder)
    (folder / way).parent.mkdir(parents=True, exist_ok=True)
    (folder / way).write_text("in the way")
    before = files_below(folder)
    check_refused(tools.run(folder, case.tool, *case.arguments(folder)), before, folder)
    (folder / way).unlink()
    check_mended(case, tools, folder, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, way",
    [
        ("prepare", "data/tiny/vocab.json"),
        ("prepare", "data/tiny/train_data.json"),
        ("prepare", "data/tiny/prepared.json"),
        ("prepare", "data/tiny/images/00.png"),
        ("prepare", "data/tiny/dataset_tiny.json"),
        ("download", "data/downloads/tiny.zip"),
        ("download", "data/downloads/tiny.zip.part"),
        ("train", "out/last_tiny.ckpt"),
        ("train", "out/best_tiny.ckpt"),
        ("index", "index/manifest.json"),
        ("index", "index/journal.codes"),
        ("convert", "weights.pdparams"),
        ("convert backbone", "weights.safetensors"),
        ("eval", "out/scores/scores.json"),
        ("report", "out/pages/page.html"),
    ],
)
def test_a_folder_in_the_place_of_a_file(name, way, places, tools, tmp_path, undisturbed):
    case, folder = places.case(name), tmp_path / "run"
    expected = undisturbed(name).result
    case.begin(folder)
    (folder / way).mkdir(parents=True)
    (folder / way / "precious.txt").write_text("precious")
    before = files_below(folder)
    check_refused(tools.run(folder, case.tool, *case.arguments(folder)), before, folder)
    shutil.rmtree(folder / way)
    check_mended(case, tools, folder, expected)
