"""deploy/: an export answers where neither vsepp nor Paddle is installed."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from captioners import save_captioner
from exports import DEPLOY, WORDS, save_photographs
from kinds import KINDS, save_kind
from tiny import make_data, save_untrained

from vsepp import load
from vsepp.captioning.options import Decoding
from vsepp.data.dataset import open_dataset
from vsepp.export.exporting import export_model
from vsepp.export.formats import FORMATS
from vsepp.export.onnx_format import check_packages
from vsepp.system.errors import InputError
from vsepp.text.reader import WordReader

pytestmark = pytest.mark.slow

#: a Python with onnxruntime, NumPy, Pillow, PyYAML, tokenizers, FastAPI and httpx alone
VARIABLE = "VSEPP_BARE_PYTHON"
PACKAGES = ["numpy", "pillow", "pyyaml", "onnxruntime", "tokenizers", "fastapi", "httpx"]
SERVER = """
import json, sys, pathlib
from fastapi.testclient import TestClient
from server import app
picture = pathlib.Path(sys.argv[1]).read_bytes()
with TestClient(app) as client:
    answers = [
        client.get("/health"),
        client.get("/photographs", params={"sentence": sys.argv[2], "count": 2}),
        client.get("/photographs", params={"sentence": "☃"}),
        client.post("/photographs", params={"count": 1}, content=picture),
        client.post("/photographs", content=b"no picture"),
        client.post("/photographs", content=b"x" * 20_000_001),
        client.post("/caption", content=picture),
    ]
print(json.dumps([[each.status_code, each.json()] for each in answers]))
"""


def needs_onnx():
    try:
        check_packages()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The bare Python: that of ``VSEPP_BARE_PYTHON``, or a new one."""
    if os.environ.get(VARIABLE):
        return os.environ[VARIABLE]
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    found = subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True)
    if found.returncode:
        pytest.skip("the packages of deploy/ cannot be fetched here")
    return python


def ask(python, *words, cwd, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.run(
        [python, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, **variables},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return save_photographs(tmp_path_factory.mktemp("photographs"))


def test_neither_is_there(bare, tmp_path):
    said = ask(
        bare,
        "-c",
        "import importlib.util as u; print([u.find_spec(n) for n in ('vsepp', 'paddle')])",
        cwd=tmp_path,
    )
    assert said == "[None, None]\n"


def test_a_sentence_is_answered_over_a_folder(bare, photographs, tmp_path):
    needs_onnx()
    model = load(save_untrained(tmp_path / "model.ckpt", WORDS))
    export_model(model, tmp_path / "out", "onnx")
    sentence = "A red circle on white"
    scores = model.similarity(photographs, sentence)[:, 0]
    order = np.argsort(-scores)
    folder = photographs[0].parent

    said = ask(bare, "search.py", tmp_path / "out", folder, sentence, cwd=DEPLOY / "python")
    lines = [line.split("  ") for line in said.splitlines()]
    assert [path for _, path in lines] == [str(photographs[place]) for place in order]
    assert np.allclose([float(score) for score, _ in lines], scores[order], atol=1e-4)

    variables = {"VSEPP_MODEL": str(tmp_path / "out"), "VSEPP_PHOTOGRAPHS": str(folder)}
    words = ["-c", SERVER, photographs[0], sentence]
    answers = json.loads(ask(bare, *words, cwd=DEPLOY / "server", **variables))
    assert [status for status, _ in answers] == [200, 200, 422, 200, 422, 413, 404]
    assert answers[0][1]["model"] == model.fingerprint and answers[0][1]["photographs"] == 3
    found = answers[1][1]["photographs"]
    assert [each["name"] for each in found] == [photographs[place].name for place in order[:2]]
    assert answers[3][1]["photographs"][0]["name"] == photographs[0].name


def test_sentences_are_written(bare, photographs, tmp_path):
    needs_onnx()
    model = load(save_captioner(tmp_path / "captioner.ckpt", WORDS))
    decoding = Decoding(beam=1, longest=model.config.max_len)
    wanted = [" ".join(made[0].words) for made in model.captions_of(photographs, decoding)]
    export_model(model, tmp_path / "out", "onnx")

    said = ask(bare, "caption.py", tmp_path / "out", *photographs, cwd=DEPLOY / "python")
    assert [line.split(": ")[1] for line in said.splitlines()] == wanted
    variables = {"VSEPP_MODEL": str(tmp_path / "out")}
    words = ["-c", SERVER, photographs[0], "a"]
    answers = json.loads(ask(bare, *words, cwd=DEPLOY / "server", **variables))
    assert answers[-1] == [200, {"sentence": wanted[0], "words": wanted[0].split()}]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_exported(kind, format_name, bare, photographs, tmp_path):
    if format_name == "onnx":
        needs_onnx()
    data = WordReader(open_dataset(make_data(tmp_path) + "/tiny", "train").vocabulary)
    model = load(save_kind(tmp_path / "model.ckpt", kind, data))
    export_model(model, tmp_path / "out", format_name)
    if format_name == "paddle":  # which a bare Python cannot run
        return
    sentences = ["A red square, there!", "one blue stripe", "this"]
    script = (
        "import sys, numpy; from exported import Exported; m = Exported(sys.argv[1])\n"
        "numpy.savez(sys.argv[2], images=m.encode_images(sys.argv[6:]), "
        "texts=m.encode_texts(sys.argv[3:6]))"
    )
    file = tmp_path / "codes.npz"
    words = ["-c", script, tmp_path / "out", file, *sentences, *photographs]
    ask(bare, *words, cwd=DEPLOY / "python")
    codes = np.load(file)
    np.testing.assert_allclose(codes["images"], model.encode_image(photographs), atol=1e-5)
    np.testing.assert_allclose(codes["texts"], model.encode_text(sentences), atol=1e-5)
