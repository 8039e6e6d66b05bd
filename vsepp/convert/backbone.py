"""A backbone's ImageNet weights, from torchvision or Paddle, as one ``.safetensors``."""

from __future__ import annotations

from pathlib import Path

from vsepp.system.errors import InputError
from vsepp.system.tensor_files import write_tensors


def convert_backbone(name: str, source: str | Path, target: str | Path) -> None:
    """Write a backbone's weights as ``.safetensors`` under Paddle's names, for ``weights:``.

    Args:
        name: of the backbone.
        source: torchvision's ``.pth`` or ``.safetensors``, or Paddle's ``.pdparams``.
        target: ``.safetensors`` file.

    Raises:
        InputError: when the file does not hold exactly that backbone's weights.
    """
    from vsepp.models.backbones import build_backbone
    from vsepp.models.weights import read_backbone_weights

    if Path(target).suffix != ".safetensors":
        raise InputError(
            f"{target}: a backbone is written as .safetensors; give a name with that ending."
        )
    state = read_backbone_weights(build_backbone(name), name, source)
    write_tensors(target, state, {"format": "pd", "backbone": name})
