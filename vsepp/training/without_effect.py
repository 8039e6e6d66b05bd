"""Keys that somebody set and that a run's other keys leave without effect: said, not passed over.

A configuration may hold what another option makes pointless, such as the margin of a loss that is
not used any more, so this refuses nothing.
"""

from __future__ import annotations

from vsepp.config import KEYS, Config, override
from vsepp.models.backbones import BACKBONES
from vsepp.models.decoders import OWN_KEYS, SHAPING_KEYS

_OF_WORDS = ("gru", "bigru")
_WITH_HINGES = ("triplet", "both")
_OF_RETRIEVAL = (
    "image_pooling",
    "text_model",
    "text_weights",
    "text_frozen",
    "text_pooling",
    "embed_size",
    "num_layers",
    "projection",
    "normalize_images",
    "use_abs",
    "measure",
    "loss",
    "triplet_weight",
    "npair_weight",
    "margin",
    "hard_negative",
    "hard_negative_warmup",
    "hard_negative_warmup_loss",
    "mask_same_image",
    "mask_equal_captions",
    "batch_by_length",
    "pretrained_lr",
)
_OF_A_CAPTIONER = (
    *SHAPING_KEYS,
    "label_smoothing",
    "doubly_stochastic",
    "self_critical",
    "self_critical_samples",
    "self_critical_temperature",
    "beam",
    "length_penalty",
    "block_ngram",
)


def keys_without_effect(config: Config) -> list[str]:
    """A line for each key whose value is not its default and does nothing, with the reason."""
    lines = [
        f"{override(key, getattr(config, key))} has no effect: {reason}"
        for key, reason in _reasons(config).items()
        if getattr(config, key) != KEYS[key].default
    ]
    hinges = config.loss in _WITH_HINGES and config.hard_negative
    if not config.caption_model and hinges and config.hard_negative_warmup >= config.num_epochs:
        lines.append(
            f"hard_negative does not set in: hard_negative_warmup={config.hard_negative_warmup} "
            f"and num_epochs={config.num_epochs}"
        )
    return lines


def _reasons(config: Config) -> dict[str, str]:
    """``{key: why it does nothing}``, whatever its value is."""
    found = _reasons_of_any_task(config)
    if config.caption_model:
        found.update(dict.fromkeys(_OF_RETRIEVAL, "a captioner compares nothing"))
        for key, decoder in OWN_KEYS.items():
            if decoder != config.caption_model:
                found[key] = f"caption_model={config.caption_model} has none"
        if not config.self_critical:
            for key in ("self_critical_samples", "self_critical_temperature"):
                found[key] = "self_critical is 0"
        elif config.self_critical >= config.num_epochs:
            for key in ("label_smoothing", "doubly_stochastic"):
                found[key] = "all epochs are self_critical ones, which have a loss of their own"
        return found
    found.update(dict.fromkeys(_OF_A_CAPTIONER, "without caption_model this is no captioner"))
    if config.text_model in _OF_WORDS:
        found["pretrained_lr"] = f"text_model={config.text_model} is not pretrained"
    else:
        for key in ("word_dim", "num_layers"):
            found[key] = f"text_model={config.text_model} has its own"
    if config.loss != "both":
        for key in ("triplet_weight", "npair_weight"):
            found[key] = f"loss={config.loss} is no sum of two"
    if config.loss not in _WITH_HINGES:
        for key in ("margin", "hard_negative", "hard_negative_warmup", "hard_negative_warmup_loss"):
            found[key] = f"loss={config.loss} has no hinges"
    elif not config.hard_negative:
        for key in ("hard_negative_warmup", "hard_negative_warmup_loss"):
            found[key] = "hard_negative is false"
    elif not config.hard_negative_warmup:
        found["hard_negative_warmup_loss"] = "hard_negative_warmup is 0"
    return found


def _reasons_of_any_task(config: Config) -> dict[str, str]:
    found = {}
    if config.image_model not in BACKBONES:
        found["pixels"] = f"image_model={config.image_model} has its own"
    if not config.finetuned:
        found["recompute"] = "finetuned=false trains no backbone"
    if config.schedule == "cosine":
        for key in ("lr_update", "lr_decay"):
            found[key] = "schedule=cosine does without cuts"
        if config.min_learning_rate >= config.learning_rate:
            found["schedule"] = "min_learning_rate is not below learning_rate, which stays"
    return found
