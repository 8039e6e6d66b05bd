"""Names of what systems and drives keep beside photographs."""

import pytest

from vsepp.data.sources.passed_over import is_of_a_system, is_passed_over


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir", "@EADIR", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot"),
        *(".@__thumb", "$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", "System Volume Information"),
        *("Thumbs.db", "desktop.ini", "__MACOSX", ".DS_Store", "lost+found", ".thumbnails"),
        *(".Trash-1000", ".Trashes", "LOST.DIR", "Network Trash Folder"),
    ],
)
def test_systems_names_are_passed_over(name):
    assert is_of_a_system(name) and is_passed_over(name)


@pytest.mark.parametrize("name", [".git", "._beach.jpg", ".hidden.jpg", ".trashed-17-a.jpg"])
def test_hidden_names_are_passed_over_and_are_peoples_own(name):
    assert is_passed_over(name) and not is_of_a_system(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "DCIM", "100APPLE", "@home", "#1 holiday", "thumbs", "Recycling", "Trash"]
)
def test_peoples_own_names_are_not(name):
    assert not is_passed_over(name)
