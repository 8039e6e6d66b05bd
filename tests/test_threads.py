"""The numerical libraries are told how to use the processor, and the user is respected."""

import os

import pytest

from vsepp.threads import cpu_count, set_thread_variables

AVX512 = "avx2 avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.fixture
def variables(monkeypatch, tmp_path):
    """What is set for a processor: a function of its vendor and flags."""
    for name in list(os.environ):
        if name.startswith(("OMP_", "MKL_", "OPENBLAS_")):
            monkeypatch.delenv(name)

    def make(vendor, flags):
        path = tmp_path / "cpuinfo"
        path.write_text("".join(
            f"processor\t: {number}\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n\n"
            for number in range(2)))
        before = dict(os.environ)
        monkeypatch.setattr(os, "environ", before)
        set_thread_variables(path)
        return before
    return make


def test_matrix_products_get_every_core_and_openmp_none(variables):
    found = variables("GenuineIntel", AVX512)
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["MKL_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == str(cpu_count())
    assert "MKL_DEBUG_CPU_TYPE" not in found and "OPENBLAS_CORETYPE" not in found


@pytest.mark.parametrize("flags, mkl, openblas", [
    ("sse2", None, None), ("avx2", "5", None), (AVX512, "5", "SkylakeX")])
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
    set_thread_variables(tmp_path / "missing")
    assert set(os.environ) == {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
