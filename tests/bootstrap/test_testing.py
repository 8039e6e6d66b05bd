"""``python3 tools/test.py``: the tests, and what ``--checks`` puts before them."""

import pytest

from vsepp.bootstrap import environment, testing


@pytest.fixture
def programs(monkeypatch):
    """What would be run, each a list of words; ``fails`` holds words of those that fail."""

    class Programs(list):
        fails, asked = set(), []

    ran = Programs()

    def run(command, cwd):
        assert cwd == environment.ROOT
        ran.append(command[1:])
        return 3 if ran.fails & set(command) else 0

    monkeypatch.setattr(testing, "run_command", run)
    monkeypatch.setattr(environment, "ensure", lambda asked: ran.asked.append(asked) or "python")
    return ran


def test_the_tests_need_no_checkers(programs):
    assert testing.main(["--", "-m", "slow"]) == 0

    assert programs == [["-m", "pytest", *testing.PARALLEL, "-m", "slow"]]
    assert programs.asked[-1].test and not programs.asked[-1].checks


def test_checks_go_before_the_tests(programs):
    assert testing.main(["--checks"]) == 0

    assert programs.asked[-1].checks
    assert programs == [*map(list, testing.CHECKS), ["-m", "pytest", *testing.PARALLEL]]
    words = [" ".join(command) for command in programs]
    for number, name in enumerate(("ruff format --check", "ruff check", "importlinter", "mypy")):
        assert name in words[number]


def test_a_check_that_fails_is_the_end(programs):
    programs.fails.add("mypy")

    assert testing.main(["--checks"]) == 3
    assert programs[-1] == ["-m", "mypy"]
