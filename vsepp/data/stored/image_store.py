"""Photographs decoded and resized once, for training that reads them in many epochs.

They live beside the data, in ``decoded/``: ``<split>-<resize>.npy`` (uint8, the pixels of one
image after the other, each ``[height, width, 3]``), ``<split>-<resize>.sizes.npy`` (int64
``[n_images, 2]``, width and height) and ``<split>-<resize>.json`` (which images they are). What
else is unusual follows ``<resize>``, such as ``-exif``.
Writing them goes on where an interruption left it, see ``vsepp.system.resumable``.
"""

from pathlib import Path

import numpy as np

from vsepp.data.batches import in_groups
from vsepp.data.images import image_size, map_images, open_image
from vsepp.data.transforms import resize, resized_size
from vsepp.system.atomic import atomic_path
from vsepp.system.disk_room import free_bytes, gigabytes
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint, list_fingerprint
from vsepp.system.json_files import read_json
from vsepp.system.locks import only_one, tidy
from vsepp.system.npy_files import read_npy
from vsepp.system.progress import progress
from vsepp.system.resumable import ResumableArray

_BATCH = 64
_BEGIN_AGAIN = "remove it to begin again"


class DecodedImages:
    """The decoded images of a split, as a sequence of uint8 ``[height, width, 3]``.

    Args:
        pixels: uint8 ``[numbers]``, one image after the other; it may be memory-mapped.
        sizes: whole numbers ``[n_images, 2]``, width and height.
    """

    def __init__(self, pixels, sizes):
        self.pixels = pixels
        self.sizes = sizes
        self.offsets = _offsets(sizes)

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        width, height = self.sizes[index]
        begin, end = self.offsets[index : index + 2]
        return np.asarray(self.pixels[begin:end]).reshape(height, width, 3)


def _offsets(sizes):
    """Where each image begins, and where the last one ends: int64 ``[n_images + 1]``."""
    counts = 3 * np.asarray(sizes, np.int64).prod(axis=1)
    return np.concatenate([[0], np.cumsum(counts)])


class ImageStore:
    """The decoded images of one data set whose shorter sides are ``resize`` pixels.

    Args:
        data_folder: the data set's folder.
        resize: as in the configuration.
        interpolation: how they are resized.
        exif: whether they are turned as EXIF says.
        square: whether their longer sides are squeezed to ``resize`` pixels too.
    """

    def __init__(self, data_folder, resize, interpolation="bilinear", exif=False, square=False):
        self.folder = Path(data_folder) / "decoded"
        self.resize = resize
        self.interpolation = interpolation
        self.exif = exif
        self.square = square

    def _name(self, split):
        usual = self.interpolation == "bilinear"
        unusual = ("" if usual else f"-{self.interpolation}") + ("-exif" if self.exif else "")
        return f"{split}-{self.resize}{unusual}" + ("-square" if self.square else "")

    def _sizes_path(self, split):
        return self.folder / f"{self._name(split)}.sizes.npy"

    def _origin(self, images):
        return {
            "resize": self.resize,
            **({"exif": True} if self.exif else {}),
            "images": len(images),
            "images_sha256": list_fingerprint(list(images)),
        }

    def _description(self, images, sizes):
        return {**self._origin(images), "sizes_sha256": fingerprint({"sizes": sizes})}

    def read(self, split, images):
        """The stored images of a split, or None when there are none or those of other images.

        Args:
            split: its name.
            images: list of paths as in the split file.

        Returns:
            DecodedImages

        Raises:
            InputError: when what is stored is damaged.
        """
        path, about = (self.folder / f"{self._name(split)}.{kind}" for kind in ("npy", "json"))
        if not path.exists() or not about.exists():
            return None
        remake = f"remove {path}, and training with image_store=true makes it again"
        stored = read_json(about, remake)
        if not isinstance(stored, dict):
            raise InputError(f"{about} does not describe images: {remake}.")
        if {**stored, **self._origin(images)} != stored:  # prepared again with other images
            return None
        sizes = np.array(read_npy(self._sizes_path(split), remake))
        if (
            sizes.shape != (len(images), 2)
            or sizes.dtype != np.int64
            or self._description(images, sizes) != stored
        ):
            raise InputError(f"{self._sizes_path(split)} does not belong to {path}: {remake}.")
        pixels = read_npy(path, remake)
        if pixels.shape != (_offsets(sizes)[-1],) or pixels.dtype != np.uint8:
            raise InputError(
                f"{path} holds {pixels.dtype} {pixels.shape}, not the uint8 numbers "
                f"of {len(images)} images: {remake}."
            )
        tidy(self._lock(split))
        return DecodedImages(pixels, sizes)

    def _lock(self, split):
        return self.folder / f"{self._name(split)}.lock"

    def write(self, split, images, paths, log=print):
        """Decode the images of a split and store them; goes on where it stopped.

        Args:
            split: its name.
            images: list of paths as in the split file.
            paths: where these photographs are.
            log: called with a line that says how large the file will be.

        Raises:
            InputError: when a photograph cannot be decoded, the disk has too little room, or
                another process is writing the same images.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = self._lock(split)
        with only_one(
            lock,
            f"another process is writing the images of {lock.with_suffix('.npy')}: "
            "wait for it, or set image_store=false.",
        ):
            sizes = self._resized_sizes(split, paths)
            offsets = _offsets(sizes)
            array = ResumableArray(
                self.folder,
                self._name(split),
                self._description(images, sizes),
                len(images),
                (int(offsets[-1]),),
                np.uint8,
                _BEGIN_AGAIN,
            )
            self._check_room(array, offsets, log)
            with atomic_path(self._sizes_path(split)) as temporary, open(temporary, "wb") as file:
                np.save(file, sizes)
            with progress(description=f"decoding {split}", total=len(images), unit="image") as bar:
                array.write(
                    lambda done: int(offsets[done]),
                    lambda first: self._decode(paths[first:], sizes[first:]),
                    bar.update,
                )

    def _resized_sizes(self, split, paths):
        """int64 ``[n_images, 2]`` of the images once they are resized, from their headers."""
        headers = progress(
            map_images(self._size, paths), f"sizes of {split}", len(paths), "image", leave=False
        )
        return np.array(
            [resized_size(*size, self.resize, self.square) for size in headers], np.int64
        )

    def _size(self, path):
        return image_size(path, exif=self.exif)

    def _check_room(self, array, offsets, log):
        size = int(offsets[-1])
        missing = size - int(offsets[array.done()])
        free = free_bytes(self.folder)
        if missing > free:
            raise InputError(
                f"image_store: {array.path} needs {gigabytes(missing)} and the disk has "
                f"{gigabytes(free)} free: free some, or set image_store=false."
            )
        log(
            f"{array.path}: {len(offsets) - 1} decoded images, {gigabytes(size)}; "
            f"{gigabytes(missing)} to write, {gigabytes(free)} free"
        )

    def _decode(self, paths, sizes):
        """Iterate over (how many images, their pixels one after the other)."""
        decoded = map_images(self._pixels, paths)
        expected = iter(zip(paths, sizes))
        for group in in_groups(decoded, _BATCH):
            for pixels, (path, (width, height)) in zip(group, expected):
                if pixels.shape != (height, width, 3):
                    raise InputError(
                        f"{path} is not of the size that it says it is: replace the "
                        "file, or set image_store=false."
                    )
            yield len(group), np.concatenate([pixels.reshape(-1) for pixels in group])

    def _pixels(self, path):
        image = open_image(path, self.exif)
        return np.asarray(resize(image, self.resize, self.interpolation, self.square))
