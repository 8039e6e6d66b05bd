"""What a launcher says in the environment."""

import os

import pytest

from vsepp.system import launched
from vsepp.system.threads import cpu_count


def launch(monkeypatch, ends, number):
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", str(len(ends)))
    monkeypatch.setenv("PADDLE_TRAINER_ID", str(number))
    monkeypatch.setenv("PADDLE_TRAINER_ENDPOINTS", ",".join(ends))
    monkeypatch.setenv("PADDLE_CURRENT_ENDPOINT", ends[number])


def test_nobody_launched_one_process(monkeypatch):
    for name in ("PADDLE_TRAINERS_NUM", "PADDLE_TRAINER_ID", "PADDLE_TRAINER_ENDPOINTS"):
        monkeypatch.delenv(name, raising=False)
    assert (launched.process_count(), launched.process_number()) == (1, 0)
    assert launched.processes_here() == 1
    assert not launched.tell_launcher("nobody hears it")


@pytest.mark.parametrize("count", ["", "1", "two"])
def test_what_is_no_number_of_processes_is_one(monkeypatch, count):
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", count)
    monkeypatch.setenv("PADDLE_TRAINER_ID", "3")
    assert (launched.process_count(), launched.process_number()) == (1, 0)


def test_processes_of_one_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert cpu_count() == 8
    launch(monkeypatch, ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"], 1)
    assert (launched.process_count(), launched.process_number()) == (3, 1)
    assert launched.processes_here() == 2 and cpu_count() == 4
    launch(monkeypatch, ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1"], 2)
    assert launched.processes_here() == 1 and cpu_count() == 8


def test_a_launchers_plain_file_is_not_written_to(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("the launcher's")
    assert launched._opened(str(path)) is None
    assert launched._opened(str(tmp_path / "nowhere")) is None
    assert path.read_text() == "the launcher's"


def test_a_launchers_screen_is_told(monkeypatch):
    read, write = os.pipe()
    screen = launched._opened(f"/proc/self/fd/{write}")
    if screen is None:
        pytest.skip("this system has no /proc")
    monkeypatch.setattr(launched, "_screen", screen)
    assert launched.tell_launcher("error: ü")
    assert os.read(read, 100).decode() == "error: ü\n"
    for descriptor in (read, write, screen):
        os.close(descriptor)
