"""An index of codes that were made elsewhere."""

import numpy as np
import pytest
from colour_model import ColourModel, draw_photographs

from vsepp.index.given_codes import index_codes
from vsepp.index.photographs import PhotographIndex
from vsepp.index.updating import update_index
from vsepp.system.errors import InputError


@pytest.fixture
def given(tmp_path):
    """(folder, index of it, files of its codes in two parts, files of their names)."""
    folder = tmp_path / "photos"
    draw_photographs(folder, 20)
    update_index(folder, tmp_path / "own", ColourModel())
    own = PhotographIndex(tmp_path / "own")
    order = np.random.default_rng(0).permutation(20)
    codes, names = [], []
    for part, rows in enumerate((order[:13], order[13:])):
        codes.append(str(tmp_path / f"img_emb_{part}.npy"))
        np.save(codes[-1], np.stack([own.code(row) for row in rows]))
        names.append(str(tmp_path / f"names_{part}.txt"))
        lines = [own.photograph(row).path for row in rows]
        (tmp_path / f"names_{part}.txt").write_text("\n".join(lines))
    return folder, own, codes, names


def answers(index, queries):
    return [
        [photograph.path for photograph in found] + scores.tolist()
        for found, scores in index.search_all(queries, 5)
    ]


def counts(report):
    return [report.new, report.changed, report.gone, report.unchanged, report.encoded]


def test_it_answers_as_the_index_that_encoded_them(given, tmp_path):
    folder, own, codes, names = given
    report = index_codes(codes, names, folder, tmp_path / "index", ColourModel())
    assert counts(report) == [20, 0, 0, 0, 0] and report.remarks == []
    index = PhotographIndex(tmp_path / "index")
    queries = np.random.default_rng(1).random((6, 48)).astype(np.float32)
    assert answers(index, queries) == answers(own, queries)
    assert index.path(index.photograph(3)) == own.path(own.photograph(3))


def test_it_is_brought_up_to_date(given, tmp_path):
    folder, own, codes, names = given
    index = tmp_path / "index"
    index_codes(codes, names, folder, index, ColourModel())
    before = {path.name: path.read_bytes() for path in index.iterdir()}
    report = index_codes(codes, names, folder, index, ColourModel())
    assert counts(report) == [0, 0, 0, 20, 0]
    assert {path.name: path.read_bytes() for path in index.iterdir()} == before
    first = np.load(codes[0])
    first[2] = first[3]
    np.save(codes[0], first)
    report = index_codes(codes[:1], names[:1], folder, index, ColourModel())
    assert counts(report) == [0, 1, 7, 12, 0]
    assert len(PhotographIndex(index)) == 13
    # Whose content is not known is encoded where the folder itself is indexed.
    report = update_index(folder, index, ColourModel())
    assert (report.encoded, report.total) == (20, 20)


def test_what_an_interrupted_run_took_in_is_there(given, tmp_path):
    folder, _, codes, names = given
    bad = np.load(codes[1])
    bad[3, 0] = np.nan
    np.save(tmp_path / "bad.npy", bad)
    bad = [codes[0], str(tmp_path / "bad.npy")]
    with pytest.raises(InputError, match="bad.npy holds NaN or infinity in row 3"):
        index_codes(bad, names, folder, tmp_path / "index", ColourModel())
    report = index_codes(codes, names, folder, tmp_path / "index", ColourModel())
    assert (report.recovered, report.new) == (13, 20)


def test_half_precision_lengths_and_missing_files_are_said(given, tmp_path):
    folder, own, codes, names = given
    np.save(codes[0], (3 * np.load(codes[0])).astype(np.float64))
    np.save(codes[1], np.load(codes[1]).astype(np.float16))
    report = index_codes(codes, names, tmp_path, tmp_path / "index", ColourModel())
    assert any("13 codes were not of length 1" in line for line in report.remarks)
    assert any("20 of 20 names are no files below" in line for line in report.remarks)
    index = PhotographIndex(tmp_path / "index")
    query = own.code(4)
    found, right = index.search(query, 3), own.search(query, 3)
    assert [each.path for each in found[0]] == [each.path for each in right[0]]
    np.testing.assert_allclose(found[1], right[1], atol=1e-3)


def test_absolute_names_say_where_the_photographs_are(given, tmp_path):
    folder, own, codes, names = given
    for path in names:
        lines = open(path).read().split("\n")
        with open(path, "w") as file:
            file.write("\n".join(str(folder / line) for line in lines))
    report = index_codes(codes, names, None, tmp_path / "index", ColourModel())
    assert report.remarks == [] and report.total == 20
    assert PhotographIndex(tmp_path / "index").manifest.folder == str(folder)
    with pytest.raises(InputError, match="does not lie below"):
        index_codes(codes, names, folder / "sea", tmp_path / "other", ColourModel())


def test_two_names_of_one_photograph_are_refused(given, tmp_path):
    folder, _, codes, _ = given
    names = [str(folder / "000.png"), *(f"{number}.png" for number in range(18)), "000.png"]
    (tmp_path / "names.txt").write_text("\n".join(names))
    with pytest.raises(InputError, match="name 20 is 000.png below .*, which was there already"):
        index_codes(codes, [str(tmp_path / "names.txt")], folder, tmp_path / "index", ColourModel())
    assert not (tmp_path / "index").exists()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e300, 3e38])
def test_codes_that_are_too_large_are_one_sentence(given, tmp_path, scale):
    folder, _, codes, names = given
    np.save(codes[0], np.full((13, 48), scale))
    with pytest.raises(InputError, match="img_emb_0.npy .* row 0 that is too large for single"):
        index_codes(codes, names, folder, tmp_path / "index", ColourModel())


def test_what_does_not_fit_is_one_sentence(given, tmp_path):
    folder, _, codes, names = given

    def refused(said, array=None, names=names, model=ColourModel(), **options):
        files = codes
        if array is not None:
            np.save(tmp_path / "x.npy", array, allow_pickle=True)
            files = [str(tmp_path / "x.npy")]
        with pytest.raises(InputError, match=said):
            index_codes(files, names, folder, tmp_path / "index", model, **options)

    refused("13 names do not fit 20 codes", names=names[:1])
    refused("codes of 5 numbers, and those of colours.ckpt have 48", np.ones((20, 5), np.float32))
    refused(r"holds int64 \(20, 48\), not float", np.ones((20, 48), np.int64))
    refused("nothing but zeros in row 0", np.zeros((20, 48), np.float32))
    refused("no .npy file of numbers", np.array([print] * 20))  # a pickle, which is not opened
    index_codes(codes, names, folder, tmp_path / "index", ColourModel())
    refused("was made with .*fingerprint ffff", model=ColourModel(fingerprint="e" * 64))
    refused("holds float32, not float16", dtype="float16")


def test_codes_go_into_a_collection_as_well(given, tmp_path):
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    from vsepp.index.milvus_photographs import MilvusPhotographs
    from vsepp.index.milvus_store import MilvusStore

    folder, own, codes, names = given
    uri = str(tmp_path / "given.db")
    index_codes(codes, names, folder, MilvusStore(uri), ColourModel())
    report = index_codes(codes[:1], names[:1], folder, MilvusStore(uri), ColourModel())
    assert counts(report) == [0, 0, 7, 13, 0]
    index_codes(codes, names, folder, MilvusStore(uri), ColourModel())
    queries = np.random.default_rng(1).random((3, 48)).astype(np.float32)
    assert answers(MilvusPhotographs(uri), queries) == answers(own, queries)
