"""Small captioners and batches for them."""

import numpy as np
import paddle

from vsepp.models.caption_decoders.word_decoder import targets_of
from vsepp.models.captioner import Captioner
from vsepp.models.decoders import find_caption_decoder
from vsepp.models.image_encoders.grid_cells import FeatureCells
from vsepp.models.text_encoders.text_dropout import TextDropout

VOCABULARY, FEATURES, CELLS = 20, 10, 6
UNK, START, END = 1, 2, 3
DROPOUT = TextDropout(0.3, 0.3, 0.3, unknown=UNK, marks=(0, START, END))
#: name → decoder, and what it is built with
KINDS = {
    "attention": ("attention", dict(cell_size=5, decoder_size=8, attention_size=7)),
    "attention, mean": (
        "attention",
        dict(cell_size=5, decoder_size=8, attention_size=7, initial_state="mean"),
    ),
    "addnorm": ("addnorm", dict(cell_size=8, decoder_size=8)),
    "addnorm, mean": ("addnorm", dict(cell_size=8, decoder_size=8, initial_state="mean")),
    "addnorm, heads": ("addnorm", dict(cell_size=5, decoder_size=8, heads=2)),
}


def make_decoder(kind, dropout=TextDropout(), words=VOCABULARY):
    """With weights large enough for attention to prefer some cells."""
    paddle.seed(0)
    name, sizes = KINDS[kind]
    decoder = find_caption_decoder(name)(words, word_dim=4, dropout=dropout, **sizes)
    for parameter in decoder.parameters():
        parameter.set_value(parameter + 0.4 * paddle.randn(parameter.shape))
    return decoder


def make_captioner(kind, dropout=TextDropout(), words=VOCABULARY, **head):
    decoder = make_decoder(kind, dropout, words)
    cells = FeatureCells(FEATURES, decoder.cell_size, decoder.rectified, **head)
    return Captioner(cells, decoder)


def make_features(images=3, dtype=np.float32):
    values = np.random.default_rng(1).standard_normal((images, CELLS, FEATURES))
    return paddle.to_tensor(values.astype(dtype))


def make_captions(lengths):
    """(int64 [n, longest], int64 [n]) as tensors: `lengths` count <start> and <end>."""
    grid = np.zeros((len(lengths), max(lengths)), np.int64)
    generator = np.random.default_rng(2)
    for row, length in zip(grid, lengths):
        row[:length] = START, *generator.integers(4, VOCABULARY, length - 2), END
    return paddle.to_tensor(grid), paddle.to_tensor(np.array(lengths, np.int64))


def make_targets(captions, lengths):
    return paddle.to_tensor(targets_of(captions.numpy(), lengths.numpy()))


def save_captioner(path, words, seed=0):
    """Write the checkpoint of one over photographs that has seen none; returns its path as text.

    Photographs have different sentences all the same.
    """
    from tiny import make_config

    from vsepp.checkpoint import save_checkpoint
    from vsepp.models.caption_parts import DecoderParts, build_captioner
    from vsepp.models.image_encoders.cell_encoder import CellEncoder
    from vsepp.models.state import get_state
    from vsepp.text.reader import WordReader
    from vsepp.text.vocabulary import Vocabulary

    keys = dict(caption_model="attention", image_features="grid", resize=72, image_size=64)
    sizes = dict(cell_size=8, attention_size=8, decoder_size=8, max_len=6, finetuned=True)
    config = make_config(path.parent, path.parent, **keys, **sizes)
    vocabulary = Vocabulary.build([words], 0)
    paddle.seed(seed)
    parts = DecoderParts(config, WordReader(vocabulary))
    model = build_captioner(CellEncoder.for_training(config), parts)
    for parameter in model.decoder.parameters():
        parameter.set_value(parameter + 0.5 * paddle.randn(parameter.shape))
    save_checkpoint(path, get_state(model), config.to_dict(), vocabulary.word_to_index, 1, 1)
    return str(path)
