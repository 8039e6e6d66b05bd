"""The network of the documents, as their reader builds it from Paddle's own models."""

import paddle
from paddle import nn
from paddle.vision import models

from vsepp.text.vocabulary import Vocabulary


class ImageRepExtractor(nn.Layer):
    """A ResNet as a Sequential of its children, a VGG without its last layer; then a linear one."""

    def __init__(self, embed_size, name):
        super().__init__()
        net = getattr(models, name)(pretrained=False)
        if name.startswith("resnet"):
            features = net.fc.weight.shape[0]
            self.net = nn.Sequential(*list(net.children())[:-1])
        else:
            features = net.classifier[6].weight.shape[0]
            net.classifier = nn.Sequential(*list(net.classifier.children())[:-1])
            self.net = net
        self.fc = nn.Linear(features, embed_size)

    def forward(self, images):
        return nn.functional.normalize(self.fc(self.net(images).flatten(1)))


class HeadInside(nn.Layer):
    """The other way: the network's own last layer is replaced."""

    def __init__(self, embed_size, name):
        super().__init__()
        self.net = getattr(models, name)(pretrained=False)
        if name.startswith("resnet"):
            self.net.fc = nn.Linear(self.net.fc.weight.shape[0], embed_size)
        else:
            self.net.classifier[6] = nn.Linear(4096, embed_size)

    def forward(self, images):
        return nn.functional.normalize(self.net(images))


class TextRepExtractor(nn.Layer):
    def __init__(self, vocab_size, word_dim, embed_size, num_layers):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, word_dim)
        self.rnn = nn.GRU(word_dim, embed_size, num_layers)

    def forward(self, captions, cap_lens):
        _, states = self.rnn(self.embed(captions), sequence_length=cap_lens)
        return nn.functional.normalize(states[-1])


class VSEPP(nn.Layer):
    def __init__(
        self,
        vocab_size,
        word_dim,
        embed_size,
        num_layers,
        image_model,
        finetuned=True,
        image_extractor=ImageRepExtractor,
    ):
        super().__init__()
        self.image_extractor = image_extractor(embed_size, image_model)
        for parameter in self.image_extractor.net.parameters():
            parameter.stop_gradient = parameter.stop_gradient or not finetuned
        self.text_extractor = TextRepExtractor(vocab_size, word_dim, embed_size, num_layers)

    def forward(self, images, captions, cap_lens):
        return self.image_extractor(images), self.text_extractor(captions, cap_lens)


def words(count):
    """A vocabulary of that many words."""
    return Vocabulary.build([[f"w{index}"] for index in range(count - 4)], 0)


def batch(count, vocab_size, side=64, seed=0):
    """(images, captions, lengths) of random numbers."""
    paddle.seed(seed)
    images = paddle.randn([count, 3, side, side])
    captions = paddle.randint(1, vocab_size, [count, 5])
    return images, captions, paddle.randint(2, 6, [count])


def save(network, path, optimizer=None, epoch=0, step=0):
    """Write a checkpoint as the documents' loop does."""
    paddle.save(
        {
            "epoch": epoch,
            "step": step,
            "model": network.state_dict(),
            "optimizer": optimizer.state_dict() if optimizer else {},
        },
        str(path),
    )
