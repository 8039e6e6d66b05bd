"""What the figures were measured on."""

import importlib.metadata
import os
import platform

from vsepp.system.threads import cpu_count

_INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
_PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "numpy", "pillow")


def _lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from file
    except OSError:
        return


def _field(path, name):
    """The value of the first line ``name: value`` of a file; an empty text without one."""
    for line in _lines(path):
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return ""


def version(package):
    """The installed version of a distribution, or None; nothing is imported."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def load():
    """Processes at work on this machine over the last minute, or None."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def describe(threads, others):
    """The machine for JSON.

    Args:
        threads: processors each side uses.
        others: ``{package: version}`` of other sides' interpreters.
    """
    import vsepp

    flags = set(_field("/proc/cpuinfo", "flags").split())
    memory = _field("/proc/meminfo", "MemTotal").split()
    versions = {"vsepp": vsepp.__version__, "python": platform.python_version()}
    versions.update({name: version(name) for name in _PACKAGES if version(name)})
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
        "cores": cpu_count(),
        "threads": threads,
        "memory_gib": round(int(memory[0]) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.machine()}",
        "load": load(),
        "versions": {**versions, **others},
    }


def text(machine):
    """The same in lines."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    lines = [
        f"{machine['processor']} ({', '.join(machine['instructions']) or machine['system']}), "
        f"{machine['cores']} cores{memory}",
        f"threads of each side: {machine['threads']}",
        versions,
    ]
    if machine["load"] is not None and machine["load"] > 0.5:
        lines.append(
            f"other programs are at work (load {machine['load']}): the figures are not clean"
        )
    return "\n".join(lines)
