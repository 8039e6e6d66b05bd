"""How much memory this process holds, and the most it has held, in bytes."""

import sys


def _status(field):
    """A field of ``/proc/self/status`` in bytes, or None where there is none."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return None


def peak():
    """The most memory this process has held since its start, or since :func:`reset_peak`."""
    value = _status("VmHWM")
    if value is not None:
        return value
    import resource  # not on Windows

    value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return value if sys.platform == "darwin" else 1024 * value


def held():
    """The memory this process holds now; where that cannot be told, its peak."""
    value = _status("VmRSS")
    return peak() if value is None else value


def reset_peak():
    """Let :func:`peak` count from now on, where the system can do that.

    Elsewhere the peak of a fresh process stands for it.
    """
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
