"""VSE++: an image encoder and a text encoder that share one space."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import nn

from vsepp.models.encoders import ImageEncoder, TextEncoder
from vsepp.models.image_encoders.cnn import BACKBONE as _BACKBONE
from vsepp.models.image_encoders.cnn import ImageRepExtractor
from vsepp.models.image_encoders.features import FeatureRepExtractor
from vsepp.models.losses import learns_temperature
from vsepp.models.text_encoders.gru import TextRepExtractor

BACKBONE = f"image_extractor.{_BACKBONE}"  # how the names of a model's backbone parameters begin
TEMPERATURE = "logit_scale"  # the parameter that the N-pair loss learns


class JointEmbedding(nn.Layer):
    """Two encoders that end in one space.

    Args:
        image_extractor: from images, or their features, to codes ``[batch, embed_size]``.
        text_extractor: from captions and lengths to codes ``[batch, embed_size]``.
        measure: ``cosine`` or ``order``, kept for whoever compares the codes.
        learn_temperature: hold ``logit_scale``, which the N-pair loss learns.
    """

    def __init__(
        self,
        image_extractor: nn.Layer,
        text_extractor: nn.Layer,
        measure: str = "cosine",
        learn_temperature: bool = False,
    ) -> None:
        super().__init__()
        self.measure = measure
        self.image_extractor = image_extractor
        self.text_extractor = text_extractor
        if learn_temperature:
            self.logit_scale = self.create_parameter(
                [1], default_initializer=nn.initializer.Constant(math.log(1 / 0.07))
            )

    def train(self) -> JointEmbedding:
        """Training mode for all but what is frozen in an encoder."""
        super().train()
        self.image_extractor.train()
        self.text_extractor.train()
        return self

    def forward(
        self, images: paddle.Tensor, captions: paddle.Tensor, cap_lens: paddle.Tensor
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Images (or their features), captions and lengths → (image codes, text codes).

        Both are float32 ``[batch, embed_size]``; row ``k`` of one belongs to row ``k`` of the
        other.
        """
        return self.image_extractor(images), self.text_extractor(captions, cap_lens)


class VSEPP(JointEmbedding):
    """The two encoders of VSE++.

    Args:
        vocab_size, word_dim, embed_size, num_layers: see :class:`TextRepExtractor`.
        image_model: name of the backbone.
        finetuned: train the backbone too.
        pretrained, weights: where the backbone's weights come from.
        feature_size: when given, images come as stored features of this size and there is
            no backbone inside.
        normalize_features: L2-normalise the backbone's features before the linear layer.
        normalize_images: L2-normalise the image codes (VSE0 of the authors does not).
        use_abs: take absolute values of the codes (Order0 of the authors does).
        measure, learn_temperature: see :class:`JointEmbedding`.
    """

    def __init__(
        self,
        vocab_size: int,
        word_dim: int,
        embed_size: int,
        num_layers: int,
        image_model: str,
        finetuned: bool = True,
        pretrained: bool = True,
        weights: str | None = None,
        feature_size: int | None = None,
        normalize_features: bool = False,
        normalize_images: bool = True,
        use_abs: bool = False,
        measure: str = "cosine",
        learn_temperature: bool = False,
    ) -> None:
        head: dict[str, Any] = dict(
            normalize=normalize_images, normalize_features=normalize_features, use_abs=use_abs
        )
        images: FeatureRepExtractor
        if feature_size is None:
            images = ImageRepExtractor(
                embed_size, image_model, finetuned, pretrained, weights, **head
            )
        else:
            images = FeatureRepExtractor(feature_size, embed_size, **head)
        texts = TextRepExtractor(vocab_size, word_dim, embed_size, num_layers, use_abs)
        super().__init__(images, texts, measure, learn_temperature)


def build_model(
    text: TextEncoder, image: ImageEncoder, with_weights: bool = True
) -> JointEmbedding:
    """The network that a configuration describes, for training.

    Args:
        text, image: its encoders.
        with_weights: begin with the weights that the configuration asks for; without, they are
            left as built, to be set afterwards.
    """
    config = image.config
    return JointEmbedding(
        image.build_for_training(with_weights),  # first: the seed's numbers are drawn in order
        text.build_for_training(with_weights),
        config.measure,
        learn_temperature=learns_temperature(config),
    )
