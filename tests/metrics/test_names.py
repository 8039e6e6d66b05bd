"""The package hands out its names, and imports no more than a name needs."""

import subprocess
import sys

import pytest

import vsepp.metrics


def test_every_name_is_there():
    for name in vsepp.metrics.__all__:
        assert getattr(vsepp.metrics, name) is not None
    assert set(vsepp.metrics.__all__) <= set(dir(vsepp.metrics))
    with pytest.raises(AttributeError, match="no attribute 'recall'"):
        vsepp.metrics.recall  # noqa: B018


def test_a_single_query_needs_no_bootstrap():
    program = (
        "import sys, vsepp.metrics.top_k; "
        "print([name for name in sys.modules if name.startswith('vsepp.metrics.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "top_k" in done.stdout and "bootstrap" not in done.stdout, done.stderr
