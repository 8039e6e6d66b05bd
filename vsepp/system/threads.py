"""How the numerical libraries use the processor, decided before they are imported."""

from __future__ import annotations

import os
import sys
import warnings

from vsepp.system.launched import processes_here


def cpu_count() -> int:
    """Processors this process may run on; its share of them where it was launched with others."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, cores // processes_here())


def set_thread_variables(cpuinfo: str = "/proc/cpuinfo") -> None:
    """Set the variables that NumPy's and Paddle's matrix products read once, at import.

    What the user has set is respected.

    - Threads: every core to the matrix products and none to a second OpenMP runtime. Paddle
      brings its own next to MKL's; with ``OMP_NUM_THREADS`` above 1 the two fight for the
      cores and everything slows down several times after the first optimizer step. NumPy's
      OpenBLAS would follow ``OMP_NUM_THREADS``, so it gets its own.
    - Waiting: MKL's threads would spin for 200 ms after each product, on the cores that
      NumPy's next product needs; they sleep instead.
    - Instructions: on an AMD processor MKL takes its slowest path unless told that AVX2 is
      there, and OpenBLAS may not know a new one's AVX-512; either costs half the speed.

    Args:
        cpuinfo: what describes the processor on Linux; elsewhere nothing is assumed.

    Warns:
        RuntimeWarning: when NumPy or Paddle was imported before, and reads them no more.
    """
    cores = str(cpu_count())
    wanted = {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": cores,
        "OPENBLAS_NUM_THREADS": cores,
        "KMP_BLOCKTIME": "0",
    }
    vendor, flags = _processor(cpuinfo)
    if vendor == "AuthenticAMD":
        if "avx2" in flags:
            wanted["MKL_DEBUG_CPU_TYPE"] = "5"
        if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags:
            wanted["OPENBLAS_CORETYPE"] = "SkylakeX"
    missing = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(missing)
    early = [name for name in ("numpy", "paddle") if name in sys.modules]
    if missing and early:
        warnings.warn(
            f"{' and '.join(early)} was imported before vsepp, so {', '.join(missing)} came too "
            "late: training on a CPU may take several times as long. Import vsepp first.",
            RuntimeWarning,
            stacklevel=3,
        )


def describe_threads() -> str:
    """One line on what matrix products on the CPU use, as the variables stand."""
    used = {name: os.environ.get(f"{name}_NUM_THREADS", "?") for name in ("MKL", "OPENBLAS", "OMP")}
    return (
        f"{cpu_count()} cores: {used['MKL']} for Paddle's products, {used['OPENBLAS']} for "
        f"NumPy's, {used['OMP']} for OpenMP"
    )


def computes_in_bfloat16(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """Whether the processor has instructions for products of bfloat16 numbers."""
    return not _processor(cpuinfo)[1].isdisjoint({"avx512_bf16", "amx_bf16"})


def _processor(cpuinfo: str) -> tuple[str | None, set[str]]:
    """(vendor, set of instruction flags) of the first processor listed."""
    found = {}
    try:
        with open(cpuinfo, encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                found[name.strip()] = value.strip()
                if not line.strip():  # the first processor's lines end here
                    break
    except OSError:
        pass
    return found.get("vendor_id"), set(found.get("flags", "").split())
