"""A folder that `vsepp export` wrote, used with NumPy, Pillow, PyYAML and a runtime alone."""

import re
import threading
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageOps


class Exported:
    """Photographs and sentences in, codes out; `about` is what inference.yml says."""

    def __init__(self, folder):
        self.folder = Path(folder)
        text = (self.folder / "inference.yml").read_text(encoding="utf-8")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.about = yaml.load(text, loader)  # a SafeLoader  # nosec B506
        opened = _open_onnx if self.about["format"] == "onnx" else _open_paddle
        self.run = {
            name: opened(self.folder / name, graph) for name, graph in self.about["graphs"].items()
        }
        words = self.about.get("text") or self.about["words"]
        if "vocabulary" in words:
            self.number = {word: index for index, word in enumerate(words["vocabulary"])}
        else:
            from tokenizers import Tokenizer

            self.tokenizer = Tokenizer.from_file(str(self.folder / words["tokenizer"]))
            self.tokenizer.no_truncation()
            self.tokenizer.no_padding()

    def pixels(self, photograph):
        """What the network sees of a file, or of an open one: float32 [3, size, size]."""
        steps = self.about["preprocessing"]
        size, crop = steps["resize"], steps["image_size"]
        with Image.open(photograph) as image:
            image.draft(None, (2 * size, 2 * size))  # large JPEGs are decoded no larger than needed
            image = ImageOps.exif_transpose(image).convert("RGB")
        width, height = image.size
        if steps["square"]:
            shape = (size, size)
        elif width <= height:
            shape = (size, int(size * height / width))
        else:
            shape = (int(size * width / height), size)
        if shape != image.size:
            image = image.resize(shape, Image.Resampling[steps["interpolation"].upper()])
        left, top = (
            (side - crop) // 2 if steps["floor_crop"] else round((side - crop) / 2)
            for side in shape
        )
        pixels = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float32)
        mean, std = (np.array(steps[name], np.float32) for name in ("mean", "std"))
        return ((pixels / np.float32(255) - mean) / std).transpose(2, 0, 1)

    def encode_images(self, photographs):
        """Codes of files: float32 [n, embed_size]. Of a captioner: its cells, its first states."""
        found = self.run["image"](images=np.stack([self.pixels(each) for each in photographs]))
        return found[0] if self.about["kind"] == "retrieval" else found

    def indices(self, sentence):
        """A sentence as the text encoder reads it; ValueError where it knows no word of it."""
        text = self.about["text"]
        if text["tokenizer"] == "tokenizer.json":
            plain = sentence.encode("utf-8", "replace").decode("utf-8")
            words = self.tokenizer.encode(plain, add_special_tokens=False).ids
        else:
            words = [self.number.get(word, text["unknown"]) for word in cut(sentence, text)]
        if all(word == text["unknown"] for word in words):
            raise ValueError(f"no word of {sentence!r} is known")
        words = words[: text["longest"] - 2] if "longest" in text else words
        return [text["start"], *words, text["end"]]

    def encode_texts(self, sentences):
        """Codes of sentences: float32 [n, embed_size]."""
        rows = [self.indices(sentence) for sentence in sentences]
        lengths = np.array([len(row) for row in rows], np.int64)
        captions = np.full((len(rows), lengths.max()), self.about["text"]["padding"], np.int64)
        for caption, row in zip(captions, rows):
            caption[: len(row)] = row
        return self.run["text"](captions=captions, lengths=lengths)[0]

    def similarity(self, images, texts):
        """How well images fit texts, from their codes: float32 [images, texts], the higher."""
        if self.about["measure"] == "cosine":
            return images @ texts.T
        beyond = np.maximum(texts[None] - images[:, None], 0)
        return -np.sqrt((beyond * beyond).sum(axis=2))


def cut(sentence, rules):
    """The words of a sentence, cut as those of the training were."""
    text = sentence.lower()
    if rules["tokenizer"] == "jieba":
        import jieba

        return [word for word in jieba.cut(text) if re.search(rules["find"], word)]
    if "replace" not in rules:
        return re.findall(rules["find"], text)
    text = " ".join(text.split())
    for pattern, put in rules["replace"]:
        text = re.sub(pattern, put, text)
    return text.split()


def _open_onnx(path, graph):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not what it makes simpler
    session = onnxruntime.InferenceSession(f"{path}.onnx", options, ["CPUExecutionProvider"])
    return lambda **inputs: session.run(None, inputs)


def _open_paddle(path, graph):
    from paddle import inference

    program = next(f"{path}{end}" for end in (".json", ".pdmodel") if Path(f"{path}{end}").exists())
    config = inference.Config(program, f"{path}.pdiparams")
    if graph["onednn"]:
        config.enable_mkldnn()
    elif hasattr(config, "disable_mkldnn"):
        config.disable_mkldnn()
    config.disable_glog_info()
    predictor, lock = inference.create_predictor(config), threading.Lock()

    def run(**inputs):
        with lock:  # a predictor is for one thread at a time
            for name, array in inputs.items():
                predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(array))
            predictor.run()
            names = predictor.get_output_names()
            return [predictor.get_output_handle(name).copy_to_cpu() for name in names]

    return run
