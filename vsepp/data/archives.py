"""Files out of a .zip, .tar or .tar.gz that somebody else packed.

An archive is listed and checked as a whole before anything is written: one that holds
an entry pointing out of its folder, a link or a device is refused, because no data set
needs them and an archive that has them is broken or hostile. Only the entries asked
for are written, each to a path that the caller chose.
"""

import errno
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

# What zipfile, tarfile and gzip raise on bytes that are not what they promise.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    UnicodeError,
    OverflowError,
)
# Photographs hardly shrink when packed; what unpacks to so many times its size is a bomb.
_MOST_GROWTH, _ALWAYS_FINE = 200, 1 << 26
_DRIVE = re.compile(r"[A-Za-z]:")


def leaves_folder(name):
    """Whether a relative name would, on any system, lead out of the folder it is joined to.

    >>> [leaves_folder(name) for name in ("a/b.jpg", "../b.jpg", "/b.jpg", "C:b.jpg")]
    [False, True, True, True]
    """
    parts = name.replace("\\", "/").split("/")
    return (
        (not parts[0] and len(parts) > 1)
        or ".." in parts
        or "\0" in name
        or bool(_DRIVE.match(name))
    )


class Archive:
    """An open .zip, .tar or .tar.gz, told apart by content and not by name.

    Use it as a context manager.

    Attributes:
        path: the archive.
        sizes: ``{name: bytes}`` of the regular files in it, names with forward slashes.

    Raises:
        InputError: when the archive is missing, damaged, or holds an entry that leaves
            the target folder, a link or a device, or unpacks to far more than it holds.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._entries = {}
        if not self.path.is_file():
            raise InputError(f"{path} does not exist or is no file: give a .zip, .tar or .tar.gz.")
        self._room = _MOST_GROWTH * self.path.stat().st_size + _ALWAYS_FINE
        with open(self.path, "rb") as file:
            magic = file.read(4)
        self._zipped = magic in (b"PK\3\4", b"PK\5\6")
        with self._damage_reported():
            if self._zipped:
                self._file = zipfile.ZipFile(self.path)
            else:
                self._file = tarfile.open(
                    self.path, "r:gz" if magic[:2] == b"\x1f\x8b" else "r:", errorlevel=1
                )
        try:
            with self._damage_reported():
                self._list_zip() if self._zipped else self._list_tar()
        except BaseException:
            self._file.close()
            raise
        self.sizes = {
            name: entry.file_size if self._zipped else entry.size
            for name, entry in self._entries.items()
        }

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def read(self, name):
        """The bytes of one file of the archive."""
        with self._damage_reported(name), self._open(name) as stream:
            return stream.read()

    def extract(self, targets, description):
        """Write entries to files, each whole or not at all.

        Args:
            targets: ``{name of an entry: path of the file}``.
            description: what the progress bar says.
        """
        # In the archive's own order: a .tar.gz can only be read forwards.
        names = sorted(targets, key=self._position)
        for name in progress(names, description, unit=" files"):
            with atomic_path(targets[name], sync=False) as temporary:
                with (
                    self._damage_reported(name),
                    self._open(name) as stream,
                    open(temporary, "wb") as file,
                ):
                    shutil.copyfileobj(stream, file, 1 << 18)

    def _position(self, name):
        entry = self._entries[name]
        return entry.header_offset if self._zipped else entry.offset_data

    def _open(self, name):
        entry = self._entries[name]
        if not self._zipped:
            return self._file.extractfile(entry)
        if entry.flag_bits & 1:
            raise InputError(f"{self.path} is encrypted: pack it again without a password.")
        return self._file.open(entry)

    def _list_zip(self):
        for entry in self._file.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)  # zero when packed on Windows
            if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                self._refuse(entry.filename, "is a link or a device")
            self._add(entry.filename, entry, entry.is_dir(), entry.file_size)

    def _list_tar(self):
        entries = progress(
            self._file, f"Listing {self.path.name}", unit=" files", leave=False, delay=1
        )
        for entry in entries:
            if not (entry.isreg() or entry.isdir()):
                self._refuse(entry.name, "is a link or a device")
            self._add(entry.name, entry, entry.isdir(), entry.size)
        # tarfile takes any header that it cannot read for the end. The real end is a
        # block of zeros; reading on to the last byte makes gzip compare its checksum.
        stream = self._file.fileobj
        stream.seek(self._file.offset)
        block = stream.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
            raise tarfile.ReadError("it breaks off before its end")
        while stream.read(1 << 20):
            pass

    def _add(self, name, entry, is_folder, size):
        self._room -= size
        if self._room < 0:
            self._refuse(name, "unpacks to far more than it holds")
        name = name.replace("\\", "/")
        if leaves_folder(name):
            self._refuse(name, "leads out of the folder")
        while name.startswith("./"):
            name = name[2:]
        if not is_folder:
            self._entries[name] = entry  # of two entries with one name the last one counts

    def _refuse(self, name, reason):
        raise InputError(
            f"{self.path} is refused because its entry {name!r} {reason}: pack plain files again."
        )

    @contextmanager
    def _damage_reported(self, name=None):
        try:
            yield
        except _DAMAGE + (OSError,) as error:
            # gzip's own complaint is an OSError without a number; the system's have one, that
            # of a place before the beginning of the file among them.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            reason = (f"at {name!r}: " if name else "") + (str(error) or "unexpected end")
            raise InputError(
                f"{self.path} is damaged or is no .zip, .tar or .tar.gz ({reason}): "
                "fetch or pack it again."
            ) from None
