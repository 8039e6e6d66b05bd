"""The page on a live server, asked as a browser asks it."""

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from colour_words import make_answers
from PIL import Image
from telling_captioner import TellingCaptioner

from vsepp.demo import server
from vsepp.demo.caption_answers import CaptionAnswerer
from vsepp.demo.upkeep import tidy

pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """(address, folder of uploads, answers)."""
    pictures = tmp_path_factory.mktemp("pictures")  # first: pytest's files go to no folder of ours
    with pytest.MonkeyPatch.context() as patch, server.private_folder() as folder:
        patch.setenv("NO_PROXY", "127.0.0.1")
        pytest.importorskip("gradio")
        answers = make_answers(pictures)
        bound = server.listen("127.0.0.1", 0)
        captions = CaptionAnswerer(TellingCaptioner(), answers.photographs)
        running = server.make_server(answers, folder, api=True, captions=captions)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not running.started and thread.is_alive():
            time.sleep(0.02)
        yield server.address_of(bound), folder, answers
        running.should_exit = True
        thread.join(10)
        bound.close()


@pytest.fixture
def client(live):
    from gradio_client import Client

    return Client(live[0], verbose=False, download_files=False)


@pytest.fixture
def send(live, client, tmp_path):
    """Upload bytes as a picture of some name: what a query takes for it."""
    from gradio_client import handle_file

    def send(content, name="picture.png"):
        path = tmp_path / name
        if isinstance(content, Image.Image):
            content.save(path)
        else:
            path.write_bytes(content)
        return handle_file(str(path))

    return send


def get(address, path):
    try:
        with urllib.request.urlopen(address + path, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_the_page_opens_and_asks_no_other_server(live):
    status, headers, page = get(live[0], "/")
    assert status == 200
    assert "以文搜图" in page.decode() or json.dumps("以文搜图").strip('"') in page.decode()
    assert headers["content-security-policy"].startswith("default-src 'self'")


@pytest.fixture
def drawn(live):
    """(components by their label, what triggers what) as a browser is told."""
    config = json.loads(get(live[0], "/config")[2])
    labelled = {}
    for component in config["components"]:
        if label := component["props"].get("label"):
            labelled.setdefault(label.split(" · ")[0], []).append(component)
    return labelled, config["dependencies"]


def triggered(dependencies, component, event):
    """The dependencies that an event of a component triggers."""
    target = [component["id"], event]
    return [each for each in dependencies if target in list(map(list, each["targets"]))]


def test_enter_searches(drawn):
    labelled, dependencies = drawn
    sentence = labelled["Sentence"][0]
    # Gradio lets Enter submit a box of one line, and begin a line in a higher one.
    assert sentence["props"]["lines"] == 1
    (search,) = triggered(dependencies, sentence, "submit")
    assert search["api_name"] == "search_by_sentence"


def test_it_opens_with_every_tab_answered(live, drawn):
    address, folder, answers = live
    labelled, _ = drawn
    by_sentence, by_picture = labelled["Photographs found"]
    asked = labelled["Sentence"][0]["props"]["value"]
    found = answers.search_by_sentence(asked, 10).found
    assert [entry["caption"] for entry in by_sentence["props"]["value"]] == [
        f"{rank} · {photograph.score:.3f} · {photograph.name}"
        for rank, photograph in enumerate(found, 1)
    ]
    picture = labelled["Picture"][0]["props"]["value"]["path"]
    found = answers.search_by_image(picture, 10).found
    assert by_picture["props"]["value"][0]["caption"].endswith(found[0].name)
    table = labelled[f"Of {answers.sentences.described}"][0]["props"]["value"]["data"]
    assert table[0][2] == answers.sentences_for(picture, 1).found[0][0]
    tidy(folder, max_age=-1)  # as when the page has been up for long
    for shown in (picture, by_picture["props"]["value"][0]["image"]["path"]):
        assert Image.open(shown).format == "JPEG"


def test_a_model_that_understands_no_example_opens_with_photographs(live):
    from vsepp.demo.page import build_page

    class Foreign(type(live[2])):
        def knows_all(self, text):
            return False

    answers = Foreign(live[2].model, live[2].photographs)
    values = [
        component["props"].get("value")
        for component in build_page(answers, live[1]).get_config_file()["components"]
        if component["type"] == "gallery"
    ]
    assert [entry["caption"].split(" · ")[2] for entry in values[0]] == [
        photograph.name for photograph in answers.more_like(0, 10).found
    ]


def shown_by(page):
    """(names of a page's tabs, values of its HTML) as a browser is told."""
    components = page.get_config_file()["components"]
    return (
        [each["props"]["label"] for each in components if each["type"] == "tabitem"],
        [each["props"].get("value") or "" for each in components if each["type"] == "html"],
    )


def test_there_is_a_tab_for_captions_where_there_is_a_captioner(live):
    from vsepp.demo.page import build_page

    _, folder, answers = live
    captions = CaptionAnswerer(TellingCaptioner(), answers.photographs)
    both, html = shown_by(build_page(answers, folder, captions))
    assert len(both) == 5 and both[4] == "Captions · 看图说话"
    assert "captions by a captioner trained on colours" in html[0]
    # it opens with the first example captioned
    assert sum('class="captioned"' in value and ">red<" in value for value in html) == 1
    assert shown_by(build_page(answers, folder))[0] == both[:4]
    captions.photographs = ()  # no examples
    alone, html = shown_by(build_page(None, folder, captions))
    assert alone == both[4:] and "Captions by a captioner" in html[0]
    assert not any("captioned" in value for value in html)


def ask_as_a_browser(address, dependency, data, **event):
    """What a dependency answers, asked through the queue."""
    prefix = "/gradio_api" if get(address, "/gradio_api/info")[0] == 200 else ""
    body = {"data": data, "fn_index": dependency["id"], "session_hash": "s", **event}
    request = urllib.request.Request(
        f"{address}{prefix}/queue/join",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    events = get(address, f"{prefix}/queue/data?session_hash=s")[2].decode()
    for line in events.split("data:"):
        if '"process_completed"' in line:
            return json.loads(line)["output"]["data"]
    raise AssertionError(events)


def test_a_click_shows_a_photograph_large_with_its_path(live, drawn, client):
    address, folder, answers = live
    labelled, dependencies = drawn
    (enlarge,) = triggered(dependencies, labelled["Photographs found"][0], "select")
    photographs, _ = client.predict("a blue picture", 2, api_name="/search_by_sentence")
    clicked = {"event_data": {"index": 0, "value": photographs[0]}}
    gallery, view, picture, told, place = ask_as_a_browser(address, enlarge, [], **clicked)
    assert gallery["selected_index"] == 0 and "value" not in gallery
    assert view["visible"] is True and answers.photographs.path(place) in told
    assert "1 · 1.000 · blue.png" in told
    assert Image.open(picture["path"]).size == (1600, 1200)  # what Pillow makes of 40 × 30
    for value in ({}, None, {"image": {"path": f"{folder}/9.jpg"}, "caption": "<b>"}):
        clicked = {"event_data": {"index": 0, "value": value}}
        assert ask_as_a_browser(address, enlarge, [], **clicked)[1]["visible"] is False


def test_more_like_a_photograph(client, live):
    photographs, remark = client.predict(1, 2, api_name="/more_like_this")
    expected = live[2].more_like(1, 2).found
    assert [entry["caption"].split(" · ")[2] for entry in photographs] == [
        photograph.name for photograph in expected
    ]
    assert "like green.png" in remark and len(photographs) == 2
    photographs, remark = client.predict(3, 2, api_name="/more_like_this")
    assert photographs == [] and "no such photograph" in remark


def test_programs_are_answered_as_the_page_answers(client, live):
    photographs, _ = client.predict("a blue picture", 2, api_name="/search_by_sentence")
    request = urllib.request.Request(
        f"{live[0]}/api/search",
        json.dumps({"text": "a blue picture", "top_k": 2}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = json.load(answer)["photographs"]
    assert [entry["caption"] for entry in photographs] == [
        f"{each['rank']} · {each['similarity']:.3f} · {each['name']}" for each in found
    ]
    assert get(live[0], "/api")[0] == 200 and get(live[0], "/api/x")[0] == 404


def test_every_tab_answers(client, send):
    green = send(Image.new("RGB", (50, 40), (0, 250, 9)))
    photographs, remark = client.predict("a blue picture", 2, api_name="/search_by_sentence")
    assert [entry["caption"] for entry in photographs] == [
        "1 · 1.000 · blue.png",
        "2 · 0.000 · red.png",
    ]
    assert remark == ""
    photographs, _ = client.predict(green, 3, api_name="/search_by_picture")
    assert photographs[0]["caption"].endswith("green.png") and len(photographs) == 3
    sentences, _ = client.predict(green, 1, api_name="/sentences_for_picture")
    assert sentences["data"][0][2] == "a green picture ."
    labels, _ = client.predict(green, "red, green", api_name="/label_picture")
    assert labels["label"] == "green"
    sentences, remark = client.predict(green, 2, api_name="/caption_picture")
    assert sentences.count('class="sentence"') == 2 and ">green<" in sentences and remark == ""
    sentences, remark = client.predict(green, 6, api_name="/caption_picture")
    assert sentences == "" and "from 1 to 5" in remark


def test_words_that_are_not_known_are_named_and_harmless(client):
    photographs, remark = client.predict("a red <img/src=x>", 1, api_name="/search_by_sentence")
    assert len(photographs) == 1 and "&lt;img/src=x&gt;" in remark and "<img" not in remark


def test_queries_that_are_refused(client):
    for text, count, reason in (
        ("", 5, "nothing to look for"),
        ("word " * 10_000, 5, "10000 words"),
        ("zebra", 5, "none of the words"),
        ("red", 51, "from 1 to 50"),
    ):
        photographs, remark = client.predict(text, count, api_name="/search_by_sentence")
        assert photographs == [] and reason in remark and 'role="alert"' in remark


def test_pictures_that_are_refused(client, send):
    for content, name, reason in (
        (Image.new("L", (10_000, 10_000)), "large.png", "100 megapixels"),
        (b"only text", "text.jpg", "not an image"),
        (b"", "empty.png", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing.jpg", "not an image"),
        (Image.new("L", (500, 8)), "long.png", "10 times"),
    ):
        picture = send(content, name)
        for endpoint in ("search_by_picture", "sentences_for_picture", "caption_picture"):
            _, remark = client.predict(picture, 3, api_name=f"/{endpoint}")
            assert reason in remark and "/" not in remark.split(">", 1)[1].replace("</p>", "")
    _, remark = client.predict(None, 3, api_name="/search_by_picture")
    assert "There is no picture" in remark
    assert client.predict("red", 1, api_name="/search_by_sentence")[0]  # still there


def test_no_other_files_are_read_or_served(live, tmp_path):
    address, folder, _ = live
    prefix = "/gradio_api" if get(address, "/gradio_api/info")[0] == 200 else ""
    secret = tmp_path / "model.ckpt"
    secret.write_text("the weights")
    for path in (str(secret), "/etc/passwd", __file__, "setup.py"):
        for start in (
            "/gradio_api/file=",
            "/file=",
            "/gradio_api/file/",
            "/file/",
            "/static/",
            "/assets/..%2f..%2f..%2f",
        ):
            status, _, content = get(address, start + path)
            assert status >= 400 or content.lstrip().lower().startswith(b"<!doctype html")
        picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
        body = json.dumps({"data": [picture, 3]}).encode()
        request = urllib.request.Request(
            f"{address}{prefix}/call/search_by_picture", body, {"Content-Type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(request, timeout=10)


def test_what_gradio_keeps_or_fetches_for_other_pages_is_not_served(live, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [f"{live[0]}/robots.txt"]  # an address
    for cache in (".gradio/cached_examples", "gradio_cached_examples"):  # Gradio 6's and 4's
        (tmp_path / cache).mkdir(parents=True)
        (tmp_path / cache / "example.txt").write_text("of another page")
        paths += [f"{cache}/example.txt", str(tmp_path / cache / "example.txt")]
    for path in paths:
        for start in ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/file/"):
            assert get(live[0], start + path)[0] >= 400


def test_what_was_uploaded_or_found_is_served(live, client, send):
    address, folder, _ = live
    photographs, _ = client.predict(
        send(Image.new("RGB", (50, 40))), 1, api_name="/search_by_picture"
    )
    shown = photographs[0]["image"]["url"]
    assert shown.startswith(address)
    prefix = shown[: shown.index("/file=")].removeprefix(address)
    uploaded = next(path for path in Path(folder).rglob("picture.png"))
    for path in (photographs[0]["image"]["path"], f"{folder}/examples/example_1.jpg", uploaded):
        status, _, content = get(address, f"{prefix}/file={path}")
        assert status == 200 and content == Path(path).read_bytes()


@pytest.mark.slow
def test_twenty_at_once(live, client):
    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(client.predict, f"a {colour} picture", 3, api_name="/search_by_sentence")
            for colour in ["red", "green", "blue"] * 7
        ]
        found = [answer.result()[0][0]["caption"] for answer in asked]
    assert found == [f"1 · 1.000 · {colour}.png" for colour in ["red", "green", "blue"] * 7]
    assert not live[2].model.crowded
