"""Runs of a second or two on a data set of twenty pictures."""

import dataclasses
import json
import shutil
import tempfile
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest
from conftest import COLOURS, SHAPES, draw_picture, karpathy, sentences_about
from PIL import Image

from vsepp import Config, create_dataset
from vsepp.text.reader import WordReader
from vsepp.text.vocabulary import SPECIAL_WORDS, Vocabulary

CAPTIONS = 5
TRAIN, VAL, TEST = 12, 4, 4


def make_data(data_dir, restval=0):
    """Draw and prepare the data set `tiny` below `data_dir`; returns `data_dir` as text."""
    splits = ["train"] * TRAIN + ["val"] * VAL + ["test"] * TEST + ["restval"] * restval
    folder, images = data_dir / "tiny", []
    for place, split in enumerate(splits):
        colour, shape = list(COLOURS)[place % len(COLOURS)], SHAPES[place % len(SHAPES)]
        size = (32, 40) if split == "restval" else (40, 32)  # by then the kinds are used up
        draw_picture(folder / "images" / f"{place:02d}.png", colour, shape, size)
        images.append((f"{place:02d}.png", split, sentences_about(colour, shape)))
    (folder / "dataset_tiny.json").write_text(json.dumps(karpathy(images)), encoding="utf-8")
    create_dataset(str(data_dir), "tiny", captions_per_image=CAPTIONS, min_word_count=0)
    return str(data_dir)


@lru_cache(maxsize=None)
def _with_features():
    """A folder, which goes when Python ends, with the data set and its features."""
    from vsepp.training.data import open_splits

    folder = tempfile.TemporaryDirectory(prefix="tiny")
    data_dir = make_data(Path(folder.name))
    open_splits(make_config(data_dir, Path(folder.name)), ("train", "val", "test"))
    return folder


def make_data_with_features(data_dir):
    """As `make_data`, with what `make_config` reads stored already: computed once for all."""
    shutil.copytree(Path(_with_features().name) / "tiny", Path(data_dir) / "tiny")
    return str(data_dir)


def word_list(count):
    """What a prepared data set knows of its words: `count` of them, the special ones included."""
    words = [f"word{number}" for number in range(count - len(SPECIAL_WORDS))]
    return WordReader(Vocabulary.build([words], 0))


def make_config(data_dir, out, **changes):
    """Of a run over stored features that writes below `out`: 2 epochs of 7 steps."""
    values = dict(
        dataset="tiny",
        data_dir=str(data_dir),
        min_word_count=0,  # as the data were prepared
        image_model="shufflenet_v2_x0_25",
        pretrained=False,
        finetuned=False,
        resize=36,
        image_size=32,
        word_dim=8,
        embed_size=16,
        batch_size=8,
        num_epochs=2,
        learning_rate=0.005,
        evaluate_step=3,
        save_seconds=0,
        log_step=2,
        workers=0,
        device="cpu",
        run_dir=str(out / "runs"),
        best_checkpoint=str(out / "best_<dataset>.ckpt"),
        last_checkpoint=str(out / "last_<dataset>.ckpt"),
    )
    return dataclasses.replace(Config(), **{**values, **changes})


def save_untrained(path, words, **options):
    """Write the checkpoint of a model over photographs that has seen none; returns its path."""
    import paddle

    from vsepp.checkpoint import save_checkpoint
    from vsepp.models.encoders import encoders_for_training
    from vsepp.models.state import get_state
    from vsepp.models.vsepp import build_model

    config = make_config(path.parent, path.parent, finetuned=True, **options)
    vocabulary = Vocabulary.build([words], 0)
    paddle.seed(0)
    model = build_model(*encoders_for_training(config, WordReader(vocabulary)))
    save_checkpoint(path, get_state(model), config.to_dict(), vocabulary.word_to_index, 1, 1)
    return path


@contextmanager
def hardly_drawn():
    """Dots in place of a tiny run's pictures, which take most of its time; tested elsewhere."""
    from vsepp.report import training_listener

    dot = Image.new("RGB", (8, 8), "white")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_listener, "show_queries", lambda *_: dot)
        patch.setattr(training_listener, "draw_curves", lambda history, path: dot.save(path))
        yield
