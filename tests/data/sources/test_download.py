"""Downloads arrive whole, continue where they stopped, and never mix two versions."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vsepp.data.sources.download import download
from vsepp.system.errors import InputError

BODY = bytes(i * i % 251 for i in range(300_000))
OTHER = bytes(i * i % 241 for i in range(300_000))


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.body`` as ``server`` is told to misbehave, and notes the requests."""

    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", server.location)
            self.end_headers()
            return
        if server.status:
            self.send_error(server.status)
            return
        body, start = server.body, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        current = condition in (None, server.etag, server.date) or server.ignores_condition
        if asked and server.knows_ranges and current:
            start = int(asked[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.date:
            self.send_header("Last-Modified", server.date)
        self.send_header("Content-Length", server.length or str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:][: server.cut])
        if server.stalls:
            self.wfile.flush()
            server.stalls.wait(5)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.body, server.etag, server.date = BODY, '"one"', None
    server.status, server.cut = None, None
    server.knows_ranges, server.ignores_condition = True, False
    server.requests, server.location, server.length, server.stalls = [], None, None, None
    server.url = f"http://127.0.0.1:{server.server_port}/pictures.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "pictures.zip"


def cut_short(server, target, after=100_000):
    """A first run that loses its connection."""
    server.cut = after
    with pytest.raises(InputError, match=f"after {after} of 300000 bytes.*again to continue"):
        download(server.url, target)
    assert not target.exists()
    server.cut = None


def test_a_whole_file_arrives(server, target):
    assert download(server.url, target, hashlib.sha256(BODY).hexdigest().upper()) == target
    assert target.read_bytes() == BODY
    assert not target.with_name("pictures.zip.part").exists()


def test_a_second_run_asks_for_the_rest_of_the_same_version(server, target):
    cut_short(server, target)
    download(server.url, target, hashlib.sha256(BODY).hexdigest())
    assert target.read_bytes() == BODY
    assert server.requests[-1]["Range"] == "bytes=100000-"
    assert server.requests[-1]["If-Range"] == '"one"'


def test_the_date_stands_in_for_a_weak_etag(server, target):
    server.etag, server.date = 'W/"one"', "Mon, 01 Jan 2018 00:00:00 GMT"
    cut_short(server, target)
    download(server.url, target)
    assert target.read_bytes() == BODY
    assert server.requests[-1]["If-Range"] == server.date


def test_several_interruptions_add_up(server, target):
    cut_short(server, target)
    server.cut = 50_000
    with pytest.raises(InputError, match="after 150000 of 300000"):
        download(server.url, target)
    server.cut = None
    download(server.url, target)
    assert target.read_bytes() == BODY
    assert server.requests[-1]["Range"] == "bytes=150000-"


def test_a_server_that_ignores_ranges_starts_over(server, target):
    cut_short(server, target)
    server.knows_ranges = False
    download(server.url, target)
    assert target.read_bytes() == BODY


def test_a_file_that_changed_meanwhile_starts_over(server, target):
    cut_short(server, target)
    server.body, server.etag = OTHER, '"two"'
    download(server.url, target)
    assert target.read_bytes() == OTHER


def test_a_server_that_continues_another_version_is_not_believed(server, target):
    cut_short(server, target)
    server.body, server.etag, server.ignores_condition = OTHER, '"two"', True
    download(server.url, target)
    assert target.read_bytes() == OTHER


@pytest.mark.parametrize("length", [50_000, 200_000])
def test_another_length_is_another_version(server, target, length):
    cut_short(server, target)
    server.body, server.ignores_condition = OTHER[:length], True
    download(server.url, target)
    assert target.read_bytes() == OTHER[:length]


def test_nothing_is_continued_that_cannot_be_told_apart(server, target):
    server.etag = None
    cut_short(server, target)
    server.body = OTHER
    download(server.url, target)
    assert target.read_bytes() == OTHER
    assert "Range" not in server.requests[-1]


def test_another_address_does_not_continue_this_one(server, target):
    cut_short(server, target)
    server.body = OTHER
    download(server.url + "?other", target)
    assert target.read_bytes() == OTHER
    assert "Range" not in server.requests[-1]


def test_a_wrong_checksum_removes_the_file(server, target):
    with pytest.raises(InputError, match="the file was removed"):
        download(server.url, target, "0" * 64)
    assert list(target.parent.iterdir()) == []


def test_what_is_complete_is_not_fetched_again(server, target):
    download(server.url, target)
    download(server.url, target, hashlib.sha256(BODY).hexdigest())
    assert len(server.requests) == 1


def test_what_is_complete_but_wrong_is_fetched_again(server, target):
    download(server.url, target)
    server.body, server.etag = OTHER, '"two"'
    download(server.url, target, hashlib.sha256(OTHER).hexdigest())
    assert target.read_bytes() == OTHER


def test_a_file_put_there_by_hand_is_never_overwritten(server, target):
    target.parent.mkdir()
    target.write_bytes(b"by hand")
    download(server.url, target)
    with pytest.raises(InputError, match="move it away"):
        download(server.url, target, "0" * 64)
    assert target.read_bytes() == b"by hand"
    assert server.requests == []


@pytest.mark.parametrize("status, mend", [(404, "check the address"), (503, "again to continue")])
def test_a_server_that_refuses_is_quoted(server, target, status, mend):
    server.status = status
    with pytest.raises(InputError, match=f"answers {status} .*{mend}"):
        download(server.url, target)


def test_a_refusal_keeps_what_has_arrived(server, target):
    cut_short(server, target)
    server.status = 503
    with pytest.raises(InputError):
        download(server.url, target)
    server.status = None
    download(server.url, target)
    assert server.requests[-1]["Range"] == "bytes=100000-"


def test_nobody_there(server, target):
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match="cannot be reached.*check the address and the network"):
        download(url, target)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/a.zip", "a.zip", "http:///a", "data:text/plain,a"]
)
def test_other_kinds_of_address_are_refused(target, url):
    with pytest.raises(InputError, match="is no web address"):
        download(url, target)


def test_a_redirect_is_followed_on_the_web_only(server, target):
    server.location = server.url
    download(server.url.replace("pictures.zip", "moved"), target)
    assert target.read_bytes() == BODY
    server.location = "ftp://127.0.0.1/pictures.zip"
    with pytest.raises(InputError, match="ftp://127.0.0.1/pictures.zip is no web address"):
        download(server.url.replace("pictures.zip", "moved"), target.with_name("again.zip"))


def test_a_malformed_checksum_is_refused_before_fetching(server, target):
    with pytest.raises(InputError, match="--sha256 abc: a checksum is 64 hexadecimal digits"):
        download(server.url, target, "abc")
    assert server.requests == []


def test_a_server_that_stalls_is_left_and_continued_later(server, target, monkeypatch):
    monkeypatch.setattr("vsepp.data.sources.download.TIMEOUT", 0.2)
    server.stalls, server.cut = threading.Event(), 100_000
    with pytest.raises(InputError, match="broke off after .* bytes.*again to continue"):
        download(server.url, target)
    server.stalls.set()
    server.stalls = server.cut = None
    download(server.url, target)
    assert target.read_bytes() == BODY
    assert server.requests[-1]["Range"].startswith("bytes=")


@pytest.mark.parametrize("length", ["299999", "300001", "9" * 30])
def test_a_server_that_lies_about_the_length(server, target, length):
    server.length = length
    if int(length) < len(BODY):  # what is beyond is not read
        assert download(server.url, target).read_bytes() == BODY[: int(length)]
        return
    with pytest.raises(InputError, match=f"after 300000 of {length} bytes"):
        download(server.url, target)
    assert not target.exists()


def test_redirects_in_a_circle_end(server, target):
    server.location = server.url.replace("pictures.zip", "moved")
    with pytest.raises(InputError, match="moved answers 302"):
        download(server.location, target)
    assert len(server.requests) < 20


@pytest.mark.parametrize(
    "record", [b"{", b"[1]", b"[" * 100_000, b'{"etag": 5}', b'{"url": 1, "length": "x"}', b"\xff"]
)
def test_a_damaged_record_begins_anew(server, target, record):
    cut_short(server, target)
    target.with_name("pictures.zip.source.json").write_bytes(record)
    download(server.url, target)
    assert target.read_bytes() == BODY
