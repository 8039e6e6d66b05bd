"""Rows of one or several files become the images of a Karpathy JSON."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import NamedTuple, Optional

from vsepp.data.captions.columns import is_address
from vsepp.data.captions.remarks import Remarks
from vsepp.data.captions.rows import Recognised
from vsepp.data.captions.split_lists import SplitLists
from vsepp.data.captions.split_names import split_called
from vsepp.data.captions.tagged_words import PHRASE, tag_separator, without_phrases, without_tags
from vsepp.data.captions.whole_paths import below, common_folder
from vsepp.data.karpathy import SPLITS, image_name
from vsepp.system.errors import InputError

_EMPTY = "{} empty caption(s) left out"
_WITHOUT = "{} photograph(s) without any caption left out"


class Part(NamedTuple):
    """A recognised file of a data set.

    Attributes:
        source: what messages call it.
        known: its format.
        split: the one that all of it belongs to, or None.
        folder: where its photographs lie in theirs, when it names them relative to itself.
        encoding: name of the encoding where that is not UTF-8.
        name: what the file is called.
    """

    source: str
    known: Recognised
    split: Optional[str] = None
    folder: str = ""
    encoding: Optional[str] = None
    name: str = ""


class Assembly:
    """The images of several parts, in the order in which they first have a caption.

    Attributes:
        images: list of Karpathy's entries; their sentences have ``tokens`` where a file was cut.
        remarks: lines that say what was repaired, left out or decided.
        dealt: whether the images were divided because nothing says how.

    Args:
        parts: list of ``Part``.
        seed: decides the split where nothing else does.
        lists: ``SplitLists`` that say it, or None.

    Raises:
        InputError: naming file and line, when something cannot be used.
    """

    def __init__(self, parts: list[Part], seed: int, lists: Optional[SplitLists] = None) -> None:
        self.remarks = []
        self._images, self._numbers, self._with_splits = {}, {}, {}
        self._sentences = 0
        remarks = [Remarks(part.source) for part in parts]
        rows = [list(part.known.read(said)) for part, said in zip(parts, remarks)]
        above = common_folder(row.filename for every in rows for row in every)
        for part, said, every in zip(parts, remarks, rows):
            if part.encoding:
                said.say(f"it is not UTF-8; read as {part.encoding}")
            if above:
                said.say(f"the file names are whole paths; they are taken below {above}")
                every = [row._replace(filename=below(row.filename, above)) for row in every]
                part = part._replace(folder="")
            self._add(part, every, said)
            self.remarks += said.lines()
        if not self._images:
            left_out = "".join(f" ({line.rpartition(': ')[2][:-1]})" for line in self.remarks[:1])
            raise InputError(
                f"{', '.join(part.source for part in parts)} holds no captions{left_out}: give a "
                "file with one caption or more, each with its photograph's name."
            )
        for name, numbers in self._numbers.items():
            _in_order(self._images[name]["sentences"], numbers)
        if lists is not None:
            self._take_from(lists)
        self._check_splits()
        self.dealt = not any(image["split"] for image in self._images.values())
        if self.dealt:
            _deal(self._images, seed)
        self.images = list(self._images.values())

    def _add(self, part, rows, remarks):
        _refuse_numbers(rows, part)
        if any(PHRASE in row.caption for row in rows):
            remarks.say("phrases are marked as in Flickr30k Entities: the marks go")
            rows = [row._replace(caption=without_phrases(row.caption)) for row in rows]
        separator = tag_separator(row.caption for row in rows)
        if separator:
            remarks.say(
                f"the captions are cut and tagged (word{separator}tag): their cuts stay, the tags "
                "and the marks between words go"
            )
        empty, names, with_split = {}, {}, None  # of a photograph's rows, the name is made once
        for row in rows:
            where = f"{part.source}, {part.known.unit} {row.place}"
            name = names.get(row.filename) or self._name(row, part, where)
            names[row.filename] = name
            if with_split not in (None, row.split is not None):
                raise InputError(
                    f"{where}: either every line has a split or none has; mend this one."
                )
            with_split = row.split is not None
            split = _split(row.split, where) if with_split else part.split
            caption, words = row.caption.strip(), None
            if not caption:
                remarks.count(_EMPTY, f"{part.known.unit} {row.place}, {row.filename.strip()!r}")
                empty.setdefault(name, split)
                continue
            if separator:
                caption, words = without_tags(caption, separator) or (caption, None)
                if words is None:
                    remarks.count(
                        "{} caption(s) without tags among them, cut as others are",
                        f"{part.known.unit} {row.place}",
                    )
            self._add_caption(name, split, caption, words, row.number, where)
        for name in empty:
            if name not in self._images:
                remarks.count(_WITHOUT, name)
        self._with_splits[part.source] = bool(with_split or part.split)

    def _name(self, row, part, where):
        filename = row.filename.strip()
        if not filename:
            raise InputError(f"{where} has an empty filename: name the image.")
        if is_address(filename):
            raise InputError(
                f"{where} names the address {filename[:80]!r}, no file: download the photographs "
                "and name their files."
            )
        try:
            return image_name(filename, part.folder)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None

    def _add_caption(self, name, split, caption, words, number, where):
        image = self._images.get(name)
        if image is None:
            location = PurePosixPath(name)
            image = self._images[name] = {
                **({"filepath": str(location.parent)} if len(location.parts) > 1 else {}),
                "filename": location.name,
                "imgid": len(self._images),
                "split": split,
                "sentids": [],
                "sentences": [],
            }
        if image["split"] != split:
            raise InputError(
                f"{where} puts {name if name.isprintable() else repr(name)} into "
                f"{split or 'no split'}, an earlier one into {image['split'] or 'none'}: give an "
                "image one split."
            )
        cut = {} if words is None else {"tokens": words}
        sentid, self._sentences = self._sentences, self._sentences + 1
        image["sentids"].append(sentid)
        image["sentences"].append(
            {**cut, "raw": caption, "imgid": image["imgid"], "sentid": sentid}
        )
        if number is not None:
            self._numbers.setdefault(name, []).append(number)

    def _take_from(self, lists):
        """Give each image the split of its list; those on none are left out."""
        remarks = Remarks(", ".join(lists.names))
        for name, image in list(self._images.items()):
            image["split"] = lists.split(name)
            if image["split"] is None:
                remarks.count("{} photograph(s) with captions but on no list left out", name)
                del self._images[name]
        for name in lists.unused:
            remarks.count("{} listed photograph(s) without captions", name)
        if not self._images:
            raise InputError(
                f"{', '.join(lists.names)}: none of the photographs that have captions is listed: "
                "give the lists of this data set with --splits."
            )
        for imgid, image in enumerate(self._images.values()):
            image["imgid"] = imgid
            for sentence in image["sentences"]:
                sentence["imgid"] = imgid
        self.remarks += remarks.lines()
        self._with_splits.clear()

    def _check_splits(self):
        without = [source for source, with_split in self._with_splits.items() if not with_split]
        if without and len(without) < len(self._with_splits):
            raise InputError(
                f"{without[0]} says no split, and other files do: say it with "
                f"--split-of {PurePosixPath(without[0]).name}=train (or val, test)."
            )


def _refuse_numbers(rows, part):
    texts = [row for row in rows if row.caption.strip()]
    numbers = [row for row in texts if not any(map(str.isalpha, row.caption))]
    if texts and 2 * len(numbers) > len(texts):
        first = numbers[0]
        raise InputError(
            f"{part.source}: {len(numbers)} of {len(texts)} captions hold no word, such as "
            f"{first.caption.strip()[:40]!r} of {first.filename.strip()!r} (labels of classes or "
            "boxes?): give a file with sentences."
        )


def _split(text, where):
    split = split_called(text)
    if split is None:
        raise InputError(
            f"{where}: there is no split {text.strip()[:80]!r}; write one of {', '.join(SPLITS)} "
            "(or dev, valid, validation, testing …), or call that column something else."
        )
    return split


def _in_order(sentences, numbers):
    """Put an image's captions into the order of their numbers, where all have one."""
    if len(numbers) != len(sentences):
        return
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    texts = [
        {key: value for key, value in sentences[place].items() if key in ("tokens", "raw")}
        for place in order
    ]
    for sentence, text in zip(sentences, texts):
        sentence.update(text)


def _deal(images, seed):
    """Give a tenth of the images to val, a tenth to test, the rest to train."""

    def chance(name):  # half of a surrogate pair, which JSON can hold, is refused later
        return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()

    names = sorted(images, key=chance)
    tenth = max(1, round(len(names) / 10)) if len(names) > 2 else 0
    for place, name in enumerate(names):
        images[name]["split"] = "val" if place < tenth else "test" if place < 2 * tenth else "train"
