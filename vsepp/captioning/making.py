"""What makes sentences for photographs, and how: a captioner, its options, and who chooses."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import numpy as np

from vsepp.captioning.options import Decoding
from vsepp.captioning.reranking import rerank
from vsepp.captioning.rows import DIGITS, KeptSentence
from vsepp.captioning.sentences import Sentence
from vsepp.metrics.protocol import MIRRORED
from vsepp.system.errors import InputError

if TYPE_CHECKING:  # options are looked at before a network is imported
    from vsepp.captioning.model import CaptionModel
    from vsepp.retrieval.model import RetrievalModel

_CANDIDATES = 10  # among which a retrieval model chooses, unless it is said


@dataclass(frozen=True)
class Maker:
    """What makes sentences, and how.

    Attributes:
        model: the captioner.
        decoding: its options; where sentences are chosen among several, ``captions`` are the
            candidates.
        keep: sentences of each photograph, at most.
        chooser: the retrieval model that chooses them among the candidates, or None.
    """

    model: CaptionModel
    decoding: Decoding
    keep: int
    chooser: Optional[RetrievalModel] = None

    def origin(self) -> Dict[str, Any]:
        """What the sentences depend on, by the names of the options."""
        plain = Decoding(sample=self.decoding.sample)
        options = {
            name.replace("_", "-"): value
            for name, value in dataclasses.asdict(self.decoding).items()
            if name == "beam" or value != getattr(plain, name)
        }
        if self.decoding.sample:
            del options["beam"]
        options["captions"] = self.keep
        if self.chooser is not None:
            mirrored = f", {MIRRORED}" if self.chooser.config.test_flip else ""
            options["rerank"] = f"a model of fingerprint {self.chooser.fingerprint[:12]}{mirrored}"
            options["candidates"] = self.decoding.captions
        return {"checkpoint": f"of fingerprint {self.model.fingerprint[:12]}", **options}

    def answers(
        self,
        pixels: Sequence[np.ndarray],
        attention: bool = False,
        photographs: Optional[Sequence[Any]] = None,
        exif: bool = True,
    ) -> List[List[Tuple[Sentence, KeptSentence]]]:
        """Sentences, best first, of photographs that the captioner's ``pixels`` has made ready.

        Args:
            pixels: uint8 ``[size, size, 3]`` each.
            attention: keep where each word looked.
            photographs: the same as files, which the retrieval model opens, where there is one.
            exif: whether it turns them.
        """
        numbers = None
        if self.decoding.sample:  # draws go by the photograph, whatever it comes with
            numbers = [zlib.crc32(np.ascontiguousarray(each).data.cast("B")) for each in pixels]
        found = list(self.model.captions_of(pixels, self.decoding, attention, numbers))
        if self.chooser is None:
            return [[(made, _answer(made, None)) for made in of[: self.keep]] for of in found]
        codes = self.chooser.encode_image(list(photographs or ()), exif=exif)
        return [
            [(made, _answer(made, similarity)) for made, similarity in of]
            for of in rerank(self.chooser, codes, found, self.keep)
        ]


def _answer(made: Sentence, similarity: Optional[float]) -> KeptSentence:
    rounded = None if similarity is None else round(float(similarity), DIGITS)
    return KeptSentence(made.sentence, round(float(made.log_probability), DIGITS), rounded)


def asked_for(
    usual: Decoding, given: Mapping[str, Any], captions: int, candidates: Optional[int] = None
) -> Decoding:
    """The options of a captioner.

    Args:
        usual: the checkpoint's, which hold where nothing else is given.
        given: other values of its fields.
        captions: sentences of each photograph.
        candidates: among so many they are chosen by a retrieval model; 0: ten, or as many as the
            beam is wide that is ``given``; None: they are not chosen so.

    Raises:
        InputError: for values that mean nothing, or not together.
    """
    is_drawn = given.get("sample", usual.sample)
    if is_drawn and "beam" in given:
        raise InputError(
            "beam and sample: a beam searches for the likeliest words, and sampling draws them; "
            "leave one of them out."
        )
    made = captions
    if candidates is not None and captions > 0:  # no others can be chosen, as Decoding says below
        made = candidates or max(given.get("beam", _CANDIDATES), captions)
        if made < captions:
            raise InputError(
                f"captions is {captions}, and candidates {made}: give at least as many candidates "
                "as are to be chosen."
            )
        if candidates and not is_drawn and given.get("beam", made) < made:
            raise InputError(
                f"candidates is {made}, and beam {given['beam']}: a beam gives no more candidates "
                f"than it is wide, so give a beam of {made} or more."
            )
    beam = given.get("beam", usual.beam if is_drawn else max(usual.beam, made))
    return dataclasses.replace(usual, **{**given, "beam": beam, "captions": made})
