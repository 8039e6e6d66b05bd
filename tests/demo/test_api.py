"""The JSON interface behind its guard, without Gradio's page."""

import io
import os
import threading

import pytest
from colour_words import make_answers
from PIL import Image
from telling_captioner import TellingCaptioner

pytest.importorskip("fastapi")

from vsepp.demo import api
from vsepp.demo.caption_answers import CaptionAnswerer
from vsepp.demo.guard import Guard
from vsepp.demo.limits import FORMATS, MAX_BYTES

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def answers(tmp_path):
    (tmp_path / "pictures").mkdir()
    return make_answers(tmp_path / "pictures")


@pytest.fixture
def folder(tmp_path):
    """Where the page's files are; at the end no picture may be left there."""
    place = tmp_path / "private"
    place.mkdir()
    yield place
    assert not [path for path in place.rglob("*") if path.is_file()]


@pytest.fixture
def client(answers, folder):
    return ask(answers, folder, CaptionAnswerer(TellingCaptioner()))


def ask(answers, folder, captions=None):
    from starlette.testclient import TestClient

    interface = api.json_interface(answers, folder, captions)
    guarded = Guard(interface, str(folder), MAX_BYTES + 2**16, interface=interface)
    return TestClient(guarded, raise_server_exceptions=False)


def encoded(picture, kind="PNG"):
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


GREEN = encoded(Image.new("RGB", (50, 40), (0, 250, 9)))


def refused(answer, status, reason):
    assert answer.status_code == status and reason in answer.json()["error"]
    assert list(answer.json()) == ["error"] or "detail" in answer.json()
    assert "Traceback" not in answer.text and "\n" not in answer.json()["error"]


def test_it_describes_itself(client):
    described = client.get("/api").json()
    assert described["searching"].startswith("3 photographs")
    assert all(kind in described["limits"]["picture"] for kind in FORMATS)
    for endpoint in described["endpoints"]:
        method, path = endpoint["request"].split()
        if "body" in endpoint:
            answer = client.request(method, path, json={**endpoint["body"], "text": "red"})
        else:
            path = path.replace("dog,cat", "red,green")
            answer = client.request(method, path, content=GREEN, headers=JPEG)
        assert answer.status_code == 200 and answer.json().keys() == endpoint["answer"].keys()
        for key in ("photographs", "labels", "captions"):
            for told, got in zip(endpoint["answer"].get(key, ()), answer.json().get(key, ())):
                assert told.keys() == got.keys()


def test_it_answers_and_names_what_there_is_something_for(client, answers, folder):
    assert client.get("/api").json()["captioning"] == "a captioner trained on colours"
    searching = ask(answers, folder)
    assert "caption" not in searching.get("/api").text
    refused(searching.post("/api/caption", content=GREEN, headers=JPEG), 404, "GET /api")
    captioning = ask(None, folder, CaptionAnswerer(TellingCaptioner()))
    described = captioning.get("/api").json()
    assert "searching" not in described and "sentence" not in described["limits"]
    assert [each["request"].split("?")[0] for each in described["endpoints"]] == [
        "POST /api/caption"
    ]
    assert captioning.post("/api/caption", content=GREEN, headers=JPEG).status_code == 200
    refused(captioning.post("/api/search", json={"text": "red"}), 404, "GET /api")


def test_a_picture_is_captioned(client):
    answer = client.post("/api/caption", content=GREEN, headers=JPEG).json()
    first = {"rank": 1, "sentence": "a green child's picture.", "log_probability": -2.5}
    assert answer == {"captions": [first]}
    asked = "/api/caption?captions=5&attention=1"
    answer = client.post(asked, content=GREEN, headers=JPEG).json()
    best, last = answer["captions"][0], answer["captions"][4]
    assert best["words"] == ["a", "green", "child", "'s", "picture", "."]
    assert best["attention"][5] == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert (last["rank"], last["sentence"], last["log_probability"]) == (5, "picture.", -6.5)
    assert answer["seen"] == [0.1, 0, 0.9, 1]


def test_a_sentence_finds_what_the_page_finds(client, answers):
    answer = client.post("/api/search", json={"text": "a blue zebra", "top_k": 2})
    expected, remark = answers.search_by_sentence("a blue zebra", 2)
    assert answer.json() == {
        "photographs": [
            {
                "rank": rank,
                "similarity": round(photograph.score, 6),
                "name": photograph.name,
                "path": photograph.path,
            }
            for rank, photograph in enumerate(expected, 1)
        ],
        "remark": remark,
    }
    assert "zebra" in remark and os.path.isfile(answer.json()["photographs"][0]["path"])
    assert len(client.post("/api/search", json={"text": "red"}).json()["photographs"]) == 3


def test_a_picture_finds_what_the_page_finds(client, answers, tmp_path):
    (tmp_path / "green.png").write_bytes(GREEN)
    expected = answers.search_by_image(tmp_path / "green.png", 2).found
    for kind in ("image/jpeg", "application/octet-stream", "IMAGE/PNG; x=y"):
        answer = client.post("/api/search?top_k=2", content=GREEN, headers={"Content-Type": kind})
        found = answer.json()["photographs"]
        assert [photograph["path"] for photograph in found] == [each.path for each in expected]
    odds, remark = answers.label(tmp_path / "green.png", "red, green")
    answer = client.post("/api/classify?labels=red,green", content=GREEN, headers=JPEG).json()
    assert [(each["label"], each["probability"]) for each in answer["labels"]] == [
        (label, round(probability, 6)) for label, probability in odds
    ]
    assert answer["labels"][0]["label"] == "green" and answer["remark"] == remark


@pytest.mark.parametrize(
    "asked, reason",
    [
        ({}, "nothing to look for"),
        ({"text": ""}, "nothing to look for"),
        ({"text": ["red"]}, "nothing to look for"),
        ({"text": "word " * 60}, "60 words"),
        ({"text": "zebra"}, "none of the words"),
        ({"text": "red", "top_k": 51}, "from 1 to 50"),
        ({"text": "red", "top_k": "5"}, "from 1 to 50"),
        ({"text": "red", "top_k": None}, "from 1 to 50"),
        ({"text": "red", "topk": 5}, "'topk' is not known here: text, top_k"),
        ({"path": "/etc/passwd"}, "'path' is not known"),
        ("red", "JSON object"),
    ],
)
def test_sentences_that_are_refused(client, asked, reason):
    refused(client.post("/api/search", json=asked), 400, reason)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 60_000, b'{"text": "\xff"}', b"null"])
def test_what_is_no_json_object_is_refused(client, body):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    refused(client.post("/api/search", content=body, headers=headers), 400, "JSON object")


@pytest.mark.parametrize(
    "content, path, reason",
    [
        (b"", "search", "not an image"),
        (b"only text", "search", "not an image"),
        (encoded(Image.new("L", (500, 8))), "search", "10 times"),
        (encoded(Image.new("RGB", (30, 20)), "TIFF"), "search", "not an image"),
        (GREEN, "search?top_k=0", "from 1 to 50"),
        (GREEN, "search?top_k=many", "from 1 to 50"),
        (GREEN, "search?text=red", "'text' is not known"),
        (GREEN, "classify", "at least two"),
        (GREEN, "classify?labels=red", "at least two"),
        (GREEN, "classify?labels=red,zebra", "Nothing is known of zebra"),
        (GREEN, "classify?top_k=3&labels=red,green", "'top_k' is not known"),
        (b"only text", "caption", "not an image"),
        (GREEN, "caption?captions=6", "from 1 to 5"),
        (GREEN, "caption?captions=many", "from 1 to 5"),
        (GREEN, "caption?attention=yes", "attention must be 0 or 1"),
        (GREEN, "caption?top_k=3", "'top_k' is not known here: captions, attention"),
    ],
)
def test_pictures_that_are_refused(client, folder, content, path, reason):
    answer = client.post(f"/api/{path}", content=content, headers=JPEG)
    refused(answer, 400, reason)
    assert str(folder) not in answer.text


def test_what_is_too_large_is_refused_as_such(client, monkeypatch):
    monkeypatch.setattr(api, "MAX_BYTES", 1000)
    refused(client.post("/api/search", content=b"x" * 1001, headers=JPEG), 413, "too large")
    refused(client.post("/api/search", json={"text": "x" * 2**16}), 413, "too large")
    announced = {**JPEG, "Content-Length": str(2**30)}  # which the guard does not even wait for
    refused(client.post("/api/search", content=b"", headers=announced), 413, "too large")


def test_other_paths_methods_and_kinds_are_refused(client):
    refused(client.get("/api/nothing"), 404, "GET /api")
    refused(client.post("/api/search/", json={"text": "red"}), 404, "GET /api")
    answer = client.get("/api/search")
    refused(answer, 405, "another method")
    assert answer.headers["allow"] == "POST"
    refused(client.post("/api"), 405, "another method")
    refused(client.post("/api/classify", json={"labels": ["red"]}), 415, "image/jpeg")
    refused(client.post("/api/caption", json={"captions": 1}), 415, "image/jpeg")
    for kind in ("text/plain", "multipart/form-data; boundary=x", ""):
        refused(
            client.post("/api/search", content=GREEN, headers={"Content-Type": kind}),
            415,
            "Content-Type: image/jpeg",
        )


def test_other_sites_pages_are_not_let_in(client):
    origin = {"Origin": "http://example.com", "Access-Control-Request-Method": "POST"}
    for answer in (
        client.get("/api", headers=origin),
        client.options("/api/search", headers=origin),
        client.post("/api/search", json={"text": "red"}, headers=origin),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert client.options("/api/search", headers=origin).status_code == 405


def test_what_fails_here_is_no_traceback_there(client, answers, monkeypatch):
    def fail(code, count):
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(answers.photographs, "find", fail)
    answer = client.post("/api/search", json={"text": "red"})
    refused(answer, 500, "went wrong here")
    assert "secret" not in answer.text


def test_a_name_that_is_no_utf8_can_be_told(client, answers, monkeypatch):
    monkeypatch.setattr(answers.photographs, "path", lambda place: "/p/\udcff.jpg")
    found = client.post("/api/search", json={"text": "red", "top_k": 1}).json()["photographs"]
    assert found[0]["path"] == "/p/?.jpg"


def test_as_many_as_the_page_answers_at_once_and_no_more_wait(client, answers, monkeypatch):
    monkeypatch.setattr(api, "WAITING", 0)
    begun, go_on = threading.Barrier(api.AT_ONCE + 1), threading.Event()

    def wait(code, count):
        begun.wait(20)
        go_on.wait(20)
        return []

    monkeypatch.setattr(answers.photographs, "find", wait)
    codes = []
    with client:  # one event loop for all
        asking = [
            threading.Thread(
                target=lambda: codes.append(
                    client.post("/api/search", json={"text": "red"}).status_code
                )
            )
            for _ in range(api.AT_ONCE)
        ]
        for thread in asking:
            thread.start()
        begun.wait(20)
        answer = client.post("/api/search", json={"text": "red"})
        go_on.set()
        for thread in asking:
            thread.join()
    refused(answer, 503, "ask later")
    assert answer.headers["retry-after"] and codes == [200] * api.AT_ONCE
