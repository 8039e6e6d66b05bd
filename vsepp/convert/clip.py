"""A CLIP or Chinese-CLIP of others becomes one of our checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vsepp.checkpoint import read_header, save_checkpoint
from vsepp.config import Config, apply
from vsepp.data.preprocessing import Preprocessing
from vsepp.models.encoders import TextEncoder
from vsepp.models.image_encoders.clip import CLIPImageEncoder
from vsepp.models.state import set_state
from vsepp.system.errors import InputError

#: of the photographs that OpenAI trained on; what Chinese-CLIP and most others took over
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class CLIP(NamedTuple):
    """What a folder or file of others holds.

    Attributes:
        text, image: encoders of ours that compute the same.
        texts, images: ``{parameter: float32 array}`` of their networks.
        logit_scale: the logarithm of what the similarities are multiplied by.
    """

    text: TextEncoder
    image: CLIPImageEncoder
    texts: dict[str, np.ndarray]
    images: dict[str, np.ndarray]
    logit_scale: float


def convert_clip(source: str | Path, vocabulary: str | Path | None, target: str | Path) -> str:
    """Turn a CLIP into a checkpoint. No code of theirs is needed, and none is run.

    Args:
        source: a folder as Hugging Face keeps CLIP and Chinese-CLIP, or OpenAI's own file.
        vocabulary: ``bpe_simple_vocab_16e6.txt.gz``, which OpenAI's own file needs beside it.
        target: our checkpoint.

    Returns:
        what was found, in a few words.

    Raises:
        InputError: when something is missing, damaged, or of another architecture, or the target
            is a file of the source.
    """
    from vsepp.convert.clip_hub import read_folder
    from vsepp.convert.clip_openai import read_archive

    source = Path(source)
    if source.is_dir():
        _check_target(source, Path(target))
        if vocabulary is not None:
            raise InputError(
                f"--vocab: {source} is a folder, which has its own tokenizer: leave it out."
            )
        clip = read_folder(source)
    else:
        clip = read_archive(source, vocabulary)
    for encoder, state in ((clip.text, clip.texts), (clip.image, clip.images)):
        encoder.check_state(state, str(source))  # first: a network is built that they fit
        set_state(encoder.build(), state, str(source))
    config = clip.text.config
    save_checkpoint(
        target,
        {
            **{f"image_extractor.{name}": value for name, value in clip.images.items()},
            **{f"text_extractor.{name}": value for name, value in clip.texts.items()},
            "logit_scale": np.array([clip.logit_scale], np.float32),
        },
        config.to_dict(),
        None,
        epoch=0,
        step=0,
        **clip.text.contents(),
        **clip.image.contents(),
    )
    steps, reader = clip.image.preprocessing, clip.text.reader
    return (
        f"{config.image_model} for photographs of {steps.image_size} pixels, {config.text_model} "
        f"for sentences of up to {reader.longest} tokens, codes of {config.embed_size} numbers"
    )


def _check_target(folder: Path, target: Path) -> None:
    """InputError for a file that a folder came with; a checkpoint of before is written anew."""
    if not target.is_file() or target.resolve().parent != folder.resolve():
        return
    try:
        read_header(target)
    except InputError:
        raise InputError(
            f"{target} is of the folder that is converted: give another name for what is written."
        ) from None


def clip_config(
    image_model: str, text_model: str, embed_size: int, steps: Preprocessing, source: str
) -> Config:
    """The configuration of such a checkpoint: what a run that begins with it has from there."""
    return apply(
        Config(),
        dict(
            dataset="clip",
            image_model=image_model,
            text_model=text_model,
            embed_size=embed_size,
            pretrained=False,
            resize=steps.resize,
            image_size=steps.image_size,
            loss="npair",
        ),
        source,
    )
