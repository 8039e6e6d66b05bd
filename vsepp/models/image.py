"""The image encoders: a backbone or its stored features, then one linear layer."""

import math

import paddle
from paddle import nn

from vsepp.data.transforms import MEAN, STD, normalize
from vsepp.models.backbones import build_backbone, feature_size
from vsepp.models.embedding import l2_normalize
from vsepp.models.sharing import array_of, tensor_of
from vsepp.models.weights import initialise_backbone


def _linear(size, embed_size):
    """A linear layer with Xavier-normal weights and bias 0."""
    std = math.sqrt(2.0 / (size + embed_size))
    return nn.Linear(
        size,
        embed_size,
        weight_attr=nn.initializer.Normal(0.0, std),
        bias_attr=nn.initializer.Constant(0.0),
    )


def as_network_input(images):
    """Images as a backbone takes them, on the device where they are.

    Args:
        images: uint8 ``[batch, height, width, 3]``, pixels that are normalised here; or float32
            ``[batch, 3, height, width]``, normalised already.

    Returns:
        float32 ``[batch, 3, height, width]``
    """
    if images.dtype != paddle.uint8:
        return images
    if images.place.is_cpu_place():
        return tensor_of(normalize(array_of(images)))
    # Tensors, not numbers: dividing by a number multiplies by its rounded inverse.
    scaled = images.astype("float32") / paddle.full([1], 255, "float32")
    return ((scaled - paddle.to_tensor(MEAN)) / paddle.to_tensor(STD)).transpose([0, 3, 1, 2])


class FeatureRepExtractor(nn.Layer):
    """Precomputed features → vectors of the joint space.

    Args:
        feature_size: numbers per image.
        embed_size: size of the result.
        normalize: L2-normalise the result.
        normalize_features: L2-normalise the features before the linear layer.
        use_abs: take absolute values at the end, as Order0 of the authors does.
    """

    def __init__(
        self, feature_size, embed_size, normalize=True, normalize_features=False, use_abs=False
    ):
        super().__init__()
        self.fc = _linear(feature_size, embed_size)
        self.normalize = normalize
        self.normalize_features = normalize_features
        self.use_abs = use_abs

    def encode_features(self, features):
        """float32 ``[batch, feature_size]`` → float32 ``[batch, embed_size]``."""
        if self.normalize_features:
            features = l2_normalize(features)
        codes = self.fc(features)
        if self.normalize:
            codes = l2_normalize(codes)
        return paddle.abs(codes) if self.use_abs else codes

    def forward(self, features):
        """float32 ``[batch, feature_size]`` → float32 ``[batch, embed_size]``."""
        return self.encode_features(features)


class ImageRepExtractor(FeatureRepExtractor):
    """Images → vectors of the joint space (VSE++, section 3.2).

    Args:
        embed_size: size of the result.
        pretrained_model: name of the backbone, see ``vsepp.models.backbones.BACKBONES``.
        finetuned: train the backbone too. Otherwise it is frozen and always in evaluation
            mode, so that neither its weights nor its batch statistics move.
        pretrained: start from ImageNet weights, downloaded by Paddle when it has them not.
        weights: file with the backbone's weights; goes before ``pretrained``.
        normalize, normalize_features, use_abs: see :class:`FeatureRepExtractor`.

    Raises:
        InputError: for an unknown backbone, or weights that are missing or do not fit.
    """

    def __init__(
        self,
        embed_size,
        pretrained_model="resnet152",
        finetuned=True,
        pretrained=True,
        weights=None,
        normalize=True,
        normalize_features=False,
        use_abs=False,
    ):
        super().__init__(
            feature_size(pretrained_model), embed_size, normalize, normalize_features, use_abs
        )
        self.finetuned = finetuned
        self.backbone = build_backbone(pretrained_model)
        initialise_backbone(self.backbone, pretrained_model, pretrained, weights)
        if not finetuned:
            for parameter in self.backbone.parameters():
                parameter.stop_gradient = True
            self.backbone.eval()

    def train(self):
        """Training mode for all but a frozen backbone."""
        super().train()
        if not self.finetuned:
            self.backbone.eval()
        return self

    def forward(self, images):
        """Images → float32 ``[batch, embed_size]``.

        Args:
            images: float32 ``[batch, 3, height, width]``, normalised; or uint8
                ``[batch, height, width, 3]`` pixels, see :func:`as_network_input`.
        """
        images = as_network_input(images)
        if self.finetuned:
            features = self.backbone(images)
        else:
            self.backbone.eval()  # a layer around this one calls no train() of ours
            with paddle.no_grad():
                features = self.backbone(images)
        return self.encode_features(features)
