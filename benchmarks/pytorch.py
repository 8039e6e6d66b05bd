"""The same work in PyTorch, as its users write it: packed GRU step, ResNet-50."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks import synthetic


class Encoders(nn.Module):
    """Both encoders over features; parameters as in ``vsepp.models``."""

    def __init__(self, vocabulary, word_dim, embed_size, feature_size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, word_dim)
        self.gru = nn.GRU(word_dim, embed_size, batch_first=True)
        self.fc = nn.Linear(feature_size, embed_size)

    def forward(self, features, captions, lengths):
        packed = pack_padded_sequence(
            self.embedding(captions), lengths, batch_first=True, enforce_sorted=False
        )
        _, states = self.gru(packed)
        return (
            nn.functional.normalize(self.fc(features), dim=1),
            nn.functional.normalize(states[-1], dim=1),
        )


def triplet_loss(image_codes, text_codes, margin=0.2):
    """The hardest negative of the batch in both directions, summed."""
    scores = image_codes @ text_codes.T
    right = scores.diag()
    own = torch.eye(len(scores), dtype=torch.bool)
    captions = (margin + scores - right[:, None]).clamp(min=0).masked_fill(own, 0)
    images = (margin + scores - right[None, :]).clamp(min=0).masked_fill(own, 0)
    return captions.max(1)[0].sum() + images.max(0)[0].sum()


class Step:
    """The training step; arguments as :class:`benchmarks.training_step.Ours`."""

    def __init__(
        self,
        batches,
        batch,
        vocabulary,
        word_dim,
        embed_size,
        feature_size,
        learning_rate,
        grad_clip,
    ):
        torch.manual_seed(0)
        self.model = Encoders(vocabulary, word_dim, embed_size, feature_size)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=learning_rate)
        self.grad_clip = grad_clip
        self.batches = [
            tuple(map(torch.from_numpy, arrays))
            for arrays in synthetic.training_batches(batches, batch, vocabulary, feature_size)
        ]
        self.info = {"threads": torch.get_num_threads()}

    def run(self):
        loss = 0.0
        for features, captions, lengths in self.batches:
            self.optimizer.zero_grad()
            found = triplet_loss(*self.model(features, captions, lengths))
            found.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_clip)
            self.optimizer.step()
            loss = found.item()
        return loss


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3, 1 × 1 and a shortcut (He et al., 2016)."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, images):
        return torch.relu(self.body(images) + self.shortcut(images))


def resnet50():
    """Images → 2,048 numbers."""
    layers = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            layers.append(Bottleneck(inputs, width, 2 if block == 0 and width > 64 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Features:
    """Features of images, eagerly.

    Args:
        pixels: ``.npy`` file, uint8 ``[n, height, width, 3]``: this interpreter need not have
            Pillow, so here nothing is decoded.
        batch: images at a time.
    """

    def __init__(self, pixels, batch):
        torch.manual_seed(0)
        self.network = resnet50().eval()
        self.pixels = np.load(pixels, allow_pickle=False)
        self.mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        self.std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        self.batch = batch
        self.info = {"threads": torch.get_num_threads()}

    @torch.inference_mode()
    def run(self):
        for start in range(0, len(self.pixels), self.batch):
            pixels = torch.from_numpy(self.pixels[start : start + self.batch])
            images = pixels.permute(0, 3, 1, 2).float().div_(255).sub_(self.mean).div_(self.std)
            self.network(images.contiguous())
