"""``inference.yml``: all that must be known of an export to use it."""

from __future__ import annotations

import hashlib
import importlib
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

import vsepp
from vsepp.captioning.model import CaptionModel
from vsepp.export.graphs import Graph
from vsepp.export.parts import Model
from vsepp.retrieval.model import RetrievalModel
from vsepp.system.printable import printable
from vsepp.text.tokens import tokenizer_rules
from vsepp.text.vocabulary import END, PAD, START, UNK, Vocabulary

NAME = "inference.yml"
TOKENIZER = "tokenizer.json"
_PACKAGED = {"paddle": "paddlepaddle", "PIL": "pillow"}  # by which pip knows it
_EXAMPLES = ("A man rides a bicycle.", "two dogs' race: don't!", "一只狗在跑")
_HEAD = "# A model of vsepp: its files, and what is done to sentences and photographs first.\n"


class _Word(str):
    """A word that is written in quotation marks: ``1e3`` is a number to YAML 1.2, to 1.1 it is
    none."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Word,
    lambda dumper, word: dumper.represent_scalar("tag:yaml.org,2002:str", str(word), style='"'),
)


def description(
    model: Model,
    precision: str,
    graphs: Mapping[str, Graph],
    ways: Mapping[str, dict[str, Any]],
    checked: dict[str, Any],
    packages: tuple[str, ...],
) -> dict[str, Any]:
    """What ``inference.yml`` says, but for the files.

    Args:
        graphs: by name.
        ways: what each is run with.
        checked: what the export was tried with, and how far it was off.
        packages: besides ours and Paddle, of which versions are told.
    """
    versions = {"vsepp": vsepp.__version__, "python": platform.python_version()}
    for name in ("paddle", *packages, "numpy", "PIL"):
        versions[_PACKAGED.get(name, name)] = str(importlib.import_module(name).__version__)
    retrieval = isinstance(model, RetrievalModel)
    config = model.config
    record: dict[str, Any] = {
        "kind": "retrieval" if retrieval else "captioner",
        "precision": precision,
        "checkpoint": {
            "name": Path(model.checkpoint).name,
            "fingerprint": model.fingerprint,
            "dataset": printable(config.dataset),
        },
        "versions": versions,
        "preprocessing": _preprocessing(model),
        "graphs": {
            name: {
                "inputs": {
                    key: {"shape": list(shape), "type": kind}
                    for key, (shape, kind) in graph.takes.items()
                },
                "outputs": list(graph.gives),
                **ways[name],
            }
            for name, graph in graphs.items()
        },
        "checked": checked,
    }
    if isinstance(model, CaptionModel):
        decoding = model.decoding()
        record["longest"] = decoding.longest
        return {**record, "words": _special(model.vocabulary)}
    # ``test_flip`` is computed within the graph
    record.update(measure=model.measure, embed_size=model.embed_size)
    record["mirrored"] = config.test_flip
    return {**record, "text": _text(model)}


def _preprocessing(model: Model) -> dict[str, Any]:
    """People's photographs are turned as EXIF says, those of a data set as it was prepared."""
    steps = asdict(model.preprocessing)
    lists = {key: list(value) for key, value in steps.items() if isinstance(value, tuple)}
    return {"exif": True, "order": "rgb", **steps, **lists}


def _special(vocabulary: Vocabulary) -> dict[str, Any]:
    names = {"padding": PAD, "unknown": UNK, "start": START, "end": END}
    numbers = {name: vocabulary.word_to_index[word] for name, word in names.items()}
    return {**numbers, "vocabulary": list(map(_Word, vocabulary.words))}


def _text(model: RetrievalModel) -> dict[str, Any]:
    """From a sentence to indices."""
    reader: Any = model.reader
    examples = []
    for sentence in _EXAMPLES:
        if reader.knows_some(sentence):
            examples.append({"sentence": sentence, "captions": reader.indices([sentence])[0]})
    if hasattr(reader, "vocabulary"):
        cut = {"tokenizer": reader.tokenizer, **tokenizer_rules(reader.tokenizer)}
        return {**cut, "examples": examples, **_special(reader.vocabulary)}
    return {
        "tokenizer": TOKENIZER,
        "longest": reader.longest,
        "padding": getattr(reader, "padding", 0),
        "start": reader.start,
        "end": reader.end,
        "unknown": reader.unknown,
        "examples": examples,
    }


def write_description(folder: Path, record: dict[str, Any], format_name: str) -> None:
    """Write ``inference.yml`` beside the files that it names, which are all that are there."""
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": _sha256(file)}
        for file in sorted(folder.iterdir())
    }
    whole = {"format": format_name, "files": files, **record}
    text = yaml.dump(
        whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    (folder / NAME).write_text(_HEAD + text, encoding="utf-8")


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as content:
        for piece in iter(lambda: content.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()
