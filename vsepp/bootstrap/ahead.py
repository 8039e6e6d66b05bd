"""The sample's pictures, drawn by a process of its own while Paddle is being installed.

Standard library only: this runs before anything is installed.
"""

import subprocess

PICTURES = 2200  # that draw_sample draws by itself
_DRAW = "from vsepp.data.sample import draw_sample; draw_sample('data/sample')"


class Drawing:
    """Draws the sample ahead of ``prepare``, which then finds it drawn, and else draws the rest.

    Args:
        root: the project's folder.
        say: called with a line now and then while somebody waits.
    """

    packages = ("numpy>=1.22", "pillow>=10.1", "tqdm")  # what drawing imports

    def __init__(self, root, say):
        self.root, self._say = root, say
        self._process = None

    def begin(self, python):
        """Start drawing. What goes wrong is met, and said, by ``prepare``."""
        self._process = subprocess.Popen(
            [str(python), "-c", _DRAW],
            cwd=str(self.root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self, interval=10):
        """Return when nothing is being drawn any more."""
        while self._process is not None:
            try:
                self._process.wait(timeout=interval)
                self._process = None
            except subprocess.TimeoutExpired:
                count = sum(1 for _ in (self.root / "data/sample/images").glob("*.png"))
                self._say(f"  {count} of {PICTURES} pictures are drawn")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
