"""Every kind of file that is read: a valid one, how it is damaged, and what reads it."""

import base64
import io
import json
import pickle
import shutil
import tarfile
import zipfile
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Callable, NamedTuple

import numpy as np
import pytest
from colour_model import ColourModel, draw_photographs
from fuzz.mutations import damage, damage_codes, damage_json, damage_pickled, damage_safetensors
from PIL import Image

from vsepp.checkpoint import load_checkpoint, read_header, save_checkpoint
from vsepp.cli.contents import describe
from vsepp.cli.info import in_lines
from vsepp.cli.info import main as info
from vsepp.config import Config, load_config
from vsepp.convert.authors import convert_authors, read_authors_vocabulary
from vsepp.convert.clip import convert_clip
from vsepp.convert.to_tutorial import export_tutorial
from vsepp.convert.tutorial import convert_tutorial
from vsepp.data.captions.captions import Captions
from vsepp.data.coco import read_coco
from vsepp.data.dataset import CaptionDataset
from vsepp.data.encoding import Encoding
from vsepp.data.existing_preparation import ExistingPreparation
from vsepp.data.images import image_size, open_image
from vsepp.data.karpathy import KarpathyImage
from vsepp.data.precomp import Precomputed
from vsepp.data.prepared import Prepared, read_prepared
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.sources.archives import Archive
from vsepp.data.sources.image_sources import open_source
from vsepp.data.sources.placing import find_images, in_words, place_images
from vsepp.data.stored.features import FeatureOrigin, FeatureStore
from vsepp.index.photographs import PhotographIndex
from vsepp.index.updating import update_index
from vsepp.pickles import PlainObject, read_pickle
from vsepp.system.tensor_files import write_tensors
from vsepp.text.byte_pairs import read_merges, tokens_of
from vsepp.text.vocabulary import Vocabulary

GOLDEN = Path(__file__).parents[1] / "golden"
AUTHORS = GOLDEN / "authors_small_checkpoint"
PREPROCESSOR = "preprocessor_config.json"
PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
WORDS = {"<pad>": 0, "red": 1, "square": 2, "<unk>": 3, "<start>": 4, "<end>": 5}


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        name: what the damaged file is called.
        valid: bytes of a valid one.
        damage: from these and a ``random.Random`` to others.
        read: from the file's path; what reads it in the package.
    """

    name: str
    valid: bytes
    damage: Callable
    read: Callable


def formats(folder):
    """``{name: Format}``, with what they need beside them below a folder."""
    found = {}
    for make in (
        _captions,
        _prepared,
        _configurations,
        _checkpoints,
        _arrays,
        _indexes,
        _pickles,
        _clips,
        _images,
        _archives,
        _described,
        _exported,
    ):
        place = folder / make.__name__.strip("_")
        place.mkdir()
        found.update(make(place))
    return found


# ---- text ----------------------------------------------------------------------------------


def _karpathy():
    images = []
    for number in range(6):
        split = ("train", "train", "val", "test", "restval", "train")[number]
        raw = f"a red square {number}"
        images.append(
            {
                "imgid": number,
                "filename": f"{number}.jpg",
                "filepath": "val2014",
                "split": split,
                "sentids": [number],
                "cocoid": number,
                "sentences": [
                    {"raw": raw, "tokens": raw.split(), "imgid": number, "sentid": number}
                ],
            }
        )
    return json.dumps({"dataset": "tiny", "images": images}).encode()


def _captions(folder):
    rows = 'filename{0}caption{0}split\n1.jpg{0}a red square{0}train\n2.jpg{0}"two, dogs"{0}val\n'
    lines = b"".join(
        json.dumps({"filename": f"{n}.jpg", "caption": f"a dog {n}"}).encode() + b"\n"
        for n in range(4)
    )
    coco = {
        "images": [{"id": n, "file_name": f"COCO_val2014_{n}.jpg"} for n in range(4)],
        "annotations": [{"id": n, "image_id": n, "caption": f"a dog {n}"} for n in range(4)],
    }
    ids = folder / "ids"
    ids.mkdir()
    for number, split in enumerate(("train", "dev", "test", "restval")):
        np.save(ids / f"coco_{split}_ids.npy", np.array([number]))

    def read(path):
        return Captions.read(path)

    def read_ids(path):
        shutil.copy(path, ids / "coco_train_ids.npy")
        (folder / "coco.json").write_text(json.dumps(coco))
        return Captions.read_coco([folder / "coco.json"], ids)

    listed = [{"image": f"val/{n}.jpg", "caption": ["a dog", "a cat"]} for n in range(4)]
    muge = b"".join(
        json.dumps({"text_id": n, "text": "两只狗", "image_ids": [n, n + 1]}).encode() + b"\n"
        for n in range(4)
    )
    tagged = "filename；caption\n1.jpg；两个:m 男人:n\n2.jpg；看着:v 院子:n\n".replace("；", ";")

    def read_beside(path):
        inside = path.parent / "target"
        inside.mkdir()
        (inside / "1.jpg").write_bytes(b"")
        shutil.copy(path, inside / "1.txt")
        return Captions.read(inside)

    return {
        "captions name#n": Format(
            "Flickr8k.token.txt", b"1.jpg#0\ta dog\n1.jpg#1\ttwo dogs\n2#zhc#0 cat\n", damage, read
        ),
        "captions between bars": Format(
            "results.csv",
            b"image_name| comment_number| comment\n1.jpg| 0| a dog\n1.jpg| 1 two\n",
            damage,
            read,
        ),
        "captions without header": Format("a.txt", b"1.jpg,a dog\n2.jpg,a cat\n", damage, read),
        "captions in GB18030": Format("a.csv", tagged.encode("gb18030"), damage, read),
        "captions in UTF-16": Format("a.csv", tagged.encode("utf-16"), damage, read),
        "captions of MUGE": Format("texts.jsonl", muge, damage, read),
        "captions of COCO": Format(
            "captions_val2014.json", json.dumps(coco).encode(), damage_json, read
        ),
        "captions in a list": Format("a.json", json.dumps(listed).encode(), damage_json, read),
        "captions beside photographs": Format("1.txt", b"a dog\n\nit runs\n", damage, read_beside),
        "Karpathy JSON": Format("dataset_tiny.json", _karpathy(), damage_json, read),
        "captions .csv": Format("captions.csv", rows.format(",").encode(), damage, read),
        "captions .tsv": Format("captions.tsv", rows.format("\t").encode(), damage, read),
        "captions .jsonl": Format("captions.jsonl", lines, damage, read),
        "COCO annotations": Format(
            "captions_val2014.json",
            json.dumps(coco).encode(),
            damage_json,
            lambda path: read_coco([path], ids),
        ),
        "COCO ids": Format("ids.npy", (ids / "coco_train_ids.npy").read_bytes(), damage, read_ids),
    }


def _prepared(folder):
    split = {
        "IMAGES": ["data/tiny/images/a.jpg", "b.jpg"],
        "CAPTIONS": [[4, 1, 2, 5], [4, 1, 5], [4, 2, 5], [4, 3, 5]],
    }
    options = {
        "captions_per_image": 2,
        "max_len": 5,
        "min_word_count": 0,
        "seed": 0,
        "tokenizer": "words",
        "captions_sha256": "0" * 64,
    }
    origin = {
        "backbone": "precomputed",
        "fingerprint": "0" * 64,
        "feature_size": 4,
        "resize": 0,
        "image_size": 0,
    }
    counts = {"images": 2, "captions": 4, "left_out": 0}
    prepared = {"options": options, "splits": {"train": counts}, "words": 6, "features": origin}
    sentences = ["a red square"] * 4
    (folder / "vocab.json").write_text(json.dumps(WORDS))

    def open_split(path):
        dataset = CaptionDataset(path.parent, folder / "vocab.json", "train", 2, 5)
        return [dataset.sentences(), dataset.image_path(0), dataset.image_name(1)]

    def open_sentences(path):
        (path.parent / "train_data.json").write_text(json.dumps(split))
        return open_split(path)

    def open_prepared(path):
        found = ExistingPreparation.read(path.parent)
        if found:
            found.refuse_other({"seed": 0}, "0" * 64, FeatureOrigin.from_record(origin))
            found.is_whole()
        return read_prepared(path.parent), Prepared(path.parent).features

    return {
        "vocab.json": Format(
            "vocab.json",
            json.dumps(WORDS).encode(),
            damage_json,
            lambda path: Vocabulary.load(path).decode([1, 2, 3]),
        ),
        "*_data.json": Format(
            "train_data.json", json.dumps(split).encode(), damage_json, open_split
        ),
        "*_sentences.json": Format(
            "train_sentences.json", json.dumps(sentences).encode(), damage_json, open_sentences
        ),
        "prepared.json": Format(
            "prepared.json", json.dumps(prepared).encode(), damage_json, open_prepared
        ),
    }


def _configurations(folder):
    text = (
        b"dataset: tiny\nbatch_size: 8\nlearning_rate: 2e-4\nmeasure: cosine\nweights: null\n"
        b"features: auto\nfinetuned: false\n"
    )
    values = json.dumps(Config().to_dict()).encode()

    def overrides(path):
        return load_config(None, path.read_text(errors="replace").split("\n"))

    return {
        "configuration": Format("config.yml", text, damage, load_config),
        "configuration values": Format("config.yml", values, damage_json, load_config),
        "overrides": Format(
            "overrides", b"batch_size=8\nmargin=0.3\ndataset=tiny\nweights=a.pth", damage, overrides
        ),
    }


# ---- numbers -------------------------------------------------------------------------------


def _checkpoints(folder):
    from vsepp import load
    from vsepp.models.encoders import encoders_for_training
    from vsepp.models.state import get_state
    from vsepp.models.vsepp import build_model

    config = Config(
        word_dim=4,
        embed_size=6,
        finetuned=False,
        pretrained=False,
        image_model="shufflenet_v2_x0_25",
    )
    words = SimpleNamespace(vocabulary=Vocabulary(WORDS), tokenizer="words")
    model = build_model(*encoders_for_training(config, words, 5))
    state = get_state(model)
    origin = {
        "backbone": "precomputed",
        "fingerprint": "0" * 64,
        "feature_size": 5,
        "resize": 0,
        "image_size": 0,
    }
    save_checkpoint(
        folder / "best.ckpt",
        state,
        config.to_dict(),
        WORDS,
        1,
        2,
        metrics={"rsum": 1.0},
        tokenizer="words",
        backbone=origin,
        optimizer={"moment": state},
        position={"epoch": 0},
    )
    data = (folder / "best.ckpt").read_bytes()

    def use(path):
        read_header(path)
        load_checkpoint(path)
        model = load(path)
        model.encode_text("a red square")
        model.encode_features(np.ones((2, 5), np.float32))

    return {"checkpoint": Format("best.ckpt", data, damage_safetensors, use)}


def _arrays(folder):
    origin = FeatureOrigin("resnet18", 4, Encoding("ab" * 32, Preprocessing()))
    store = FeatureStore(folder / "data", origin)
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    images = ["a", "b", "c"]
    store.write("train", images, lambda first: iter([rows[first:]]), lambda count: None)
    about = (store.folder / "train.json").read_bytes()
    array = (store.folder / "train.npy").read_bytes()
    authors = folder / "f8k_precomp"
    authors.mkdir()
    for split in ("train", "dev", "test"):
        np.save(authors / f"{split}_ims.npy", rows)
        (authors / f"{split}_caps.txt").write_text("a dog\ntwo dogs\na cat\n")
    authors_array = (authors / "train_ims.npy").read_bytes()

    def read(path):
        for name, content in (("train.json", about), ("train.npy", array)):
            if path.name != name:
                (store.folder / name).write_bytes(content)
        shutil.copy(path, store.folder / path.name)
        return store.read("train", images)

    def read_authors(path):
        shutil.copy(path, authors / path.name)
        other = {"train_ims.npy": authors_array, "train_caps.txt": b"a dog\ntwo dogs\na cat\n"}
        for name, content in other.items():
            if name != path.name:
                (authors / name).write_bytes(content)
        return Precomputed(authors).images()

    return {
        "features .npy": Format("train.npy", array, damage, read),
        "features .json": Format("train.json", about, damage_json, read),
        "authors' features": Format("train_ims.npy", authors_array, damage, read_authors),
        "authors' captions": Format(
            "train_caps.txt", b"a dog\ntwo dogs\na cat\n", damage, read_authors
        ),
    }


def _indexes(folder):
    draw_photographs(folder / "photos", 5)
    index, whole = folder / "index", folder / "whole"
    update_index(folder / "photos", whole, ColourModel())
    codes = next(whole.glob("*.npy"))

    def read(path):
        if index.exists():
            shutil.rmtree(index)
        shutil.copytree(whole, index)
        shutil.copy(path, index / path.name)
        found = PhotographIndex(index)
        return found.search(np.ones(48, np.float32), 3)

    return {
        "index manifest": Format(
            "manifest.json", (whole / "manifest.json").read_bytes(), damage_json, read
        ),
        "index codes": Format(codes.name, codes.read_bytes(), damage, read),
    }


# ---- what ``vsepp info`` says of them ---------------------------------------------------------


def _described(folder):
    """Every kind of file that is described, with all the fields that it may have."""
    unusual = Encoding(
        "ab" * 32,
        Preprocessing(300, 280, "bicubic", (0.1, 0.2, 0.3), (0.5, 0.5, 0.5)),
        exif=True,
        precision="bfloat16",
        flags=(("use_abs", True),),
    )
    store = FeatureStore(folder / "data", FeatureOrigin("resnet18", 4, unusual))
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    store.write("train", ["a", "b", "c"], lambda first: iter([rows[first:]]), lambda count: None)
    prepared = {
        "options": {"captions_per_image": 2, "max_len": 5, "min_word_count": 0, "exif": True},
        "splits": {"train": {"images": 2, "captions": 4}},
        "features": store.origin.record(),
    }
    draw_photographs(folder / "photos", 3)
    update_index(folder / "photos", folder / "index", ColourModel())
    weights = {"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float32)}
    write_tensors(folder / "resnet18.safetensors", weights, {"backbone": "resnet18"})
    codes = {"images": np.zeros((2, 6), np.float32), "texts": np.zeros((4, 6), np.float32)}
    made_with = {"checkpoint": "0" * 64, "images": "1" * 64, "captions": "2" * 64}
    write_tensors(folder / "best.codes", codes, {"vsepp_codes": json.dumps(made_with)})
    header = {"text_model": "gru", "backbone": store.origin.record(), "metrics": {"rsum": 1.5}}
    save_checkpoint(
        folder / "best.ckpt", weights, Config().to_dict(), WORDS, 1, 2, task="retrieval", **header
    )
    read_from = {
        "train.json": {"train.npy": (store.folder / "train.npy").read_bytes()},
        "train.npy": {"train.json": (store.folder / "train.json").read_bytes()},
        "prepared.json": {"vocab.json": json.dumps(WORDS).encode()},
    }

    def look(path):
        for name, content in read_from.get(path.name, {}).items():
            (path.parent / name).write_bytes(content)
        about = describe(path)
        assert all(line.isprintable() for line in in_lines(about).split("\n"))
        assert len(in_lines(about).split("\n")) <= len(about)
        target = path.parent / "target"
        info([str(path), "--json", str(target)])
        json.loads(target.read_text(), parse_constant=pytest.fail)

    files = {
        "checkpoint": ((folder / "best.ckpt").read_bytes(), damage_safetensors),
        "backbone": ((folder / "resnet18.safetensors").read_bytes(), damage),
        "codes": ((folder / "best.codes").read_bytes(), damage_codes),
        "features .json": ((store.folder / "train.json").read_bytes(), damage_json),
        "features .npy": ((store.folder / "train.npy").read_bytes(), damage),
        "index": ((folder / "index" / "manifest.json").read_bytes(), damage_json),
        "prepared.json": (json.dumps(prepared).encode(), damage_json),
    }
    names = {
        "checkpoint": "best.ckpt",
        "backbone": "resnet18.safetensors",
        "codes": "best.codes",
        "features .json": "train.json",
        "features .npy": "train.npy",
        "index": "manifest.json",
        "prepared.json": "prepared.json",
    }
    return {
        f"info on {kind}": Format(names[kind], content, how, look)
        for kind, (content, how) in files.items()
    }


def _exported(folder):
    """One of our checkpoints on its way to the tutorial."""
    from vsepp.models.encoders import encoders_for_training
    from vsepp.models.state import get_state
    from vsepp.models.vsepp import build_model
    from vsepp.training.optimizer import SLOTS

    config = Config(word_dim=4, embed_size=6, pretrained=False, image_model="shufflenet_v2_x0_25")
    words = SimpleNamespace(vocabulary=Vocabulary(WORDS), tokenizer="words")
    state = get_state(build_model(*encoders_for_training(config, words)))
    moments = {
        slot: {
            name: value if slot.startswith("moment") else np.ones(1, np.float32)
            for name, value in state.items()
            if "_mean" not in name and "_variance" not in name
        }
        for slot in SLOTS
    }
    save_checkpoint(
        folder / "last.ckpt",
        state,
        config.to_dict(),
        WORDS,
        1,
        2,
        tokenizer="words",
        optimizer=moments,
        position={"epoch": 1, "step_in_epoch": 1, "step": 2, "best_rsum": 1.0},
    )
    return {
        "checkpoint for the tutorial": Format(
            "last.ckpt",
            (folder / "last.ckpt").read_bytes(),
            damage_safetensors,
            lambda path: export_tutorial(path, folder / "out.ckpt"),
        )
    }


# ---- other people's ------------------------------------------------------------------------


def _pickles(folder):
    import paddle

    vocabulary = (AUTHORS / "f8k_precomp_vocab.pkl").read_bytes()
    model = (AUTHORS / "model_best.pth.tar").read_bytes()
    state = {
        "text_extractor.embed.weight": np.zeros((6, 4), np.float32),
        "text_extractor.rnn.weight_ih_l0": np.zeros((9, 4), np.float32),
        "text_extractor.rnn.weight_hh_l0": np.zeros((9, 3), np.float32),
        "text_extractor.rnn.bias_ih_l0": np.zeros(9, np.float32),
        "text_extractor.rnn.bias_hh_l0": np.zeros(9, np.float32),
        "image_extractor.fc.weight": np.zeros((5, 3), np.float32),
        "image_extractor.fc.bias": np.zeros(3, np.float32),
        "epoch": 1,
    }
    paddle.save(
        {
            "model": {
                name: paddle.to_tensor(value) for name, value in state.items() if name != "epoch"
            },
            "epoch": 1,
            "step": 3,
        },
        str(folder / "t.ckpt"),
    )
    tutorial = (folder / "t.ckpt").read_bytes()
    (folder / "vocab.json").write_text(json.dumps(WORDS))
    namespace = {("argparse", "Namespace"): PlainObject}
    opened = read_pickle(AUTHORS / "model_best.pth.tar", namespace)
    theirs = pickle.dumps(
        {**opened, "opt": Namespace(**vars(opened["opt"])), "model": list(opened["model"])}
    )
    ours = pickle.dumps(
        {
            "model": {name: value for name, value in state.items() if name != "epoch"},
            "epoch": 1,
            "step": 3,
        }
    )
    plain = pickle.dumps({"a": [1, "b", (2.5, None)], "w": np.arange(6.0).reshape(2, 3)}, 2)
    return {
        "authors' vocabulary": Format("vocab.pkl", vocabulary, damage, read_authors_vocabulary),
        "authors' checkpoint": Format(
            "model.pth.tar",
            model,
            damage,
            lambda path: convert_authors(
                path, AUTHORS / "f8k_precomp_vocab.pkl", folder / "out.ckpt"
            ),
        ),
        "tutorial's checkpoint": Format(
            "t.ckpt",
            tutorial,
            damage,
            lambda path: convert_tutorial(path, folder / "vocab.json", folder / "out.ckpt"),
        ),
        "authors' checkpoint values": Format(
            "model.pth.tar",
            theirs,
            damage_pickled,
            lambda path: convert_authors(
                path, AUTHORS / "f8k_precomp_vocab.pkl", folder / "out.ckpt"
            ),
        ),
        "tutorial's checkpoint values": Format(
            "t.ckpt",
            ours,
            damage_pickled,
            lambda path: convert_tutorial(path, folder / "vocab.json", folder / "out.ckpt"),
        ),
        "torch zip": Format(
            "model.pth", _torch_zip(), damage, lambda path: read_pickle(path, namespace)
        ),
        "pickle": Format("plain.pkl", plain, damage, read_pickle),
    }


def _clips(folder):
    """A CLIP's folder by its files, OpenAI's archive, and what becomes of them."""
    theirs = shutil.copytree(GOLDEN / "towers" / "tiny_clip", folder / "tiny_clip")
    out, tokens = folder / "out.ckpt", GOLDEN / "towers" / "openai_bpe.txt.gz"
    convert_clip(theirs, None, out)
    kept = {name: (theirs / name).read_bytes() for name in ("config.json", PREPROCESSOR)}

    def read(path):
        for name, content in kept.items():
            (theirs / name).write_bytes(content)
        shutil.copy(path, theirs / path.name)
        convert_clip(theirs, None, out)

    from vsepp import load

    def use(path):
        model = load(path)
        model.encode_text("a red square")
        model.preprocess(GOLDEN / "towers" / "images" / "3.png")

    archive = (GOLDEN / "towers" / "openai_vit.pt").read_bytes()
    return {
        "CLIP's configuration": Format("config.json", kept["config.json"], damage_json, read),
        "CLIP's preprocessing": Format(PREPROCESSOR, kept[PREPROCESSOR], damage_json, read),
        "checkpoint of a CLIP": Format("clip.ckpt", out.read_bytes(), damage_safetensors, use),
        "OpenAI's archive": Format(
            "ViT.pt", archive, damage, lambda path: convert_clip(path, tokens, out)
        ),
        "OpenAI's pairs": Format(
            "bpe.txt.gz",
            tokens.read_bytes(),
            damage,
            lambda path: tokens_of(read_merges(path), 755, path),
        ),
    }


def _torch_zip():
    """What torch.save writes of ``{"w": tensor}``, by hand."""
    body = (
        b"\x80\x02}q\x00X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n"
        b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
        b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtRs."
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        archive.writestr("archive/data/0", np.arange(6, dtype="<f4").tobytes())
        archive.writestr("archive/version", b"3\n")
    return stream.getvalue()


def _images(folder):
    picture = Image.effect_mandelbrot((40, 30), (-2, -1, 1, 1), 50).convert("RGB")
    found = {}
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"):
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(stream, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
        found[f"image {kind}"] = Format(f"a.{kind.lower()}", stream.getvalue(), damage, _open)
    return found


def _open(path):
    image_size(path)
    open_image(path, exif=True, at_least=8)
    return open_image(path)


def _archives(folder):
    files = {
        "images/a.jpg": b"first picture" * 20,
        "images/sub/b.jpg": b"second" * 100,
        "dataset_tiny.json": _karpathy(),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    found = {"archive .zip": Format("a.zip", packed.getvalue(), damage, _extract)}
    kinds = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}
    for kind, mode in kinds.items():
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode=mode) as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        found[f"archive .{kind}"] = Format(f"a.{kind}", packed.getvalue(), damage, _extract)
    lines = [b"%d\t%s\n" % (number, base64.b64encode(PNG_START * 9)) for number in range(5)]
    found["photographs in base64"] = Format("a_imgs.tsv", b"".join(lines), damage, _place)
    return found


def _place(path):
    target = path.parent / "target"
    with open_source(path) as source:
        wanted = [KarpathyImage(name, "train", ()) for name in ("3", "4.png", "A.png")]
        matching = find_images(wanted, source)
        in_words(matching, path)
        place_images(matching, source, target, matching.completed)


def _extract(path):
    target = path.parent / "target"
    Captions.find_in(path)
    with Archive(path) as archive:
        archive.extract(
            {name: target / str(number) for number, name in enumerate(archive.sizes)}, "extracting"
        )
