"""The documented way of images: every sample through Paddle's transforms, one image a caption."""

import json
from pathlib import Path

import numpy as np
from paddle.io import DataLoader, Dataset
from paddle.vision import transforms
from PIL import Image

from benchmarks.synthetic import LONGEST

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def transform(training, resize=256, image_size=224):
    """From a PIL image to a normalised tensor."""
    crop = transforms.RandomCrop if training else transforms.CenterCrop
    return transforms.Compose(
        [
            transforms.Resize(resize),
            crop(image_size),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


class Pairs(Dataset):
    """Item ``i``: the image of caption ``i``, decoded anew, the padded caption, its length."""

    def __init__(self, folder, split, resize=256, image_size=224):
        super().__init__()
        data = json.loads((Path(folder) / f"{split}_data.json").read_text(encoding="utf-8"))
        self.images, self.captions = data["IMAGES"], data["CAPTIONS"]
        self.transform = transform(split == "train", resize, image_size)

    def __len__(self):
        return len(self.captions)

    def __getitem__(self, index):
        image = self.transform(Image.open(self.images[index // 5]).convert("RGB"))
        caption = self.captions[index]
        padded = np.zeros(LONGEST, np.int64)
        padded[: len(caption)] = caption
        return image, padded, len(caption)


def loader(folder, batch_size, workers, **sizes):
    """Shuffled batches of the training split."""
    return DataLoader(
        Pairs(folder, "train", **sizes),
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
    )
