"""One process that runs the tools, and the data they run on, for all tests of this folder."""

import os

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
