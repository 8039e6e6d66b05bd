"""What the JSON interface says of itself."""

from vsepp.demo.caption_answers import MAX_SENTENCES
from vsepp.demo.limits import (
    FORMATS,
    MAX_ANSWERS,
    MAX_CHARACTERS,
    MAX_LABELS,
    MAX_MEGABYTES,
    MAX_WORDS,
)

DEFAULT_COUNT, DEFAULT_CAPTIONS = 10, 1
_PICTURE = "the bytes of the picture's file, with the header Content-Type: image/jpeg or the like"
_TOP_K = f"how many answers: 1 to {MAX_ANSWERS}, {DEFAULT_COUNT} when it is not given"
_PHOTOGRAPHS = {
    "photographs": [{"rank": 1, "similarity": 0.5, "name": "a.jpg", "path": "/photos/a.jpg"}],
    "remark": "which words were not understood; empty when all were",
}


_QUERIES = [
    {
        "name": "photographs for a sentence",
        "request": "POST /api/search",
        "body": {"text": "a red car", "top_k": DEFAULT_COUNT},
        "body_is": "JSON, with the header Content-Type: application/json",
        "parameters": {"text": "the sentence", "top_k": _TOP_K},
        "answer": _PHOTOGRAPHS,
    },
    {
        "name": "photographs like a picture",
        "request": f"POST /api/search?top_k={DEFAULT_COUNT}",
        "body_is": _PICTURE,
        "parameters": {"top_k": _TOP_K},
        "answer": _PHOTOGRAPHS,
    },
    {
        "name": "probabilities of labels for a picture",
        "request": "POST /api/classify?labels=dog,cat",
        "body_is": _PICTURE,
        "parameters": {"labels": f"2 to {MAX_LABELS}, with commas between them"},
        "answer": {
            "labels": [{"rank": 1, "label": "dog", "probability": 0.9}],
            "remark": "which words were not understood, and what the numbers mean",
        },
    },
]
_CAPTIONS = [
    {
        "name": "sentences made for a picture",
        "request": f"POST /api/caption?captions={DEFAULT_CAPTIONS}&attention=1",
        "body_is": _PICTURE,
        "parameters": {
            "captions": f"how many: 1 to {MAX_SENTENCES}, {DEFAULT_CAPTIONS} when it is not given",
            "attention": "1: besides, the words, where each looked, and at which part of the "
            "picture; 0 when it is not given",
        },
        "answer": {
            "captions": [
                {
                    "rank": 1,
                    "sentence": "a dog",
                    "log_probability": -2.5,
                    "words": ["a", "dog"],
                    "attention": "for each word a grid: rows from the top, in them shares from "
                    "the left, all together 1",
                }
            ],
            "seen": "left, top, right and bottom of what the grids lie over, as shares of the "
            "upright picture",
        },
    }
]


def description(searched, captioner=None):
    """What `GET /api` answers, as JSON takes it.

    Args:
        searched: what is searched, in words; None where nothing is.
        captioner: what captions, in words; None where nothing does.
    """
    return {
        **({"searching": searched} if searched else {}),
        **({"captioning": captioner} if captioner else {}),
        "endpoints": (_QUERIES if searched else []) + (_CAPTIONS if captioner else []),
        "limits": {
            **({"sentence": f"{MAX_WORDS} words, {MAX_CHARACTERS} characters"} if searched else {}),
            "picture": f"{', '.join(FORMATS)}; {MAX_MEGABYTES} MB",
        },
        "refusals": {
            "body": {"error": "one sentence"},
            "400": "the query cannot be answered as it is",
            "404": "no such path",
            "405": "the path takes another method",
            "413": "too large",
            "415": "neither application/json nor a picture",
            "503": "too many are asking",
        },
    }
