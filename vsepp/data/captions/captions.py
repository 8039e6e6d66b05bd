"""Captions of a data set, read and checked: what ``dataset_<dataset>.json`` is to hold."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Optional, Union

from vsepp.data.captions import reading
from vsepp.data.captions.containers import Container
from vsepp.data.captions.finding import find
from vsepp.data.captions.json_documents import KARPATHY
from vsepp.data.coco import read_coco
from vsepp.data.karpathy import cut_captions, image_name, parse_cut
from vsepp.data.sources.base64_tables import is_base64_table
from vsepp.system.atomic import write_bytes
from vsepp.system.text_files import without_mark
from vsepp.text.tokens import AUTO


class Captions:
    """Captions of a data set, read and checked, not yet in their place.

    Attributes:
        dataset: name that the file itself gives the data set.
        images: list of ``KarpathyImage``.
        data: bytes of ``dataset_<dataset>.json``: the given file's own when it is a
            Karpathy JSON, else the captions of other files in that format.
        content: what these bytes hold as JSON.
        tokenizer: name of what cut the captions, and is to cut queries.
        is_karpathys: whether they were given as a Karpathy JSON.
        recognised: what the files were taken for, and why; empty where an option says it.
        remarks: lines about what was repaired, left out or decided on the way.
    """

    def __init__(self, content, data, source, stem, tokenizer=AUTO, recognised="", remarks=()):
        self.images, self.tokenizer = parse_cut(content, str(source), tokenizer)
        named = content.get("dataset")
        self.dataset = named if isinstance(named, str) and named else stem
        self.data = data if data is not None else _as_json(content)
        self.content = content
        self.is_karpathys = data is not None
        self.recognised, self.remarks = recognised, list(remarks)

    @classmethod
    def read(
        cls,
        paths: Union[str, Path, Sequence[Union[str, Path]]],
        seed: int = 0,
        tokenizer: str = AUTO,
        split_of: Optional[Mapping[str, str]] = None,
        splits: Optional[Sequence[Union[str, Path]]] = None,
        dataset: Optional[str] = None,
    ) -> Captions:
        """From files in any known format, a folder or an archive that holds some.

        Args:
            paths: one path, or a list of them.
            seed: decides the split where nothing else does.
            tokenizer: see ``karpathy.cut_captions``.
            split_of: ``{file: split}`` for files whose names do not say it.
            splits: paths of lists of the photographs in each split, or of a folder with them.
            dataset: which one is meant where a folder or an archive holds several.

        Raises:
            InputError: naming file and line, when something cannot be used.
        """
        paths = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
        options = reading.Options(seed, tokenizer, split_of, splits)
        with ExitStack() as opened:
            return cls._of(*reading.read_paths(paths, opened, dataset), options)

    @classmethod
    def find_in(
        cls,
        path: Union[str, Path],
        dataset: Optional[str] = None,
        tokenizer: str = AUTO,
        seed: int = 0,
        split_of: Optional[Mapping[str, str]] = None,
        splits: Optional[Sequence[Union[str, Path]]] = None,
        name: Optional[str] = None,
    ) -> Optional[Captions]:
        """From a folder or an archive; None when it holds no captions.

        See ``finding.find``.

        Args:
            path: a folder, a .zip or a .tar.
            dataset: its name; without one there must be exactly one such JSON.
            tokenizer, seed, split_of, splits: see ``read``.
            name: the file in it that is meant.
        """
        if is_base64_table(Path(path)):
            return None
        with Container(path, of_images=True) as container:
            if name is not None:
                file = container.called(name)
                found = file and reading.of_file(file)
            else:
                found = find(container, dataset)
            if found is None:
                return None
            options = reading.Options(seed, tokenizer, split_of, splits)
            return cls._of(found, reading.name_of(Path(path)), options)

    @classmethod
    def _of(cls, found, stem, options):
        if found.karpathy is None:
            content, recognised, remarks = reading.assemble(found, stem, options)
            return cls(content, None, stem, stem, options.tokenizer, recognised, remarks)
        file = found.karpathy
        options.refuse_splits(file.source)
        data = file.text.encode() if file.encoding else without_mark(file.data)
        stem = re.sub("^dataset_", "", file.stem)
        remarks = [f"{file.source}: it is not UTF-8; read as {file.encoding}."] * bool(
            file.encoding
        )
        return cls(file.document, data, file.source, stem, options.tokenizer, KARPATHY, remarks)

    @classmethod
    def read_coco(
        cls,
        annotations: Sequence[Union[str, Path]],
        ids_folder: Union[str, Path],
        tokenizer: str = AUTO,
    ) -> Captions:
        """From COCO's annotations and the authors' split (see ``coco.read_coco``)."""
        content = read_coco(annotations, ids_folder, tokenizer)
        return cls(content, None, ids_folder, "coco", tokenizer)

    def by_words(self) -> Captions:
        """The captions cut as all were before there was a choice, to the byte."""
        if self.is_karpathys:
            self.tokenizer = "words"
            return self
        content = cut_captions(self.content, "words")
        del content["tokenizer"]
        return Captions(
            content, None, self.dataset, self.dataset, "words", self.recognised, self.remarks
        )

    def renamed(self, names: Mapping[str, str]) -> Captions:
        """The captions with other names of their images.

        Args:
            names: ``{name of an image: its new one}``, both ``filepath/filename``.
        """
        if not names:
            return self

        def rename(entry, image):
            if image.name not in names:
                return entry
            location = PurePosixPath(names[image.name])
            others = {key: value for key, value in entry.items() if key != "filepath"}
            folder = {"filepath": str(location.parent)} if len(location.parts) > 1 else {}
            return {**folder, **others, "filename": location.name}

        renamed = copy.copy(self)
        entries = list(map(rename, self.content["images"], self.images))
        renamed.content = {**self.content, "images": entries}
        renamed.data = _as_json(renamed.content)
        renamed.images = [
            replace(image, name=image_name(names.get(image.name, image.name)))
            for image in self.images
        ]
        return renamed

    @property
    def sha256(self) -> str:
        """Checksum of ``data``, as ``prepared.json`` keeps it."""
        return hashlib.sha256(self.data).hexdigest()

    def place(self, folder: Union[str, Path], dataset: str) -> None:
        """Write ``dataset_<dataset>.json`` into the data set's folder, atomically."""
        target = Path(folder) / f"dataset_{dataset}.json"
        if not target.is_file() or target.read_bytes() != self.data:
            write_bytes(target, self.data)


def _as_json(content):
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()
