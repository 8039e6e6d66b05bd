"""Files out of a .zip or a .tar, packed or not, that somebody else made.

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

from vsepp.data.sources.archive_kinds import READ, ZIP, reading_mode
from vsepp.data.sources.name_encodings import plain_name, usual_name
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.progress import progress

try:
    from lzma import LZMAError
except ImportError:  # a Python that was built without it cannot open such a file either
    LZMAError = EOFError

# What zipfile, tarfile and what they unpack with raise on bytes that are not what they promise.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    LZMAError,
    EOFError,
    struct.error,
    NotImplementedError,
    UnicodeError,
    OverflowError,
)
# Photographs hardly shrink when packed; what unpacks to so many times its size is a bomb.
_MOST_GROWTH, _ALWAYS_FINE = 200, 1 << 26
_DECLARED_UTF8 = 0x800  # in a .zip entry's flags
_UNICODE_PATH = 0x7075  # a .zip entry's extra field: its name in UTF-8, beside that of the system
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
    """An open .zip or .tar (also packed by gzip, bzip2 or xz), told apart by content, not by name.

    Use it as a context manager.

    Attributes:
        path: the archive.
        sizes: ``{name: bytes}`` of the regular files in it, names with forward slashes.
        undeclared: ``{name: its bytes}`` of those whose encoding the archive does not say.

    Raises:
        InputError: when the archive is missing, damaged or of a kind that is not read, or holds
            an entry that leaves the target folder, a link or a device, or unpacks to far more
            than it holds.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._entries = {}
        self.undeclared = {}
        if not self.path.is_file():
            raise InputError(f"{path} does not exist or is no file: give a {READ}.")
        self._room = _MOST_GROWTH * self.path.stat().st_size + _ALWAYS_FINE
        mode = reading_mode(self.path)
        self._zipped = mode == ZIP
        with self._damage_reported():
            if self._zipped:
                self._file = zipfile.ZipFile(self.path)
            else:
                self._file = tarfile.open(self.path, mode, errorlevel=1, encoding="utf-8")
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
            self._add(*_name_in_zip(entry), entry, entry.is_dir(), entry.file_size)

    def _list_tar(self):
        entries = progress(
            self._file, f"Listing {self.path.name}", unit=" files", leave=False, delay=1
        )
        for entry in entries:
            if not (entry.isreg() or entry.isdir()):
                self._refuse(entry.name, "is a link or a device")
            self._add(*_name_in_tar(entry), entry, entry.isdir(), entry.size)
        # tarfile takes any header that it cannot read for the end. The real end is a
        # block of zeros; reading on to the last byte lets the packing compare its checksum.
        stream = self._file.fileobj
        stream.seek(self._file.offset)
        block = stream.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
            raise tarfile.ReadError("it breaks off before its end")
        while stream.read(1 << 20):
            pass

    def _add(self, name, undeclared, entry, is_folder, size):
        self._room -= size
        if self._room < 0:
            self._refuse(name, "unpacks to far more than it holds")
        if leaves_folder(name):
            self._refuse(name, "leads out of the folder")
        if not is_folder:
            self._entries[name] = entry  # of two entries with one name the last one counts
            if undeclared:
                self.undeclared[name] = undeclared

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
                f"{self.path} is damaged or is no {READ} ({reason}): fetch or pack it again."
            ) from None


def _name_in_zip(entry):
    """A .zip entry's name, and its bytes where their encoding is not said."""
    if entry.flag_bits & _DECLARED_UTF8 or entry.orig_filename.isascii():
        return plain_name(entry.filename), None
    data = entry.orig_filename.encode("cp437").split(b"\0")[0]
    extra = entry.extra
    while len(extra) > 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH and extra[5:9] == struct.pack("<L", zlib.crc32(data)):
            return plain_name(extra[9 : 4 + length].decode()), None
        extra = extra[4 + length :]
    return usual_name(data), data


def _name_in_tar(entry):
    """A .tar entry's name, and its bytes where they are no UTF-8."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        data = entry.name.encode("utf-8", "surrogateescape")
        return usual_name(data), data
    return plain_name(entry.name), None
