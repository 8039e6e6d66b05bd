"""Our checkpoint's weights as ``.pdparams``."""

from __future__ import annotations

from pathlib import Path

from vsepp.checkpoint import load_checkpoint
from vsepp.system.atomic import atomic_path


def export_pdparams(source: str | Path, target: str | Path) -> None:
    """Write a checkpoint's weights as ``.pdparams``, for people who call ``paddle.load``.

    Args:
        source: our checkpoint.
        target: ``.pdparams`` file.
    """
    import paddle

    model = load_checkpoint(source, parts=("model/",))["model"]
    with atomic_path(target) as temporary:
        paddle.save(
            {name: paddle.to_tensor(value) for name, value in model.items()}, str(temporary)
        )
