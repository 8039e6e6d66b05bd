"""The numerical libraries are told how to use the processor, and the user is respected."""

import os
import subprocess
import sys
import warnings

import pytest

from vsepp.system.threads import cpu_count, set_thread_variables

AVX512 = "avx2 avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.fixture
def variables(monkeypatch, tmp_path):
    """What is set for a processor: a function of its vendor and flags."""
    for name in list(os.environ):
        if name.startswith(("OMP_", "MKL_", "OPENBLAS_", "KMP_")):
            monkeypatch.delenv(name)

    def make(vendor, flags):
        path = tmp_path / "cpuinfo"
        path.write_text(
            "".join(
                f"processor\t: {number}\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n\n"
                for number in range(2)
            )
        )
        before = dict(os.environ)
        monkeypatch.setattr(os, "environ", before)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy is there, in the tests
            set_thread_variables(path)
        return before

    return make


def test_matrix_products_get_every_core_and_openmp_none(variables):
    found = variables("GenuineIntel", AVX512)
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["MKL_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == str(cpu_count())
    assert "MKL_DEBUG_CPU_TYPE" not in found and "OPENBLAS_CORETYPE" not in found


@pytest.mark.parametrize(
    "flags, mkl, openblas", [("sse2", None, None), ("avx2", "5", None), (AVX512, "5", "SkylakeX")]
)
def test_amd_processors_are_told_what_they_can_do(variables, flags, mkl, openblas):
    found = variables("AuthenticAMD", flags)
    assert found.get("MKL_DEBUG_CPU_TYPE") == mkl
    assert found.get("OPENBLAS_CORETYPE") == openblas


def test_what_the_user_set_stays(variables, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = variables("AuthenticAMD", AVX512)
    assert found["OMP_NUM_THREADS"] == "3" and found["OPENBLAS_CORETYPE"] == "Haswell"


def test_an_unknown_system_is_assumed_nothing_of(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "environ", {})
    with pytest.warns(RuntimeWarning):
        set_thread_variables(tmp_path / "missing")
    assert set(os.environ) == {
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "KMP_BLOCKTIME",
    }


@pytest.mark.parametrize(
    "first, warned",
    [
        ("import vsepp, numpy", False),
        ("import numpy, vsepp", True),
        (
            "import os; os.environ.update(OMP_NUM_THREADS='1'); import numpy, vsepp; "
            "import vsepp.system.threads as t; t.set_thread_variables()",
            True,
        ),
    ],
)
def test_who_imports_numpy_first_is_told_once_what_that_costs(first, warned):
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OMP_", "MKL_", "OPENBLAS_", "KMP_"))
    }
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", first],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("numpy was imported before vsepp") == warned
