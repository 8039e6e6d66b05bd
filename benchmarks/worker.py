"""A side's own process: ``python -m benchmarks.worker``, spoken to in lines of JSON.

The first line says what to measure: ``{"target": "module:Class", "settings": {…},
"threads": n}``. Every further line, ``{"arguments": {…}, "memory": false}``, is one repetition.
Each line is answered by one: ``{"info": …}``, then ``{"seconds", "result", "peak", "resident"}``,
the last two where memory is asked for; ``{"missing": module}`` or ``{"error": traceback}`` when
it failed. It ends with its input.
"""

import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback

from benchmarks import memory


def _take_processors(count):
    """Stay on ``count`` of the processors, so that no library starts more threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def resolve(target):
    """The class that ``module:Class`` names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def begin(order):
    """(what is measured, the answer) to the first line."""
    _take_processors(order["threads"])
    task = resolve(order["target"])(**order["settings"])
    return task, {"info": getattr(task, "info", {})}


def repeat(task, order):
    """One repetition; returns the answer."""
    before = None
    if order.get("memory"):
        gc.collect()
        memory.reset_peak()
        before = memory.held()
    start = time.perf_counter()
    result = task.run(**order.get("arguments", {}))
    seconds = time.perf_counter() - start
    answer = {"seconds": seconds, "result": result}
    if before is not None:
        answer["resident"] = memory.peak()
        answer["peak"] = max(0, answer["resident"] - before)
    return answer


def main():
    """Answer every line of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started us ends us
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    task = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if task is None:
                task, answer = begin(order)
            else:
                answer = repeat(task, order)
        except ModuleNotFoundError as error:
            answer = {"missing": error.name or "", "error": traceback.format_exc()}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
