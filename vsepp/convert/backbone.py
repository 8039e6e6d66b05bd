"""A backbone's ImageNet weights, from torchvision or Paddle, as one ``.safetensors``."""

from __future__ import annotations

from pathlib import Path

from vsepp.system.errors import InputError
from vsepp.system.tensor_files import write_tensors


def convert_backbone(name: str, source: str | Path, target: str | Path) -> str | None:
    """Write a backbone's weights as ``.safetensors`` under Paddle's names, for ``weights:``.

    They are what Paddle's own file would be: of Inception v3 for pixels that are normalised as
    Paddle's network wants them, see ``vsepp.models.inception``.

    Args:
        name: of the backbone.
        source: torchvision's ``.pth`` or ``.safetensors``, or Paddle's ``.pdparams``.
        target: ``.safetensors`` file.

    Returns:
        What of the file was passed over, as a line, or None where all was taken.

    Raises:
        InputError: when the file does not hold exactly that backbone's weights.
    """
    from vsepp.models.backbones import build_backbone
    from vsepp.models.weights import fit_backbone_weights, passed_over, read_state

    if Path(target).suffix != ".safetensors":
        raise InputError(
            f"{target}: a backbone is written as .safetensors; give a name with that ending."
        )
    backbone = build_backbone(name)
    source = Path(source).expanduser()
    found, from_torch = read_state(source)
    state = fit_backbone_weights(backbone, name, found, from_torch, source)
    write_tensors(target, state, {"format": "pd", "backbone": name})
    heads = passed_over(name, found)
    return f"passed over, of the classifier: {', '.join(heads)}" if heads else None
