"""ONNX files of text encoders: short captions of a batch have their own codes."""

import paddle
import pytest
from exports import WORDS
from tiny import save_untrained

from vsepp import load
from vsepp.export import onnx_format
from vsepp.export.exporting import export_model
from vsepp.export.parts import parts_of
from vsepp.system.errors import InputError

if int(paddle.__version__.split(".")[0]) < 3:
    pytest.skip("paddle2onnx is for Paddle 3", allow_module_level=True)
for name in onnx_format.PACKAGES:
    pytest.importorskip(name)


@pytest.fixture
def text_of(tmp_path, monkeypatch):
    """A function from keys of the configuration to the text part of such a model."""

    def text_of(**keys):
        model = load(save_untrained(tmp_path / "model.ckpt", WORDS, **keys))
        parts = [part for part in parts_of(model, None) if part.graph.name == "text"]
        monkeypatch.setattr("vsepp.export.exporting.parts_of", lambda *_: parts)
        return model

    return text_of


@pytest.mark.parametrize(
    "keys", [dict(num_layers=2), dict(text_model="bigru", text_pooling="gpo")], ids=["two", "gpo"]
)
def test_every_length_is_right(keys, text_of, tmp_path):
    found = export_model(text_of(**keys), tmp_path / "out", "onnx")
    assert found.lines[0].startswith("text: at most") and (tmp_path / "out" / "text.onnx").exists()


def test_without_the_lengths_of_its_grus_it_would_not_be_kept(text_of, tmp_path, monkeypatch):
    import onnx

    monkeypatch.setattr(onnx_format, "_mended", onnx.load_from_string)
    with pytest.raises(InputError, match="differs from the package"):
        export_model(text_of(), tmp_path / "out", "onnx")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_converted_is_one_sentence(text_of, tmp_path, monkeypatch):
    import paddle2onnx

    def refuse(*_, **__):
        print("Error: strange_op is not supported")
        raise SystemExit(-1)

    monkeypatch.setattr(paddle2onnx, "export", refuse)
    with pytest.raises(InputError, match="cannot convert text .*--format"):
        export_model(text_of(), tmp_path / "out", "onnx")
