"""The backends by the one path under which they are published: ``vsepp.index``."""

import inspect
import subprocess
import sys

import pytest

import vsepp.index
from vsepp.index import ExactIndex, FaissIndex, MilvusIndex


def test_the_backends_are_those_of_their_modules():
    from vsepp.index import exact, faiss_index, milvus_index

    assert ExactIndex is exact.ExactIndex
    assert FaissIndex is faiss_index.FaissIndex
    assert MilvusIndex is milvus_index.MilvusIndex


@pytest.mark.parametrize("backend", [FaissIndex, MilvusIndex])
def test_the_backends_have_one_interface(backend):
    for method in ("add", "remove", "search"):
        wanted = inspect.signature(getattr(ExactIndex, method))
        assert inspect.signature(getattr(backend, method)) == wanted
    assert hasattr(backend, "__len__")


def test_the_package_names_its_backends_and_no_others():
    assert {"ExactIndex", "FaissIndex", "MilvusIndex"} <= set(dir(vsepp.index))
    with pytest.raises(AttributeError, match="no attribute 'AnnoyIndex'"):
        vsepp.index.AnnoyIndex


def test_a_backend_is_imported_when_it_is_first_used():
    names = "sorted(name for name in sys.modules if name.startswith('vsepp.index.'))"
    code = f"import sys, vsepp.index; print({names}); vsepp.index.ExactIndex; print({names})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["[]", "['vsepp.index.exact']"]
