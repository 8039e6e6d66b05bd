"""Folders of text encoders as people have them, and those that are none."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

pytest.importorskip("tokenizers")

from vsepp.models.pretrained_text.folder import open_pretrained
from vsepp.system.errors import InputError

TOWERS = Path(__file__).parents[2] / "golden" / "towers"


@pytest.fixture
def bert(tmp_path):
    return Path(shutil.copytree(TOWERS / "tiny_bert", tmp_path / "tiny_bert"))


@pytest.fixture
def ernie(tmp_path):
    return Path(shutil.copytree(TOWERS / "tiny_ernie", tmp_path / "tiny_ernie"))


def change(path, **values):
    content = json.loads(path.read_text())
    content = {key: value for key, value in {**content, **values}.items() if value is not None}
    path.write_text(json.dumps(content))


def same_state(folder, expected):
    found, wanted = open_pretrained(folder).state(), open_pretrained(TOWERS / expected).state()
    assert found.keys() == wanted.keys()
    return all(np.array_equal(found[name], wanted[name]) for name in wanted)


# ---- what is read ------------------------------------------------------------------------------


def test_names_with_a_prefix_old_norms_heads_and_position_ids(bert):
    state = load_file(bert / "model.safetensors")
    old = {
        f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in state.items()
    }
    old["bert.embeddings.position_ids"] = np.arange(40)[None]
    old["cls.predictions.bias"] = np.zeros(420, np.float32)
    save_file(old, bert / "model.safetensors")

    assert same_state(bert, "tiny_bert")


def test_a_pickle_of_torch_is_read_by_the_restricted_reader_alone(bert):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    (bert / "model.safetensors").unlink()
    (bert / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Evil()}))

    with pytest.raises(InputError, match="nothing from it was run"):
        open_pretrained(bert).state()


@pytest.mark.parametrize("prefix", ["", "ernie."])
def test_a_pickle_of_numbers_is_read(ernie, prefix):
    from vsepp.pickles import read_pickle

    state = read_pickle(ernie / "model_state.pdparams")
    renamed = {prefix + name: np.array(value) for name, value in state.items()}
    (ernie / "model_state.pdparams").write_bytes(pickle.dumps(renamed, protocol=2))

    assert same_state(ernie, "tiny_ernie")


@pytest.mark.parametrize(
    "older",
    [
        lambda config: {**config, "init_class": "ErnieModel"},
        lambda config: {
            "init_args": [{**config, "init_class": "ErnieModel"}],
            "init_class": "ErnieForSequenceClassification",
            "num_classes": 2,
        },
    ],
)
def test_configurations_of_older_paddlenlp(ernie, older):
    config = json.loads((ernie / "config.json").read_text())
    del config["model_type"], config["architectures"]
    (ernie / "config.json").unlink()
    (ernie / "model_config.json").write_text(json.dumps(older(config)))

    assert open_pretrained(ernie).options == open_pretrained(TOWERS / "tiny_ernie").options
    assert same_state(ernie, "tiny_ernie")


def test_a_vocabulary_without_tokenizer_json_cuts_the_same(bert):
    sentences = ["Two dogs, RUNNING.", "A café in São Paulo", "一只狗", "snowboarder"]
    whole = open_pretrained(bert).reader.indices(sentences)
    (bert / "tokenizer.json").unlink()

    assert open_pretrained(bert).reader.indices(sentences) == whole


@pytest.mark.parametrize("without_json", [False, True])
def test_capitals_count_where_the_tokenizer_says_so(bert, without_json):
    (bert / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    if without_json:
        (bert / "tokenizer.json").unlink()
    reader = open_pretrained(bert).reader

    assert reader.unknown_words("Dogs RUN") and not reader.unknown_words("dogs run")


def test_a_table_rounded_up_is_read(bert):
    state = load_file(bert / "model.safetensors")
    words = "embeddings.word_embeddings.weight"
    state[words] = np.concatenate([state[words], np.zeros((4, 32), np.float32)])
    save_file(state, bert / "model.safetensors")
    change(bert / "config.json", vocab_size=424)

    pretrained = open_pretrained(bert)
    assert pretrained.reader.size == 420
    assert pretrained.state()["word_embeddings.weight"].shape == (424, 32)


# ---- what is refused, and with what words ------------------------------------------------------


def only_a_readme(folder):
    for path in folder.iterdir():
        path.unlink()
    (folder / "README.md").write_text("# a model")


def in_a_subfolder(folder):
    inner = folder / "0_Transformer"
    inner.mkdir()
    for path in list(folder.iterdir()):
        if path.is_file():
            path.rename(inner / path.name)
    (folder / "config.json").write_text('{"__version__": "2.0.0"}')
    (folder / "modules.json").write_text("[]")


def pointer(name):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90868376\n"
    return lambda folder: (folder / name).write_text(text)


def config(**values):
    return lambda folder: change(folder / "config.json", **values)


def fewer_words(folder):
    (folder / "tokenizer.json").unlink()
    lines = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join(lines[:-1]) + "\n")


def other_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertJapaneseTokenizer"}')


def without(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    "spoil, said",
    [
        (only_a_readme, "has no config.json \\(it has README.md\\): give a folder with"),
        (in_a_subfolder, "describes no network: give the folder .*0_Transformer, which has one"),
        (config(model_type="gpt2"), "is a gpt2, and text_model bert reads bert and ernie"),
        (config(model_type="clip"), "is a clip, .*convert.* --clip`"),
        (config(position_embedding_type="relative_key"), "position_embedding_type 'relative_key'"),
        (config(vocab_size=421), "has 420 tokens, its configuration says vocab_size 421"),
        (config(hidden_size=64), "LayerNorm.bias' has shape \\[32\\] where \\[64\\] is needed"),
        (config(num_hidden_layers=3), "lacks the weights of transformer.layers.2"),
        (config(num_hidden_layers=5_000), "num_hidden_layers is 5000, which no network has"),
        (config(num_hidden_layers=1), "'encoder.layer.1.*' has no place"),
        (config(hidden_act="mish"), "hidden_act: 'mish' is not known"),
        (config(max_position_embeddings=0), "max_position_embeddings is 0"),
        (pointer("model.safetensors"), "git-LFS's pointer to it: run `git lfs pull`"),
        (pointer("tokenizer.json"), "git-LFS's pointer to it: run `git lfs pull`"),
        (without("model.safetensors"), "has no weights, only config.json, tokenizer.json"),
        (fewer_words, "has 419 tokens, its configuration says vocab_size 420"),
        (other_tokenizer, "cuts sentences by a BertJapaneseTokenizer"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "holds no JSON object"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "is no tokenizer that"),
    ],
)
def test_a_folder_that_is_none_is_refused_in_one_sentence(bert, spoil, said):
    spoil(bert)

    with pytest.raises(InputError, match=said) as refused:
        open_pretrained(bert).state()
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")


def test_a_folder_without_a_tokenizer_a_file_and_nothing_are_refused(bert):
    (bert / "tokenizer.json").unlink()
    (bert / "vocab.txt").unlink()

    with pytest.raises(InputError, match="neither tokenizer.json nor vocab.txt"):
        open_pretrained(bert)
    with pytest.raises(InputError, match="is a file: give the folder"):
        open_pretrained(bert / "config.json")
    with pytest.raises(InputError, match="there is no folder"):
        open_pretrained(bert / "nothing")


def test_weights_of_two_networks_are_refused(bert):
    state = load_file(bert / "model.safetensors")
    both = {
        f"{side}.{name}": value for side in ("query", "passage") for name, value in state.items()
    }
    save_file(both, bert / "model.safetensors")

    with pytest.raises(InputError, match="several networks, 'passage.', 'query.'"):
        open_pretrained(bert).state()
