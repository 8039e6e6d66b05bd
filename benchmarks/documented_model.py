"""The documented network, loss and step, written plainly: what a tutorial's reader runs.

Every caption is padded to the longest there may be, and ``nn.GRU`` walks over all of it. Mended
only where it would not run, or would train something else: the frozen backbone is frozen by
``stop_gradient`` and stays in evaluation mode. The names of the parameters are those of
``vsepp.models``, so that both sides can be given the same weights.
"""

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.vision import models


class ImageEncoder(nn.Layer):
    """A ResNet without its classifier, a linear layer, unit length."""

    def __init__(self, embed_size, backbone="resnet50", feature_size=2048):
        super().__init__()
        self.backbone = getattr(models, backbone)(pretrained=False, num_classes=0)
        for parameter in self.backbone.parameters():
            parameter.stop_gradient = True
        self.backbone.eval()
        self.fc = nn.Linear(feature_size, embed_size)

    def forward(self, images):
        with paddle.no_grad():
            features = paddle.flatten(self.backbone(images), 1)
        return self.encode_features(features)

    def encode_features(self, features):
        codes = self.fc(features)
        return codes / paddle.norm(codes, axis=1, keepdim=True)


class FeatureEncoder(nn.Layer):
    """The same over features."""

    def __init__(self, embed_size, feature_size):
        super().__init__()
        self.fc = nn.Linear(feature_size, embed_size)

    def forward(self, features):
        codes = self.fc(features)
        return codes / paddle.norm(codes, axis=1, keepdim=True)


class TextEncoder(nn.Layer):
    """Word embedding, GRU over all columns, the state at the last word, unit length."""

    def __init__(self, vocab_size, word_dim, embed_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, word_dim)
        self.gru = nn.GRU(word_dim, embed_size)

    def forward(self, captions, lengths):
        _, states = self.gru(self.embedding(captions), sequence_length=lengths)
        return states[-1] / paddle.norm(states[-1], axis=1, keepdim=True)


class Model(nn.Layer):
    """Both encoders."""

    def __init__(self, image_extractor, text_extractor):
        super().__init__()
        self.image_extractor = image_extractor
        self.text_extractor = text_extractor

    def forward(self, images, captions, lengths):
        return self.image_extractor(images), self.text_extractor(captions, lengths)


def triplet_loss(image_codes, text_codes, margin=0.2):
    """The hardest negative of the batch in both directions, summed."""
    scores = paddle.matmul(image_codes, text_codes, transpose_y=True)
    diagonal = paddle.diagonal(scores).reshape([-1, 1])
    others = 1 - paddle.eye(scores.shape[0])
    captions = F.relu(margin + scores - diagonal.expand_as(scores)) * others
    images = F.relu(margin + scores - diagonal.t().expand_as(scores)) * others
    return captions.max(axis=1).sum() + images.max(axis=0).sum()


def adam(model, learning_rate, grad_clip):
    """Adam with global-norm clipping."""
    return paddle.optimizer.Adam(
        learning_rate,
        parameters=[parameter for parameter in model.parameters() if not parameter.stop_gradient],
        grad_clip=nn.ClipGradByGlobalNorm(grad_clip),
    )


def train_step(model, optimizer, images, captions, lengths):
    """One step; returns the loss as a number."""
    loss = triplet_loss(*model(images, captions, lengths))
    loss.backward()
    optimizer.step()
    optimizer.clear_grad()
    return float(loss)
