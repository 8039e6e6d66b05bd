"""Whether a data set's photographs are turned as their EXIF orientation says.

A telephone stores what its sensor saw and notes how the picture is to be turned. Photographs of
one's own are turned, in training as in use. Those of published data sets are read as they are
stored, since published results were.
"""

from __future__ import annotations

from typing import Any, Union

from vsepp.text.tokens import AUTO

#: what ``--exif`` takes → what it means
CHOICES: dict[str, Union[bool, str]] = {AUTO: AUTO, "yes": True, "no": False}


def obeys_exif(choice: Union[bool, str], content: dict[str, Any]) -> bool:
    """Whether the photographs of a data set are to be turned.

    Args:
        choice: true or false; ``auto`` is true, except for Karpathy's own JSON and for COCO in the
            split of the authors' ids.
        content: what ``dataset_<dataset>.json`` holds. One made of other caption files names the
            ``tokenizer`` that cut them, Karpathy's own do not.
    """
    if choice != AUTO:
        return bool(choice)
    published = "tokenizer" not in content or "cocoid" in content["images"][0]
    return not published


def shown(exif: bool) -> str:
    """The choice as ``--exif`` takes it."""
    return "yes" if exif else "no"


def described(exif: bool) -> str:
    """What is done to photographs, as the end of a sentence about them."""
    return "turned as EXIF says" if exif else "read as they are stored, whatever EXIF says"
