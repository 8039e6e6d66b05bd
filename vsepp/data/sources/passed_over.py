"""Names of what systems and drives keep beside people's photographs: thumbnails, bins, notes."""

from __future__ import annotations

_FOLDERS_AND_FILES = frozenset(
    name.casefold()
    for name in (
        # drives on the network: Synology, QNAP, ASUSTOR and TerraMaster, Buffalo, NetApp
        *("@eaDir", "#recycle", "#snapshot", "@sharesnap", "@tmp", "@SynoResource"),
        *("@Recycle", "@Recently-Snapshot", "@Snapshot", "@__thumb", ".@__thumb"),
        *("Network Recycle Bin", "trashbox", "~snapshot", "Network Trash Folder"),
        # Windows
        *("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "FOUND.000"),
        *("Thumbs.db", "Thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db"),
        *("desktop.ini", "Picasa.ini", "ZbThumbnail.info"),
        # Macs, also in the archives they make
        *("__MACOSX", "Temporary Items", "TheVolumeSettingsFolder", "Icon\r", ".DS_Store"),
        # Linux and Android
        *("lost+found", "LOST.DIR", ".thumbnails", ".Trash", ".Trashes"),
    )
)
_BEGINNING = ".trash-"  # then the number of whose bin it is


def is_of_a_system(name: str) -> bool:
    """Whether a file or folder of this name is made by a system or a drive, not by people."""
    folded = name.casefold()
    return folded in _FOLDERS_AND_FILES or folded.startswith(_BEGINNING)


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name, without its path, is passed over unless asked for.

    That is what is hidden (its name begins with a dot) and what systems make.

    >>> [name for name in ("a.jpg", "._a.jpg", "@eaDir", "#recycle") if is_passed_over(name)]
    ['._a.jpg', '@eaDir', '#recycle']
    """
    return name.startswith(".") or is_of_a_system(name)
