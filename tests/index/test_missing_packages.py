"""Optional packages that are not installed: one sentence says which."""

import sys

import pytest

from vsepp.system.errors import InputError


@pytest.mark.parametrize(
    "package, mend",
    [("faiss", "`pip install faiss-cpu`"), ("pymilvus", "`pip install pymilvus milvus-lite`")],
)
def test_a_missing_package_is_named_with_what_installs_it(package, mend, monkeypatch, tmp_path):
    from vsepp.index.faiss_index import FaissIndex
    from vsepp.index.milvus_index import MilvusIndex

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=mend):
        FaissIndex() if package == "faiss" else MilvusIndex(str(tmp_path / "a.db"), 4)
