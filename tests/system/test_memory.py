"""What glibc does with freed memory, seen from outside, each in a process of its own."""

import platform
import subprocess
import sys

import pytest

from vsepp.system import memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc")


def measured(code):
    """What a fresh Python prints: a whole number."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


# Blocks of 100 kB, of which every hundredth stays: how many megabytes the process has less.
_FREED = """
from vsepp.system import memory
from benchmarks.memory import held
blocks = [b"x" * (100_000 + i) for i in range(1_000)]
blocks = blocks[::100]
before = held()
{}
print((before - held()) // 2**20)
"""

# How many heaps eight threads have that all use memory at once.
_HEAPS = """
import ctypes, os, tempfile, threading
from vsepp.system import memory
{}
meet = threading.Barrier(8)
def use():
    meet.wait()
    blocks = [bytearray(50_000) for _ in range(100)]
    meet.wait()
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL("libc.so.6")
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count(b"<heap nr="))
"""


@glibc
def test_freed_memory_goes_back_to_the_system():
    assert measured(_FREED.format("pass")) < 20
    assert measured(_FREED.format("memory.return_freed()")) > 60


@glibc
def test_threads_share_heaps():
    assert measured(_HEAPS.format("memory.share_heaps(2)")) <= 2


@glibc
def test_large_blocks_go_back_as_soon_as_they_are_freed():
    code = """
import sys
from vsepp.system import memory
from benchmarks.memory import held
{}
b"x" * (30 * 2**20 + len(sys.argv))  # from here on glibc would keep such blocks
blocks = [b"x" * (8 * 2**20 + i) for i in range(10)]
before, blocks = held(), blocks[-1:]
print((before - held()) // 2**20)
"""
    assert measured(code.format("memory.return_large_blocks()")) > 60


@glibc
def test_large_blocks_are_kept_for_what_is_needed_next_until_they_are_asked_back():
    code = """
from vsepp.system import memory
from benchmarks.memory import held
{}
block = b"x" * (100 * 2**20 + len(memory.__name__))
before, block = held(), None
{}
print((before - held()) // 2**20)
"""
    assert measured(code.format("pass", "pass")) > 80
    assert measured(code.format("memory.keep_freed()", "pass")) < 20
    assert measured(code.format("memory.keep_freed()", "memory.return_freed()")) > 80


class NoSuchFunctions:
    """A C library, as musl is, that knows none of glibc's functions."""


@pytest.mark.parametrize("library", [None, NoSuchFunctions()], ids=["no libc.so.6", "not glibc"])
@pytest.mark.parametrize(
    "function, arguments",
    [
        (memory.keep_freed, ()),
        (memory.return_large_blocks, ()),
        (memory.share_heaps, (2,)),
        (memory.return_freed, ()),
    ],
)
def test_another_c_library_is_looked_for_and_left_alone(monkeypatch, function, arguments, library):
    asked = []

    def open_library(name):
        asked.append(name)
        if library is None:
            raise OSError(f"{name}: cannot open shared object file")
        return library

    monkeypatch.setattr(memory.ctypes, "CDLL", open_library)

    assert function(*arguments) is None
    assert set(asked) == {"libc.so.6"}
