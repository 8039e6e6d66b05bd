"""Fetching one large file over HTTP, in as many runs as it takes.

What has arrived stands in ``<name>.part``; beside it, ``<name>.source.json`` remembers
where it comes from and which version it is (ETag, Last-Modified, length), so that a later
run asks for the rest of that version only. The file gets its name when it is complete.
"""

import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from vsepp.system.atomic import naming, sync_folder, write_all, write_json
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one
from vsepp.system.progress import progress
from vsepp.system.records import wrong_field

TIMEOUT = 30  # seconds without a byte
_BLOCK = 1 << 18
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects that stay on the web; urllib's own would follow one to ftp:// too."""

    def redirect_request(self, request, response, code, message, headers, new_url):
        _check_address(new_url)
        return super().redirect_request(request, response, code, message, headers, new_url)


def _check_address(url):
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname
    except ValueError:
        good = False
    if not good:
        raise InputError(f"{url} is no web address: give one that begins with https:// or http://.")


def download(url, target, sha256=None):
    """Fetch ``url`` into the file ``target``; a run that was cut short is continued.

    A ``target`` that is there already, and comes from ``url`` or was put there by hand, is
    kept without asking the network.

    Args:
        url: ``http://`` or ``https://``.
        target: the file; its folder is made.
        sha256: what the file's checksum must be, in 64 hexadecimal digits.

    Returns:
        pathlib.Path: ``target``.

    Raises:
        InputError: for another kind of address, a failing network or server, another process
            that is fetching the file, and one whose checksum differs, which is removed.
    """
    _check_address(url)
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"--sha256 {sha256}: a checksum is 64 hexadecimal digits; copy all of it.")
    target = Path(target)
    with only_one(
        target.with_name(f"{target.name}.lock"),
        f"another process is downloading {target}: wait for its end, then run this again.",
    ):
        return _download(url, target, sha256)


def _download(url, target, sha256):
    part = target.with_name(target.name + ".part")
    record = target.with_name(target.name + ".source.json")
    known = _read_record(record)
    if known.get("url") not in (None, url):
        known = {}
    elif target.exists():
        if sha256 is None or _sha256(target) == sha256.lower():
            return target
        if not known:
            raise InputError(
                f"{target} is there, but does not have the sha256 {sha256}: "
                "move it away and run again."
            )
    if not known:
        part.unlink(missing_ok=True)
    for _ in range(2):  # once more from the start, when the server cannot continue
        if _fetch(url, part, record, known, sha256 is not None):
            break
        part.unlink(missing_ok=True)
        known = {}
    else:
        raise InputError(
            f"{url} answers as if it had been asked for a part of the file: "
            "try again later or fetch it with a browser."
        )
    if sha256 is not None:
        actual = _sha256(part)
        if actual != sha256.lower():
            part.unlink()
            target.unlink(missing_ok=True)
            record.unlink()
            raise InputError(
                f"{url} has the sha256 {actual}, not {sha256}; the file was removed: "
                "check the address and the checksum."
            )
    os.replace(part, target)
    sync_folder(target.parent)
    return target


def _read_record(path):
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    types = {"url": str, "etag": str, "last_modified": str, "length": int}
    if not isinstance(record, dict):
        return {}
    given = {key: kind for key, kind in types.items() if record.get(key) is not None}
    return {} if wrong_field(record, given) else record


def _sha256(path):
    digest = hashlib.sha256()
    with (
        open(path, "rb") as file,
        progress(
            description=f"Checking {path.name}",
            total=path.stat().st_size,
            unit="B",
            unit_scale=True,
            leave=False,
            delay=1,
        ) as bar,
    ):
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()


def _version(known):
    """What If-Range takes: a strong ETag, else the date; None when the server gave neither."""
    etag = known.get("etag")
    return etag if etag and not etag.startswith("W/") else known.get("last_modified")


def _fetch(url, part, record, known, checked_later):
    """Complete ``part``; False when the server's answer does not continue what is there."""
    have = part.stat().st_size if part.exists() else 0
    if not _version(known) and not checked_later:
        have = 0  # nothing would tell that the rest belongs to another version
    if have and have == known.get("length"):
        return True
    # Only what may not stand in an address is escaped, such as a blank that was typed in.
    address = urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")
    headers = {"User-Agent": "vsepp", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if _version(known):
            headers["If-Range"] = _version(known)
    opener = urllib.request.build_opener(_Redirects)
    again = "run the same command again to continue"
    try:
        response = opener.open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have:
                return False
            mend = (
                f"the server is at fault or busy; later, {again}"
                if error.code >= 500 or error.code in (408, 429)
                else "check the address"
            )
            raise InputError(f"{url} answers {error.code} {error.reason}: {mend}.") from None
    except InputError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise InputError(
            f"{url} cannot be reached ({reason}): check the address and the network, then {again}."
        ) from None
    with response:
        if response.status == 206:
            total = _continued(response, known, have)
            if total is None:
                return False
        else:
            have, length = 0, response.headers.get("Content-Length")
            total = int(length) if length and length.isdigit() else None
            # Emptied before the record changes: no old bytes may pass for the new version.
            open(part, "wb").close()
            write_json(
                record,
                {
                    "url": url,
                    "etag": response.headers.get("ETag"),
                    "length": total,
                    "last_modified": response.headers.get("Last-Modified"),
                },
            )
        _receive(response, part, have, total, f"{url} broke off", again)
    return True


def _continued(response, known, have):
    """The whole length according to a 206 answer; None when it is not our continuation."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    etag = response.headers.get("ETag")
    if (
        not have
        or not match
        or int(match[1]) != have
        or (etag and known.get("etag") and etag != known["etag"])
    ):
        return None
    if match[2] == "*":
        rest = response.headers.get("Content-Length", "")
        total = have + int(rest) if rest.isdigit() else known.get("length")
    else:
        total = int(match[2])
    return total if known.get("length") in (None, total) else None


def _receive(response, part, have, total, failed, again):
    """Append the body to ``part``; InputError when it ends early."""
    with (
        open(part, "ab", buffering=0) as file,
        progress(
            description=part.stem, total=total, initial=have, unit="B", unit_scale=True
        ) as bar,
    ):
        while True:
            try:
                block = response.read1(_BLOCK)  # read would keep what came before a stall
            except http.client.IncompleteRead as error:
                _write(file, error.partial)
                raise InputError(f"{failed} after {file.tell()} bytes: {again}.") from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = error or type(error).__name__
                raise InputError(
                    f"{failed} after {file.tell()} bytes ({reason}): {again}."
                ) from None
            if not block:
                break
            _write(file, block)
            bar.update(len(block))
        size = file.tell()
        if total is not None and size != total:
            if size > total:  # nothing to go on from
                file.truncate(0)
            raise InputError(f"{failed} after {size} of {total} bytes: {again}.")
        os.fsync(file.fileno())


def _write(file, block):
    with naming(file.name):
        write_all(file, block)
