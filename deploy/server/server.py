"""A sentence or a picture in, JSON out: a model that `vsepp export` wrote, behind FastAPI.

VSEPP_MODEL=inference/ VSEPP_PHOTOGRAPHS=photographs/ uvicorn --app-dir deploy/server server:app

GET  /photographs?sentence=a+dog+runs&count=5    the photographs that fit a sentence best
POST /photographs?count=5   (a picture's bytes)  those that are most like a picture
POST /caption               (a picture's bytes)  a captioner's sentence for a picture
GET  /health
"""

import io
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))  # beside it in the image

import numpy as np  # noqa: E402
from caption import caption  # noqa: E402
from exported import Exported  # noqa: E402
from fastapi import FastAPI, HTTPException, Query, Request  # noqa: E402
from fastapi.concurrency import run_in_threadpool  # noqa: E402
from PIL import Image  # noqa: E402
from search import encode_folder  # noqa: E402

MOST_BYTES = 20_000_000
Image.MAX_IMAGE_PIXELS = 50_000_000  # Pillow refuses twice as many


def _opened():
    """The model, the folder of photographs, their paths and codes."""
    folder = os.environ.get("VSEPP_MODEL")
    if not folder:
        sys.exit("VSEPP_MODEL is not set: set it to a folder that vsepp export wrote.")
    try:
        model = Exported(folder)
    except ValueError as error:
        sys.exit(f"VSEPP_MODEL: {error}")
    folder = Path(os.environ.get("VSEPP_PHOTOGRAPHS") or "photographs")
    if model.about["kind"] != "retrieval":
        return model, folder, [], None
    paths, images = encode_folder(model, folder)
    if not paths:
        wrong = f"{folder} holds no photograph that can be read"
        sys.exit(f"{wrong}: set VSEPP_PHOTOGRAPHS to a folder of photographs.")
    return model, folder, paths, images


# Before the server starts: its mistakes end it with a sentence then.
MODEL, FOLDER, PATHS, IMAGES = _opened()
app = FastAPI(title="vsepp")
Count = Query(5, ge=1, le=100)


@app.get("/health")
def health():
    fingerprint = MODEL.about["checkpoint"]["fingerprint"]
    return {"kind": MODEL.about["kind"], "model": fingerprint, "photographs": len(PATHS)}


@app.get("/photographs")
def by_sentence(sentence: str = Query(min_length=1, max_length=1000), count: int = Count):
    _check("retrieval")
    try:
        text = MODEL.encode_texts([sentence])
    except ValueError as error:
        raise HTTPException(422, f"{error}: use words of the training captions.") from None
    return _best(MODEL.similarity(IMAGES, text)[:, 0], count)


@app.post("/photographs")
async def by_picture(request: Request, count: int = Count):
    _check("retrieval")
    code = await _with_picture(request, MODEL.encode_pixels)
    # by their direction, as no image's code lies below another's in the order of sentences
    lengths = np.linalg.norm(IMAGES, axis=1) * np.linalg.norm(code[0])
    return _best(IMAGES @ code[0] / np.maximum(lengths, 1e-12), count)


@app.post("/caption")
async def sentence_for(request: Request):
    _check("captioner")
    (words,) = await _with_picture(request, lambda pixels: caption(MODEL, pixels))
    return {"sentence": " ".join(words), "words": words}


def _check(kind):
    if MODEL.about["kind"] != kind:
        raise HTTPException(404, f"the model is no {kind}'s")


async def _with_picture(request, use):
    """What `use` makes of the pixels of the picture in a request's body."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"a picture has at most {MOST_BYTES:,} bytes")

    def answer():
        try:
            pixels = MODEL.pixels(io.BytesIO(body))
        except ValueError:
            raise HTTPException(422, "the body is no picture that can be read") from None
        return use(pixels[None])

    return await run_in_threadpool(answer)


def _best(scores, count):
    order = np.argsort(-scores, kind="stable")[:count]
    names = [PATHS[place].relative_to(FOLDER).as_posix() for place in order]
    return {
        "photographs": [
            {"name": name, "score": float(scores[place])} for name, place in zip(names, order)
        ]
    }
