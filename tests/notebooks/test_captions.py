"""The notebook that captions: what it holds, and that it runs from top to bottom."""

import json
import re

import pytest
from notebooks.reading import ROOT, cells_of, run_quickly, source

from vsepp import load

PATH = ROOT / "notebooks" / "vsepp_captions.ipynb"


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    names = run_quickly(PATH, tmp_path, monkeypatch)

    printed = capsys.readouterr().out
    assert "Data set sample: its files are in data/sample" in printed
    made = json.loads(
        (tmp_path / "model/sample_caption/best.sample_test.results.json").read_text("utf-8")
    )
    assert len(made) == 8
    assert [entry["caption"] for entry in made[:6]] == names["written"]
    assert printed.count("模型 · model") == 6 and "CIDEr-D" in printed
    assert names["looked"].shape == (len(names["sentence"].split()), 2, 2)
    assert len(names["best"]) == len(names["drawn"]) == 3
    assert (tmp_path / "runs/looked.png").stat().st_size > 10_000
    assert "[runs/looked.png:" in printed and "[picture: 1100 × " in printed
    assert names["written"][0] in (tmp_path / "runs/sample/captions.html").read_text("utf-8")
    table = (tmp_path / "runs/captions.csv").read_text("utf-8").splitlines()
    assert table[0] == "file,caption,log_probability" and len(table) == 9
    assert "looks for the image of each caption among 8" in printed and "made captions" in printed
    assert load(names["BEST"]).config.caption_model == "attention"


def test_it_calls_the_tools():
    called = set(re.findall(r"tool\(\s*\"(\w+)\"", "".join(map(source, cells_of(PATH)))))
    assert called == {"prepare", "train", "caption", "eval", "report"}
