"""Captions of a data set, read and checked: what ``dataset_<dataset>.json`` is to hold."""

import hashlib
import json
import re
from copy import copy
from dataclasses import replace
from pathlib import Path

from vsepp.data.archives import Archive
from vsepp.data.captions.tables import is_karpathy, read_captions
from vsepp.data.coco import read_coco
from vsepp.data.karpathy import cut_captions, parse_cut
from vsepp.system.atomic import write_bytes
from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Captions:
    """Captions of a data set, read and checked, not yet in their place.

    Attributes:
        dataset: name that the file itself gives the data set.
        images: list of ``KarpathyImage``.
        data: bytes of ``dataset_<dataset>.json``: the given file's own when it is a
            Karpathy JSON, else the captions of the table or of COCO in that format.
        content: what these bytes hold as JSON.
        tokenizer: name of what cut the captions, and is to cut queries.
    """

    def __init__(self, content, data, source, stem, tokenizer=AUTO):
        self.images, self.tokenizer = parse_cut(content, str(source), tokenizer)
        named = content.get("dataset")
        self.dataset = named if isinstance(named, str) and named else stem
        self.data = data if data is not None else _as_json(content)
        self.content = content
        self._is_karpathys = data is not None

    @classmethod
    def read(cls, path, seed=0, tokenizer=AUTO):
        """From a Karpathy JSON or a table (see ``tables.read_captions``)."""
        path = Path(path)
        content = read_captions(path, seed, tokenizer)
        data = _without_mark(path.read_bytes()) if is_karpathy(path) else None
        return cls(content, data, path, path.stem.replace("dataset_", "", 1), tokenizer)

    @classmethod
    def read_coco(cls, annotations, ids_folder, tokenizer=AUTO):
        """From COCO's annotations and the authors' split (see ``coco.read_coco``)."""
        return cls(
            read_coco(annotations, ids_folder, tokenizer), None, ids_folder, "coco", tokenizer
        )

    def by_words(self):
        """The captions cut as all were before there was a choice, to the byte."""
        if self._is_karpathys:
            self.tokenizer = "words"
            return self
        content = cut_captions(self.content, "words")
        del content["tokenizer"]
        return Captions(content, None, self.dataset, self.dataset, "words")

    def renamed(self, names):
        """The captions with the names of some images completed, ``{name: the whole of it}``."""
        result = copy(self)
        result.images = [
            replace(image, name=names.get(image.name, image.name)) for image in self.images
        ]
        entries = []
        for entry, image in zip(self.content["images"], self.images):
            if image.name in names:
                suffix = names[image.name][len(image.name) :]
                entry = {**entry, "filename": entry["filename"] + suffix}
            entries.append(entry)
        result.content = {**self.content, "images": entries}
        result.data = _as_json(result.content)
        return result

    @classmethod
    def find_in(cls, archive, dataset=None, tokenizer=AUTO):
        """From the ``dataset_<dataset>.json`` anywhere in an archive; None when it has none.

        Args:
            archive: path of a .zip or .tar.
            dataset: its name; without one the archive must hold exactly one such file.
            tokenizer: see ``karpathy.parse_cut``.
        """
        wanted = re.compile(rf"dataset_({re.escape(dataset) if dataset else '.+'})\.json")
        with Archive(archive) as opened:
            found = {
                name: match[1]
                for name in opened.sizes
                if (match := wanted.fullmatch(name.rpartition("/")[2]))
            }
            if not found:
                return None
            if len(set(found.values())) > 1:
                several = ", ".join(sorted(set(found.values())))
                raise InputError(
                    f"{archive} holds captions of {several}: choose one with --dataset."
                )
            name = min(found, key=lambda name: (name.count("/"), name))
            data = _without_mark(opened.read(name))
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{name} in {archive} is not JSON ({error}): give a good one with --captions."
            ) from None
        return cls(content, data, f"{name} in {archive}", found[name], tokenizer)

    @property
    def sha256(self):
        """Checksum of ``data``, as ``prepared.json`` keeps it."""
        return hashlib.sha256(self.data).hexdigest()

    def place(self, folder, dataset):
        """Write ``dataset_<dataset>.json`` into the data set's folder, atomically."""
        target = Path(folder) / f"dataset_{dataset}.json"
        if not target.is_file() or target.read_bytes() != self.data:
            write_bytes(target, self.data)


def _as_json(content):
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _without_mark(data):
    return data[len(_BYTE_ORDER_MARK) :] if data.startswith(_BYTE_ORDER_MARK) else data
