"""The JSON interface, for programs: `GET /api` says how it is asked.

A sentence comes as JSON, a picture as the bytes of its file. Whatever a query lacks is said in
one sentence, as ``{"error": …}``, with a status code of its kind. There are no headers that would
let another site's pages read the answers; and what those may send without asking first, such as a
form, is not taken.
"""

import contextlib
import json
import os
import tempfile

import anyio
import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vsepp.demo.api_description import DEFAULT_CAPTIONS, DEFAULT_COUNT, description
from vsepp.demo.limits import MAX_BYTES, MAX_MEGABYTES
from vsepp.demo.queries import AT_ONCE, WAITING
from vsepp.demo.searched import tellable
from vsepp.system.errors import InputError

MAX_QUERY_BYTES = 2**16  # of JSON, many times what a sentence may have
_DIGITS = 6  # of a similarity or probability
_FILES = "asked"  # folder of pictures that are being asked about
_BINARY = "application/octet-stream"
_UNKNOWN = {
    404: "There is no such path: GET /api names those that are.",
    405: "The path takes another method: GET /api says which.",
}


def json_interface(answers, folder, captions=None):
    """The interface as an ASGI application, whose paths all begin with ``/api``.

    Args:
        answers: ``vsepp.demo.answers.QueryAnswerer``, or None.
        folder: where pictures lie while they are asked about.
        captions: ``vsepp.demo.caption_answers.CaptionAnswerer``, or None.
    """
    interface = FastAPI(openapi_url=None, redirect_slashes=False)
    queue = _Queue()
    described = description(
        answers and answers.photographs.described, captions and captions.described
    )

    @interface.get("/api")
    async def describe():
        return JSONResponse(described)

    if answers:
        _answer_queries(interface, queue, answers, folder)
    if captions:
        _answer_with_captions(interface, queue, captions, folder)

    @interface.exception_handler(InputError)
    async def refuse(_, error):
        return _refused(400, str(error))

    @interface.exception_handler(HTTPException)
    async def refuse_otherwise(_, error):
        text = _UNKNOWN.get(error.status_code, error.detail)
        return _refused(error.status_code, text, error.headers)

    @interface.exception_handler(Exception)
    async def fail(_, error):
        return _refused(500, "This went wrong here, not in what you sent.")

    return interface


def _answer_queries(interface, queue, answers, folder):
    """Add the paths of a ``QueryAnswerer``."""

    @interface.post("/api/search")
    async def search(request: Request):
        async with _picture(request, folder) as picture:
            if picture is None:
                asked, query = await _json(request), answers.search_by_sentence
                _check_keys(asked, "text", "top_k")
                subject, count = asked.get("text"), asked.get("top_k", DEFAULT_COUNT)
            else:
                asked, query = request.query_params, answers.search_by_image
                _check_keys(asked, "top_k")
                subject, count = picture, _number(asked.get("top_k", DEFAULT_COUNT))
            found, remark = await queue.answer(query, subject, count)
        return JSONResponse({"photographs": _photographs(found), "remark": remark})

    @interface.post("/api/classify")
    async def classify(request: Request):
        async with _only_picture(request, folder) as picture:
            _check_keys(request.query_params, "labels")
            labels = request.query_params.get("labels", "")
            found, remark = await queue.answer(answers.label, picture, labels)
        odds = [
            {"rank": rank, "label": label, "probability": round(probability, _DIGITS)}
            for rank, (label, probability) in enumerate(found, 1)
        ]
        return JSONResponse({"labels": odds, "remark": remark})


def _answer_with_captions(interface, queue, captions, folder):
    """Add the path of a ``CaptionAnswerer``."""

    @interface.post("/api/caption")
    async def caption(request: Request):
        async with _only_picture(request, folder) as picture:
            asked = request.query_params
            _check_keys(asked, "captions", "attention")
            count = _number(asked.get("captions", DEFAULT_CAPTIONS))
            attention = _flag("attention", asked.get("attention", "0"))
            found, _ = await queue.answer(captions.caption, picture, count)
        return JSONResponse(_captions(found, attention))


class _Queue:
    """Queries being answered and waiting, as many as the page has."""

    def __init__(self):
        self._places, self._asked = anyio.CapacityLimiter(AT_ONCE), 0

    async def answer(self, query, *arguments):
        """What ``query`` answers, computed in a thread; HTTPException when too many wait."""
        if self._asked >= AT_ONCE + WAITING:
            raise HTTPException(503, "Too many are asking: ask later.", {"Retry-After": "10"})
        self._asked += 1
        try:
            return await anyio.to_thread.run_sync(query, *arguments, limiter=self._places)
        finally:
            self._asked -= 1


@contextlib.asynccontextmanager
async def _picture(request, folder):
    """The file that a picture which was sent lies in until the block ends; None for JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield None
        return
    if not kind.startswith("image/") and kind != _BINARY:
        raise HTTPException(
            415,
            "Send a sentence with the header Content-Type: application/json, a picture's file "
            "with Content-Type: image/jpeg or the like.",
        )
    place = os.path.join(folder, _FILES)
    os.makedirs(place, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place, delete=False) as file:
        try:
            async for part in _parts(request, MAX_BYTES, f"{MAX_MEGABYTES} MB"):
                file.write(part)
            file.close()
            yield file.name
        finally:
            file.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.name)


@contextlib.asynccontextmanager
async def _only_picture(request, folder):
    """As :func:`_picture`; HTTPException for JSON."""
    async with _picture(request, folder) as picture:
        if picture is None:
            raise HTTPException(415, "Send the picture's file, as image/jpeg or the like.")
        yield picture


async def _json(request):
    """The object that was sent."""
    most = f"{MAX_QUERY_BYTES:,} bytes"
    parts = [part async for part in _parts(request, MAX_QUERY_BYTES, most)]
    try:
        asked = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InputError('Send a JSON object in UTF-8, such as {"text": "a red car"}.')
    return asked


def _check_keys(given, *known):
    for key in given:
        if key not in known:
            raise InputError(f"{key[:40]!r} is not known here: {', '.join(known)} may be given.")


def _number(text):
    try:
        return int(text)
    except ValueError:
        return None  # which is refused as other numbers are


def _flag(name, text):
    if text not in ("0", "1"):
        raise InputError(f"{name} must be 0 or 1.")
    return text == "1"


async def _parts(request, limit, told):
    """A body as it comes; HTTPException when it has more than ``limit`` bytes."""
    count = 0
    async for part in request.stream():
        count += len(part)
        if count > limit:
            raise HTTPException(413, f"This is too large: {told} are the most.")
        yield part


def _photographs(found):
    return [
        {
            "rank": rank,
            "similarity": round(photograph.score, _DIGITS),
            "name": photograph.name,
            "path": tellable(photograph.path),
        }
        for rank, photograph in enumerate(found, 1)
    ]


def _captions(found, attention):
    said = [
        {
            "rank": rank,
            "sentence": sentence.sentence,
            "log_probability": round(float(sentence.log_probability), _DIGITS),
            **(_attention(sentence) if attention else {}),
        }
        for rank, sentence in enumerate(found.sentences, 1)
    ]
    seen = {"seen": [round(float(edge), _DIGITS) for edge in found.seen]} if attention else {}
    return {"captions": said, **seen}


def _attention(sentence):
    looked = [
        [[round(share, _DIGITS) for share in row] for row in rows]
        for rows in sentence.attention.tolist()
    ]
    return {"words": list(sentence.words), "attention": looked}


def _refused(status, text, headers=None):
    return JSONResponse({"error": text}, status, headers)
