import os
import tempfile
import threading

import pytest
from PIL import Image

from vsepp.demo.server import private_folder
from vsepp.demo.thumbnails import ThumbnailFolder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, which is empty."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_what_others_put_aside_goes_with_the_folder(temporary):
    with private_folder() as folder:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            assert os.path.dirname(file.name) == folder
        assert os.listdir(temporary) == [os.path.basename(folder)]
    assert not os.listdir(temporary) and tempfile.gettempdir() == str(temporary)


def test_a_query_that_is_cut_off_leaves_nothing(temporary, tmp_path):
    photographs = [tmp_path / f"{number}.png" for number in range(2000)]
    Image.new("RGB", (8, 8)).save(photographs[0])
    for photograph in photographs[1:]:
        os.link(photographs[0], photograph)
    shown = []

    def find():
        thumbnails = ThumbnailFolder(folder)
        for place, photograph in enumerate(photographs):
            try:
                shown.append(thumbnails.path(photograph, place))
            except OSError:
                return

    with private_folder() as folder:
        thread = threading.Thread(target=find)
        thread.start()
        while not shown and thread.is_alive():
            pass
    thread.join()
    assert 0 < len(shown) < len(photographs) and not os.listdir(temporary)
