"""Whether Paddle starts in an environment, and the first imports, which compile what is used.

Standard library only: this runs before anything is installed.
"""

import os
import subprocess

from vsepp.bootstrap.pip_progress import InstallError

# What training imports beside Paddle, which takes as long as Paddle to compile.
_OTHERS = "import matplotlib.pyplot, sklearn.decomposition, visualdl"

_TRY_GPU = """
import paddle
assert paddle.device.is_compiled_with_cuda(), "this Paddle was built without CUDA"
assert paddle.device.cuda.device_count() > 0, "Paddle sees no GPU"
paddle.set_device("gpu:0")
paddle.nn.Conv2D(3, 4, 3)(paddle.ones([1, 3, 8, 8])).sum().backward()
paddle.nn.GRU(4, 4)(paddle.ones([1, 2, 4]))[1].numpy()
"""


def try_paddle(interpreter, folder, gpu, log):
    """Import Paddle, and the other large packages at the same time.

    Args:
        interpreter: of the environment.
        folder: of the environment.
        gpu: also compute something on a GPU.
        log: file that what went wrong is appended to.

    Raises:
        InstallError: when Paddle does not start.
    """
    settings = dict(os.environ)
    settings.pop("PYTHONDONTWRITEBYTECODE", None)  # pip's own compiling does not ask for it either
    others = subprocess.Popen(
        [str(interpreter), "-c", _OTHERS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=settings,
        cwd=str(folder),
    )
    try:
        tried = subprocess.run(
            [str(interpreter), "-c", _TRY_GPU if gpu else "import paddle"],
            capture_output=True,
            text=True,
            timeout=600,
            env=settings,
            cwd=str(folder),
        )
        status, said = tried.returncode, tried.stderr.strip().splitlines()
        others.wait(timeout=600)
    except subprocess.TimeoutExpired:
        status, said = 1, ["no answer within ten minutes"]
    finally:
        others.kill()  # of no effect where it has ended
        others.wait()
    if status:
        with open(log, "a", encoding="utf-8") as record:
            record.write("\n".join(said) + "\n")
        reason = said[-1] if said else f"it ended with status {status}"
        mend = "; `sudo apt install libgomp1` mends it" if "libgomp" in reason else ""
        raise InstallError(f"Paddle was installed but does not start: {reason}{mend}.")
