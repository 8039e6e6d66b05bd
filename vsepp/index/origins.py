"""Whether an index may be gone on with: its codes have to be such as would be made now."""

from __future__ import annotations

from vsepp.index.manifest import CodeOrigin, Manifest
from vsepp.system.errors import InputError


def check_origin(index: str, before: Manifest, origin: CodeOrigin, checkpoint: str) -> None:
    """InputError when an index holds other codes than would be made now.

    Args:
        index: what it is called.
        before: what it is so far.
        origin: of what would be made now.
        checkpoint: with what.
    """
    old, new = before.origin.encoding, origin.encoding
    if old.fingerprint != new.fingerprint:
        raise InputError(
            f"{index} was made with {before.checkpoint} (fingerprint "
            f"{old.fingerprint[:12]}), not with {checkpoint} "
            f"({new.fingerprint[:12]}): give that checkpoint, or --force to encode every "
            "photograph anew."
        )
    if before.origin.dtype != origin.dtype:
        raise InputError(
            f"{index} holds {before.origin.dtype}, not {origin.dtype}: leave --dtype away, or give "
            "--force to encode every photograph anew."
        )
    if old.precision != new.precision:
        raise InputError(
            f"{index} was encoded in {old.precision}, and {checkpoint} "
            f"computes in {new.precision} on this machine: go on where it was made, or give "
            "--force to encode every photograph anew."
        )
    if before.origin != origin:
        raise InputError(
            f"{index} was made with another preprocessing: give --force to "
            "encode every photograph anew."
        )
