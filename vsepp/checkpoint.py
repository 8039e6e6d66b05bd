"""Checkpoints: one self-contained file that holds numbers and text, and no code.

The file is in the safetensors format. Its tensors are named ``model/<parameter>`` and, where
training can resume from it, ``optimizer/<slot>/<parameter>``, and ``ema/<parameter>`` for a moving
average of the weights; everything else is one JSON document in its header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from vsepp.data.stored.features import FeatureOrigin
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint
from vsepp.system.invocation import command
from vsepp.system.tensor_files import write_tensors

FORMAT = "vsepp-1"
_HEADER = "vsepp"

RETRIEVAL, CAPTIONER = "retrieval", "captioner"  # the kinds of models


def save_checkpoint(
    path: str | Path,
    model: dict[str, np.ndarray],
    config: dict[str, Any],
    vocab: dict[str, int] | None,
    epoch: int,
    step: int,
    metrics: dict | None = None,
    optimizer: dict[str, dict[str, np.ndarray]] | None = None,
    ema: dict[str, np.ndarray] | None = None,
    **more: Any,
) -> None:
    """Write a checkpoint atomically.

    Args:
        path: destination.
        model: ``{parameter name: ndarray}``.
        config: dictionary of the run's configuration.
        vocab: ``{word: index}``; None for a model that takes sentences otherwise.
        epoch: epochs begun when it was written, from 1.
        step: training steps done.
        metrics: the validation metrics it was chosen by, or None.
        optimizer: ``{slot: {parameter name: ndarray}}``, or None.
        ema: ``{parameter name: ndarray}``, the average of the weights so far where ``model`` holds
            those that training goes on with, or None.
        more: further entries that JSON can hold, such as the ``tokenizer`` that cuts queries as
            the captions were cut (without it: ``words``), and ``exif``, whether the photographs of
            the training were turned as EXIF says (without it: false).
    """
    tensors = {f"model/{name}": np.ascontiguousarray(value) for name, value in model.items()}
    for slot, values in (optimizer or {}).items():
        for name, value in values.items():
            tensors[f"optimizer/{slot}/{name}"] = np.ascontiguousarray(value)
    for name, value in (ema or {}).items():
        tensors[f"ema/{name}"] = np.ascontiguousarray(value)
    header = {
        "format": FORMAT,
        "fingerprint": fingerprint(model),
        "config": config,
        **({} if vocab is None else {"vocab": vocab}),
        "epoch": epoch,
        "step": step,
        "metrics": metrics,
        **more,
    }
    write_tensors(path, tensors, {_HEADER: json.dumps(header, ensure_ascii=False)})


def _open(path: str | Path) -> safe_open:
    path = Path(path)
    if not path.exists():
        raise InputError(
            f"{path} does not exist: there is no checkpoint yet; run `{command('train')}` first, "
            "or give one with --checkpoint."
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a checkpoint: give a file.")
    if not path.is_file():  # to open a pipe is to wait for its writer
        raise InputError(f"{path} is a pipe or a device, not a checkpoint: give a file.")
    with open(path, "rb"):  # its own errors name the file; those of safe_open do not
        pass
    try:
        return safe_open(str(path), framework="numpy")
    except (SafetensorError, OverflowError) as error:
        # Only now: our files begin with a length, whose bytes can be those of a pickle.
        with open(path, "rb") as file:
            start = file.read(9)
        pickled = start[:1] == b"\x80" and start[8:9] not in (b"{", b"")  # ours: length, then {
        if pickled or start[:2] == b"PK":
            raise InputError(
                f"{path} is a pickle or a PyTorch archive, not one of our checkpoints: turn it "
                f"into one with `{command('convert')}`."
            ) from None
        raise InputError(
            f"{path} is truncated or not a checkpoint ({error}): use another, such "
            "as the last one, or train again."
        ) from None


def _header(file: safe_open, path: str | Path) -> dict[str, Any]:
    text = (file.metadata() or {}).get(_HEADER)
    try:
        header = json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise InputError(
            f"{path} was written by another program: give a checkpoint of `{command('train')}`, "
            f"or convert it with `{command('convert')}`."
        )
    if header.get("format") != FORMAT:
        raise InputError(
            f"{path} has the format {header.get('format')!r}, this version reads "
            f"{FORMAT!r}: update the package."
        )
    kinds = {"config": dict, "epoch": int, "step": int, "fingerprint": str}
    if "exif" in header:  # whether the photographs of its training were turned as EXIF says
        kinds["exif"] = bool
    if "vocab" in header:  # a model may take sentences otherwise than by a word list
        kinds["vocab"] = dict
    for key, kind in kinds.items():
        if not isinstance(header.get(key), kind):
            raise InputError(f"{path} lacks {key!r}: the checkpoint is damaged; use another.")
    try:
        if header.get("backbone") is not None:
            FeatureOrigin.from_record(header["backbone"])
    except ValueError:
        raise InputError(
            f"{path} has a malformed 'backbone': the checkpoint is damaged; use another."
        ) from None
    return header


def read_header(path: str | Path) -> dict[str, Any]:
    """Everything in a checkpoint but its tensors; InputError as :func:`load_checkpoint`."""
    with _open(path) as file:
        return _header(file, path)


def load_checkpoint(path: str | Path, parts: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Read a checkpoint without running anything in it.

    Args:
        path: the file.
        parts: prefixes of the tensors wanted, such as ``("model/text_extractor.",)``; the
            default is all.

    Returns:
        dict: ``model`` ``{parameter: ndarray}``, ``optimizer`` ``{slot: {parameter:
        ndarray}}`` and ``ema`` ``{parameter: ndarray}`` (where present), ``config``,
        ``vocab`` (of a model with a word list), ``metrics``, ``epoch``, ``step``,
        ``fingerprint`` and whatever else was stored.

    Raises:
        InputError: when it is missing, truncated, of another program, or a pickle.
    """
    model: dict[str, np.ndarray] = {}
    optimizer: dict[str, dict[str, np.ndarray]] = {}
    ema: dict[str, np.ndarray] = {}
    with _open(path) as file:
        result = _header(file, path)
        for name in file.keys():
            if parts is not None and not name.startswith(tuple(parts)):
                continue
            kind, _, rest = name.partition("/")
            if kind == "model":
                model[rest] = file.get_tensor(name)
            elif kind == "optimizer":
                slot, _, parameter = rest.partition("/")
                optimizer.setdefault(slot, {})[parameter] = file.get_tensor(name)
            elif kind == "ema":
                ema[rest] = file.get_tensor(name)
    result["model"] = model
    if ema:
        result["ema"] = ema
    if optimizer:
        result["optimizer"] = optimizer
    return result


def kind_of(header: Mapping[str, Any]) -> str:
    """What kind of model a checkpoint is, by its header: ``RETRIEVAL``, ``CAPTIONER``, or the name
    of a task that this version does not know."""
    if header["config"].get("caption_model"):
        return CAPTIONER
    return header.get("task", RETRIEVAL)


def kind_in_words(kind: str) -> str:
    """What :func:`kind_of` says, with its article."""
    known = {RETRIEVAL: "a retrieval model", CAPTIONER: "a captioner"}
    return known.get(kind, f"a model for the task {kind!r}")


def check_kind(header: Mapping[str, Any], path: str | Path, wanted: str) -> None:
    """InputError when a checkpoint is of another kind than ``wanted``, as :func:`wrong_kind`."""
    kind = kind_of(header)
    if kind != wanted:
        raise wrong_kind(path, kind)


def wrong_kind(path: str | Path, kind: str) -> InputError:
    """What is said of a checkpoint that is used for what the other kind does: what it is, and
    which command takes it."""
    if kind == CAPTIONER:
        what = "which writes sentences and compares none with photographs"
        mend = (
            f"use it with `{command('caption', '--checkpoint', path)} --image FILE`, or give a "
            "retrieval model"
        )
    elif kind == RETRIEVAL:
        what = "which finds sentences and writes none"
        mend = (
            f"use it with `{command('infer', '--checkpoint', path)} --image FILE`, or give a "
            f"captioner, as `{command('train')} -c DATASET_caption` trains one"
        )
    else:
        what, mend = "which this version does not know", "update the package"
    return InputError(f"{path} is {kind_in_words(kind)}, {what}: {mend}.")


def move_aside(path: str | Path) -> Path | None:
    """Rename an existing file to ``name.1``, ``name.2`` … and return the new path, or None."""
    path = Path(path)
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(aside)
    return aside
