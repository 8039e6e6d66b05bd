"""Putting photographs where a data set's files belong: ``data_dir/<dataset>/images/…``, from a
folder, an archive, or the archive that AI Studio mounts.
"""

import os
import shutil
from pathlib import Path

from vsepp.data.archives import Archive
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.progress import progress


def find_mounted(dataset):
    """The archive that AI Studio mounts, ``data/data*/<dataset>.zip``; None without one.

    Looked for below the working folder, then below the home folder.
    """
    for folder in (Path("data"), Path.home() / "data"):
        found = sorted(folder.glob(f"data*/{dataset}.zip"))
        if found:
            return found[0]
    return None


def missing_images(images, folder):
    """Those of the ``KarpathyImage`` whose file is not in the images folder."""
    return [image for image in images if not Path(folder, image.name).is_file()]


def place_images(images, source, folder):
    """Put the photographs of a data set into its images folder.

    A file in a folder is linked, or copied where links do not work; one in an archive is
    extracted. What stands in its place with the same size is left alone. Images that the
    source does not hold are passed over.

    Args:
        images: list of ``KarpathyImage``.
        source: a folder (searched through), a .zip or a .tar(.gz).
        folder: the data set's images folder.

    Returns:
        int: how many files were put in place now.

    Raises:
        InputError: when the source cannot be read or holds none of the images, or when
            two different files in it could be the same image.
    """
    source, folder = Path(source), Path(folder)
    names = [image.name for image in images]
    if source.is_dir():
        sizes = _SizesOnDemand(source)
        matches = _match(names, _files_below(source), sizes, source)
        changed = _changed(matches, sizes, folder)
        for name in progress(changed, f"Placing {folder}", unit=" files"):
            _link(source / changed[name], folder / name)
    else:
        with Archive(source) as archive:
            matches = _match(names, archive.sizes, archive.sizes, source)
            changed = _changed(matches, archive.sizes, folder)
            if changed:
                # One entry may serve two names of the JSON; the second is linked to the first.
                first = {}
                for name, entry in changed.items():
                    first.setdefault(entry, name)
                archive.extract(
                    {entry: folder / name for entry, name in first.items()},
                    f"Extracting {source.name}",
                )
                for name, entry in changed.items():
                    if first[entry] != name:
                        _link(folder / first[entry], folder / name)
    if not matches:
        raise InputError(
            f"{source} holds none of the {len(names)} images that the captions name "
            f"(the first: {names[0]!r}): give what holds them with --images PATH."
        )
    return len(changed)


class _SizesOnDemand:
    """Sizes of the files below a folder, asked for one by one: a folder can be large."""

    def __init__(self, folder):
        self.folder = folder

    def __getitem__(self, name):
        return (self.folder / name).stat().st_size


def _files_below(folder):
    """Relative names of all files below a folder, through links but never in a circle."""
    seen = set()
    for parent, subfolders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        for name in files:
            yield Path(parent, name).relative_to(folder).as_posix()


def _match(names, available, sizes, source):
    """``{name in the JSON: name in the source}`` for the images that the source holds.

    A file whose path ends in the whole name counts; failing that, the only one with the
    same base name.
    """
    by_base = {}
    wanted = {name.rpartition("/")[2] for name in names}
    for candidate in available:
        base = candidate.rpartition("/")[2]
        if base in wanted:
            by_base.setdefault(base, []).append(candidate)
    matches = {}
    for name in names:
        same_base = by_base.get(name.rpartition("/")[2], [])
        ending = [found for found in same_base if found == name or found.endswith("/" + name)]
        if ending:
            best = min(ending, key=lambda found: (found.count("/"), found))
            # An archive may hold its folder twice; two pictures of one name are another matter.
            other = next((found for found in ending if sizes[found] != sizes[best]), None)
            if best != name and other:
                raise InputError(
                    f"{source} holds two different files for the image {name!r}, "
                    f"{best!r} and {other!r}: give the folder with the right ones."
                )
            matches[name] = best
        elif len(same_base) == 1:
            matches[name] = same_base[0]
    return matches


def _changed(matches, sizes, folder):
    """The matches whose file is missing from the images folder, or has another size."""
    changed = {}
    for name, found in matches.items():
        try:
            same = (folder / name).stat().st_size == sizes[found]
        except FileNotFoundError:
            same = False
        if not same:
            changed[name] = found
    return changed


def _link(source, target):
    source = source.resolve()  # a link to a symbolic link would break when that moves
    with atomic_path(target, sync=False) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, temporary)
