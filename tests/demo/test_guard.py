import asyncio
import json

import pytest

from vsepp.demo.guard import Guard


def ask(folder, path="/gradio_api/queue/join", parts=(b"{}",), headers=(), method="POST"):
    """(status, headers, body that the application behind the guard has read or None)."""
    received, sent, waiting = [], [], list(parts)

    async def application(scope, receive, send):
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                received.append(None)
                break
            body += message["body"]
            if not message.get("more_body"):
                received.append(body)
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(Guard(application, folder, 1000, 200)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), received[0] if received else None


def test_queries_pass_whole(tmp_path):
    mine = json.dumps({"data": [{"path": str(tmp_path / "a" / "b.png")}, 3]}).encode()
    status, headers, body = ask(tmp_path, parts=(mine[:10], mine[10:]))
    assert status == 200 and body == mine
    assert b"default-src 'self'" in headers[b"content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "http://example.com/a.png",
        "a.png",
        "",
        3,
        ["/etc/passwd"],
        "file:///etc/passwd",
        "a\0b",
    ],
)
def test_files_that_were_not_uploaded_are_refused(tmp_path, path):
    for value in ({"path": path}, {"data": [[{"x": {"path": path, "url": "u"}}]]}):
        assert ask(tmp_path, parts=(json.dumps(value).encode(),))[0] == 400
    escaping = {"path": str(tmp_path / ".." / "a.png")}
    assert ask(tmp_path, parts=(json.dumps(escaping).encode(),))[0] == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("start", ["/file=", "/file/", "/gradio_api/file=", "/gradio_api/file/"])
def test_only_files_of_the_folder_are_handed_out(tmp_path, start, method):
    folder, outside = tmp_path / "folder", tmp_path / "outside.png"
    folder.mkdir()
    outside.touch()
    (folder / "link.png").symlink_to(outside)
    assert ask(folder, f"{start}{folder}/a/b.png", method=method)[0] == 200
    for path in (
        outside,
        folder / "link.png",
        f"{folder}/../outside.png",
        f"{folder}s/a.png",
        "outside.png",
        "",
        "http://example.com/a.png",
        f"file://{folder}/a.png",
        f"{folder}/a\0.png",
    ):
        status, headers, body = ask(folder, f"{start}{path}", method=method)
        assert status == 403 and body is None and b"content-security-policy" in headers


@pytest.mark.parametrize("path", ["/", "/assets/file-1.js", "/gradio_api/info", "/files", "/file"])
def test_what_is_no_download_passes(tmp_path, path):
    assert ask(tmp_path, path, method="GET")[0] == 200


@pytest.mark.parametrize("body", [b"no json", b"[" * 199, b"\xff\xfe"])
def test_what_is_no_json_is_refused(tmp_path, body):
    assert ask(tmp_path, parts=(body,))[0] == 400


def test_large_bodies_are_refused_whether_or_not_their_length_is_announced(tmp_path):
    assert ask(tmp_path, headers=[(b"Content-Length", b"201")])[0] == 413
    assert ask(tmp_path, parts=(b" " * 150, b" " * 150))[0] == 413
    upload = "/gradio_api/upload"
    assert ask(tmp_path, upload, (b"x" * 900,))[2] == b"x" * 900
    assert ask(tmp_path, upload, headers=[(b"content-length", b"1001")])[0] == 413
    assert ask(tmp_path, upload, (b"x" * 900, b"x" * 900))[2] is None
    assert ask(tmp_path, "/gradio_api/call/upload", (b"x" * 900,))[0] == 413


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/search", "/api/x/y"])
def test_where_there_is_no_interface_for_programs_its_paths_are_none(tmp_path, method, path):
    status, headers, body = ask(tmp_path, path, method=method)
    assert status == 404 and body is None and b"content-security-policy" in headers


def pass_on(folder, messages, error):
    """What the guard sends of an upload whose reader raises ``error`` after the messages."""
    sent, waiting = [], list(messages)

    async def application(scope, receive, send):
        while waiting:
            await receive()
        await send({"type": "http.response.start", "status": 500, "headers": []})
        raise error

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": []}
    asyncio.run(Guard(application, folder, 1000, 200)(scope, receive, send))
    return sent


def test_an_upload_that_its_visitor_breaks_off_is_no_error(tmp_path):
    half = {"type": "http.request", "body": b"x" * 9, "more_body": True}
    assert pass_on(tmp_path, [half, {"type": "http.disconnect"}], ValueError("cut off"))
    sent = pass_on(tmp_path, [{**half, "body": b"x" * 1001}], ValueError("cut off"))
    assert [message.get("status") for message in sent] == [413, None]
    with pytest.raises(ValueError, match="a bug"):
        pass_on(tmp_path, [half], ValueError("a bug"))
