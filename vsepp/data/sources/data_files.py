"""A data set's own files, its captions and photographs, brought into its folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Optional, Union

from vsepp.data.captions.captions import Captions
from vsepp.data.existing_preparation import ExistingPreparation
from vsepp.data.karpathy import parse_cut, read_karpathy_json
from vsepp.data.orientation import obeys_exif
from vsepp.data.preparation import PREPARED, mark_unfinished
from vsepp.data.sources.image_sources import ImageSource, open_source
from vsepp.data.sources.name_matching import Matching
from vsepp.data.sources.placing import find_images, in_words, missing_images, place_images
from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO


class DataFiles:
    """The files that a data set is to be prepared from.

    Args:
        folder: the data set's.
        dataset: its name.
        earlier: ``ExistingPreparation`` that is to stay what it is, or None.
        captions: ``Captions`` to bring, or None for the JSON in the folder.
        content: what that JSON holds, where it has been read.
        tokenizer: what cuts the captions, see ``karpathy.cut_captions``.
        exif: whether photographs are turned, or ``auto``: as they were earlier, else see
            ``obeys_exif``.

    Attributes:
        tokenizer: name of the one that has cut the captions.
        content: what their JSON holds.
        exif: whether photographs are turned.

    Raises:
        InputError: when the JSON in the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        dataset: str,
        earlier: Optional[ExistingPreparation] = None,
        captions: Optional[Captions] = None,
        content: Optional[dict[str, Any]] = None,
        tokenizer: str = AUTO,
        exif: Union[bool, str] = AUTO,
    ) -> None:
        self._folder, self._dataset, self._earlier = folder, dataset, earlier
        self._json = folder / f"dataset_{dataset}.json"
        if earlier and earlier.stays_with_words(tokenizer):
            captions, tokenizer = captions and captions.by_words(), "words"
        self._captions = captions
        if captions:
            self.content, self._images = captions.content, captions.images
            self.tokenizer = captions.tokenizer
        else:
            self.content = read_karpathy_json(self._json) if content is None else content
            self._images, self.tokenizer = parse_cut(self.content, str(self._json), tokenizer)
        if earlier and exif == AUTO:
            self.exif = earlier.exif
        else:
            self.exif = obeys_exif(exif, self.content)

    def bring(
        self, images: Optional[Path], options: Mapping[str, Any], strict: bool = False
    ) -> bool:
        """Put captions and photographs into the folder, and say what was found.

        Args:
            images: what holds the photographs, or None for those in the folder.
            options: what else the data set is prepared with, by the names in ``prepared.json``.
            strict: whether photographs that were left out earlier are to be tried again.

        Returns:
            bool: whether the data set is to be prepared now; it is not where all is as it was.

        Raises:
            InputError: when it is prepared with other options or captions, none of its
                photographs is found, or some of them are lost.
        """
        folder = self._folder / "images"
        path = images
        # What lies there already may have the names in another form, too.
        if path is None and folder.is_dir() and missing_images(self._images, folder):
            path = folder
        matching, placed = None, 0
        with ExitStack() as opened:
            if path:
                source = opened.enter_context(open_source(path))
                matching = self._find(source)
            self._refuse_other(options)
            if matching:
                called = matching.completed if self._captions else {}
                placed = place_images(matching, source, folder, called)
        if not placed and self._is_prepared(folder, strict):
            return False
        if matching and (images or matching.how):
            print(in_words(matching, path))
        if self._captions:
            if (self._folder / PREPARED).exists():  # from here on it and the captions may not fit
                mark_unfinished(self._folder)
            self._captions.place(self._folder, self._dataset)
        return True

    def _find(self, source: ImageSource) -> Matching:
        """Which file is which image; captions that lack suffixes get them."""
        matching = find_images(self._images, source)
        if self._captions and matching.completed:
            self._captions = self._captions.renamed(matching.completed)
            self.content, self._images = self._captions.content, self._captions.images
        return matching

    def _refuse_other(self, options: Mapping[str, Any]) -> None:
        if self._earlier is None:
            return
        if self._captions:
            checksum = self._captions.sha256
        else:
            checksum = hashlib.sha256(self._json.read_bytes()).hexdigest()
        wanted = {**options, "tokenizer": self.tokenizer, "exif": self.exif}
        self._earlier.refuse_other(wanted, checksum)

    def _is_prepared(self, folder: Path, strict: bool) -> bool:
        """Whether the earlier preparation is whole; InputError when it has lost photographs."""
        if self._earlier is None:
            return False
        missing, left_out = len(missing_images(self._images, folder)), self._earlier.left_out
        if missing > left_out:
            raise InputError(
                f"{folder} has lost images since it was prepared "
                f"({missing} are missing): give them with --images PATH, or add "
                "--force to prepare the data set without them."
            )
        return self._earlier.is_whole() and not (strict and left_out)
