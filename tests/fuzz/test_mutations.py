"""Whatever is in a file: it is read, or refused with one sentence, in bounded time and memory."""

import random
import resource
import shutil
import signal
import sys
from contextlib import contextmanager

import pytest
from fuzz.formats import formats

from vsepp.system.errors import InputError

SECONDS = 10
GIGABYTE = 2**30
NAMES = (
    "Karpathy JSON",
    "captions .csv",
    "captions .tsv",
    "captions .jsonl",
    "captions name#n",
    "captions between bars",
    "captions without header",
    "captions in GB18030",
    "captions in UTF-16",
    "captions of MUGE",
    "captions of COCO",
    "captions in a list",
    "captions beside photographs",
    "COCO annotations",
    "COCO ids",
    "vocab.json",
    "*_data.json",
    "*_sentences.json",
    "prepared.json",
    "configuration",
    "configuration values",
    "overrides",
    "checkpoint",
    "features .npy",
    "features .json",
    "authors' features",
    "authors' captions",
    "index manifest",
    "index codes",
    "authors' vocabulary",
    "authors' checkpoint",
    "tutorial's checkpoint",
    "torch zip",
    "CLIP's configuration",
    "CLIP's preprocessing",
    "checkpoint of a CLIP",
    "OpenAI's archive",
    "OpenAI's pairs",
    "pickle",
    "authors' checkpoint values",
    "tutorial's checkpoint values",
    "image JPEG",
    "image PNG",
    "image WEBP",
    "image BMP",
    "image GIF",
    "image TIFF",
    "archive .zip",
    "archive .tar",
    "archive .tar.gz",
    "archive .tar.bz2",
    "archive .tar.xz",
    "photographs in base64",
    "info on checkpoint",
    "info on backbone",
    "info on codes",
    "info on features .json",
    "info on features .npy",
    "info on index",
    "info on prepared.json",
    "checkpoint for the tutorial",
)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return formats(tmp_path_factory.mktemp("formats"))


def test_every_format_is_damaged(known):
    assert set(known) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_valid_file_is_read(known, tmp_path, name):
    path = tmp_path / known[name].name
    path.write_bytes(known[name].valid)

    known[name].read(path)


@contextmanager
def at_most(seconds):
    """Fail a block that takes longer."""

    def late(number, frame):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak():
    """The most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read_damaged(form, folder, seed):
    """Damage a file and read it; returns what went wrong, or None."""
    chance = random.Random(seed)
    path = folder / "work" / form.name
    path.parent.mkdir()
    path.write_bytes(form.damage(form.valid, chance))
    before = peak()
    try:
        with at_most(SECONDS):
            form.read(path)
    except InputError as error:
        if "\n" in str(error):
            return f"seed {seed}: more than one line: {error}"
    except Exception as error:
        return f"seed {seed}: {type(error).__name__}: {error}"
    if peak() - before > GIGABYTE:
        return f"seed {seed}: {(peak() - before) / GIGABYTE:.1f} GB"
    outside = {entry.name for entry in path.parent.iterdir()} - {form.name, "target"}
    shutil.rmtree(path.parent)
    return None if not outside & {"x", "passwd"} else f"seed {seed}: wrote {outside}"


def check(form, folder, seeds):
    failed = []
    for seed in seeds:
        wrong = read_damaged(form, folder, seed)
        if wrong:
            failed.append(wrong)
            shutil.rmtree(folder / "work", ignore_errors=True)
    assert not failed, f"{len(failed)} of {len(seeds)}: " + "\n".join(failed[:20])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer there")
@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_refused_with_a_sentence(known, tmp_path, name):
    check(known[name], tmp_path, range(24))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_damaged_files_are_refused_with_a_sentence(known, tmp_path, name):
    check(known[name], tmp_path, range(1000, 2000))
    print(f"{name}: 1000 damaged files, 0 tracebacks, 0 over {SECONDS} s, 0 over 1 GB")
