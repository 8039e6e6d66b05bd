import os

import numpy as np
from colour_model import ColourModel, draw_photographs

from vsepp.demo.searched import IndexedPhotographs, tellable
from vsepp.index.photographs import PhotographIndex
from vsepp.index.updating import update_index


def test_photographs_of_an_index_have_places_and_their_own_codes(tmp_path):
    draw_photographs(tmp_path / "photos", 12)
    update_index(tmp_path / "photos", tmp_path / "index", ColourModel())
    index, model = PhotographIndex(tmp_path / "index"), ColourModel()
    photographs = IndexedPhotographs(index)
    for place in range(len(photographs)):
        assert os.path.isabs(photographs.path(place)) and os.path.isfile(photographs.path(place))
        anew = model.encode_pixels(model.pixels(photographs.path(place))[None])[0]
        code = photographs.code(place)
        assert code.dtype == np.float32 and np.allclose(code, anew, atol=2e-3)  # kept as float16
        found = photographs.find(code, 3)
        first = (place, photographs.path(place), photographs.name(place))
        assert found[0][:3] == first and found[0].name in first[1]
        expected, scores = index.search(code, 3)
        assert [each.name for each in found] == [photograph.path for photograph in expected]
        assert [each.score for each in found] == [float(score) for score in scores]


def test_what_is_no_utf8_of_a_path_is_told_as_a_question_mark():
    assert tellable("狗/\udcff.jpg") == "狗/?.jpg"
