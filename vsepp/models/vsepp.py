"""VSE++: an image encoder and a text encoder that share one space."""

import math

from paddle import nn

from vsepp.models.image import FeatureRepExtractor, ImageRepExtractor
from vsepp.models.text import TextRepExtractor

BACKBONE = "image_extractor.backbone."  # how the names of a VSEPP's backbone parameters begin


class VSEPP(nn.Layer):
    """Both encoders.

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
        measure: ``cosine`` or ``order``, kept for whoever compares the codes.
        learn_temperature: hold ``logit_scale``, which the N-pair loss learns.
    """

    def __init__(
        self,
        vocab_size,
        word_dim,
        embed_size,
        num_layers,
        image_model,
        finetuned=True,
        pretrained=True,
        weights=None,
        feature_size=None,
        normalize_features=False,
        normalize_images=True,
        use_abs=False,
        measure="cosine",
        learn_temperature=False,
    ):
        super().__init__()
        self.measure = measure
        head = dict(
            normalize=normalize_images, normalize_features=normalize_features, use_abs=use_abs
        )
        if feature_size is None:
            self.image_extractor = ImageRepExtractor(
                embed_size, image_model, finetuned, pretrained, weights, **head
            )
        else:
            self.image_extractor = FeatureRepExtractor(feature_size, embed_size, **head)
        self.text_extractor = TextRepExtractor(
            vocab_size, word_dim, embed_size, num_layers, use_abs
        )
        if learn_temperature:
            self.logit_scale = self.create_parameter(
                [1], default_initializer=nn.initializer.Constant(math.log(1 / 0.07))
            )

    def train(self):
        """Training mode for all but a frozen backbone."""
        super().train()
        self.image_extractor.train()
        return self

    def forward(self, images, captions, cap_lens):
        """Images (or their features), captions and lengths → (image codes, text codes).

        Both are float32 ``[batch, embed_size]``; row ``k`` of one belongs to row ``k`` of the
        other.
        """
        return self.image_extractor(images), self.text_extractor(captions, cap_lens)


def build_image_extractor(config, feature_size=None):
    """The image half of what a configuration describes, its backbone's weights as built."""
    head = dict(
        normalize=config.normalize_images,
        normalize_features=config.normalize_features,
        use_abs=config.use_abs,
    )
    if feature_size is None:
        return ImageRepExtractor(
            config.embed_size, config.image_model, finetuned=False, pretrained=False, **head
        )
    return FeatureRepExtractor(feature_size, config.embed_size, **head)


def build_text_extractor(config, vocab_size):
    """The text half of what a configuration describes."""
    return TextRepExtractor(
        vocab_size, config.word_dim, config.embed_size, config.num_layers, config.use_abs
    )


def build_model(config, vocab_size, feature_size=None, with_weights=True):
    """The network a configuration describes, for training.

    Args:
        config: a ``vsepp.config.Config``.
        vocab_size: words in the vocabulary.
        feature_size: size of stored features, when images come as such.
        with_weights: start the backbone from ``config.weights`` or ImageNet's; without, it
            is left as built, for weights that are set afterwards.
    """
    return VSEPP(
        vocab_size,
        config.word_dim,
        config.embed_size,
        config.num_layers,
        config.image_model,
        finetuned=config.finetuned,
        pretrained=with_weights and config.pretrained,
        weights=config.weights if with_weights else None,
        feature_size=feature_size,
        normalize_features=config.normalize_features,
        normalize_images=config.normalize_images,
        use_abs=config.use_abs,
        measure=config.measure,
        learn_temperature=config.loss == "npair",
    )
