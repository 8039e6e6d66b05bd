"""One process that runs the tools, and the data they run on, for all tests of this folder."""

import os
from typing import NamedTuple

import pytest

if os.name == "nt":
    collect_ignore_glob = ["test_*"]  # no SIGKILL and no fork there


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    from faults.tools_killed import Tools

    with Tools(tmp_path_factory.mktemp("output")) as tools:
        yield tools


@pytest.fixture(scope="session")
def places(tmp_path_factory, tools):
    from faults.cases import Places

    with Places(tmp_path_factory.mktemp("places"), tools) as places:
        yield places


class Whole(NamedTuple):
    """A run that nothing disturbed.

    Attributes:
        ended: how it ended, a ``faults.tools_killed.Ended``.
        result: what it left.
        sizes: bytes of each file that it made or changed.
    """

    ended: object
    result: dict
    sizes: list


@pytest.fixture(scope="session")
def undisturbed(places, tools, tmp_path_factory):
    """By a case's name, and the signals of ``Tools.run``: its undisturbed run, a ``Whole``."""
    from faults.tools_killed import files_below, strays

    runs = {}

    def get(name, signals=None):
        key = name, signals is None
        if key not in runs:
            case, folder = places.case(name), tmp_path_factory.mktemp("whole") / "run"
            case.begin(folder)
            before = files_below(folder)
            ended = tools.run(folder, case.tool, *case.arguments(folder), signals=signals)
            assert ended.status == 0 and ended.left == (), ended
            assert strays(folder) == []
            sizes = [
                len(content)
                for path, content in files_below(folder).items()
                if before.get(path) != content
            ]
            runs[key] = Whole(ended, case.result(folder), sizes)
        return runs[key]

    return get
