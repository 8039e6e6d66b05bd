"""A folder that `vsepp export` wrote, used with NumPy, Pillow, PyYAML and a runtime alone."""

import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageOps

BATCH = 16  # photographs that the network sees at once
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # for EPS a program would be started
LONGEST = 50  # times as long as wide: of longer ones the middle is taken, for the memory's sake


class Exported:
    """Photographs and sentences in, codes out; `about` is what inference.yml says.

    ValueError where the folder is no export.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        try:
            text = (self.folder / "inference.yml").read_text(encoding="utf-8")
        except OSError as error:
            wrong = f"{folder} holds no inference.yml that can be read ({error.strerror})"
            raise ValueError(f"{wrong}: give a folder that vsepp export wrote.") from None
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
        """What the network sees of a file, or of an open one: float32 [3, size, size].

        ValueError where it cannot be read.
        """
        steps = self.about["preprocessing"]
        size, crop = steps["resize"], steps["image_size"]
        try:
            with Image.open(photograph, formats=FORMATS) as image:
                image.draft(None, (2 * size, 2 * size))  # decodes large JPEGs no larger than needed
                image.load()
                image = ImageOps.exif_transpose(image).convert("RGB")
        except Exception as error:  # Pillow raises almost anything on damaged files
            raise ValueError(f"{photograph} cannot be read ({error})") from None
        width, height = image.size
        most = LONGEST * min(width, height)
        if max(width, height) > most and not steps["square"]:
            left, top = (max(0, side - most) // 2 for side in image.size)
            image = image.crop((left, top, width - left, height - top))
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

    def batches(self, photographs):
        """(photographs, pixels) of some at a time; what cannot be read is named and left out."""
        for first in range(0, len(photographs), BATCH):
            read = []
            for photograph in photographs[first : first + BATCH]:
                try:
                    read.append((photograph, self.pixels(photograph)))
                except ValueError as error:
                    print(f"left out: {error}", file=sys.stderr)
            if read:
                paths, pixels = zip(*read)
                yield paths, np.stack(pixels)

    def encode_images(self, photographs):
        """Codes of files: float32 [n, embed_size]. Of a captioner: its cells, its first states."""
        return self.encode_pixels(np.stack([self.pixels(each) for each in photographs]))

    def encode_pixels(self, pixels):
        """The same of what `pixels` gives: float32 [n, 3, size, size]."""
        found = self.run["image"](images=pixels)
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
    config.set_cpu_math_library_num_threads(os.cpu_count())
    predictor, lock = inference.create_predictor(config), threading.Lock()

    def run(**inputs):
        with lock:  # a predictor is for one thread at a time
            for name, array in inputs.items():
                predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(array))
            predictor.run()
            names = predictor.get_output_names()
            return [predictor.get_output_handle(name).copy_to_cpu() for name in names]

    return run
