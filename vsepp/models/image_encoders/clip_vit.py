"""The vision transformer of CLIP (Radford et al., 2021): patches, a class token, layers."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import nn

from vsepp.models.image_encoders.clip import CLIPImageEncoder
from vsepp.models.towers import clip_layers
from vsepp.models.transformer import LayerOptions, Transformer


class VisionTransformer(nn.Layer):
    """Images → the state of the class token, before the projection.

    Args:
        image_size: side of the images, in pixels.
        patch_size: side of the squares that they are cut into.
        depth: layers.
        options: :class:`LayerOptions` of each.
    """

    def __init__(self, image_size: int, patch_size: int, depth: int, options: LayerOptions) -> None:
        super().__init__()
        size = options.size
        self.patch_embedding = nn.Conv2D(3, size, patch_size, patch_size, bias_attr=False)
        self.class_embedding = self.create_parameter([size])
        patches = (image_size // patch_size) ** 2
        self.position_embedding = self.create_parameter([patches + 1, size])
        self.norm_first = nn.LayerNorm(size, options.layer_norm_eps)
        self.transformer = Transformer(depth, options)
        self.norm_last = nn.LayerNorm(size, options.layer_norm_eps)

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        """float32 ``[batch, 3, image_size, image_size]`` → float32 ``[batch, size]``."""
        patches = self.patch_embedding(images).flatten(2).transpose([0, 2, 1])
        # A sum with what is nothing gives the class token the batch's size, known or not.
        first = self.class_embedding + 0 * patches[:, :1]
        states = paddle.concat([first, patches], 1) + self.position_embedding
        states = self.transformer(self.norm_first(states))
        return self.norm_last(states[:, 0])


class CLIPViTEncoder(CLIPImageEncoder):
    """``image_model: clip_vit``."""

    kinds = {
        "size": int,
        "heads": int,
        "inner_size": int,
        "depth": int,
        "patch_size": int,
        "activation": str,
        "layer_norm_eps": float,
    }

    @property
    def backbone_size(self) -> int:
        return self.sizes["size"]

    def network(self) -> VisionTransformer:
        sizes = self.sizes
        image_size, patch_size = self.preprocessing.image_size, sizes["patch_size"]
        return VisionTransformer(image_size, patch_size, sizes["depth"], clip_layers(sizes))

    def check_layers(self) -> None:
        clip_layers(self.sizes)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        sizes: dict[str, Any] = self.sizes
        size, patch = sizes["size"], sizes["patch_size"]
        last = f"transformer.layers.{sizes['depth'] - 1}.up.weight"
        return {
            "patch_embedding.weight": (size, 3, patch, patch),
            "position_embedding": ((self.preprocessing.image_size // patch) ** 2 + 1, size),
            last: (size, sizes["inner_size"]),
        }
