"""Other people's pickles are read as data; whatever else they ask for is refused."""

import io
import os
import pickle
import random
import struct
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import paddle
import pytest

from vsepp.pickles import NamedArray, PlainObject, read_pickle
from vsepp.system.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def save(tmp_path):
    """Write bytes, or the pickle of anything else, and return the path."""

    def write(value, protocol=2, name="file.pkl"):
        data = value if isinstance(value, bytes) else pickle.dumps(value, protocol)
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def same(found, expected):
    """Equal in value, shape and type, all the way down."""
    if isinstance(expected, np.ndarray):
        return (
            isinstance(found, np.ndarray)
            and found.dtype == expected.dtype
            and found.shape == expected.shape
            and np.array_equal(found, expected)
        )
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[k], expected[k]) for k in expected)
    if isinstance(expected, (list, tuple)):
        return (
            type(found) is type(expected)
            and len(found) == len(expected)
            and all(map(same, found, expected))
        )
    return type(found) is type(expected) and found == expected


# --- plain data ------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_and_arrays_come_back_as_they_were(save, protocol):
    shared = ["dog", "chien", "犬", "hôtel"]
    value = {
        "words": shared,
        "again": shared,
        "numbers": [0, -1, 255, 65536, 2**40, -(2**80), 1.5, float("inf"), True, None],
        "bytes": [b"", b"\x00\xff\n"],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "sets": [{1, 2}, frozenset("a")],
        3: {("a", 1): complex(1, 2)},
        "arrays": [
            np.arange(6).reshape(2, 3).astype(dtype)
            for dtype in ("f4", "f2", "f8", "i8", "u1", "?", "c8")
        ],
        "odd arrays": [np.zeros((0, 3)), np.array(2.5), np.asfortranarray(np.eye(3)[:2]),
                       np.array(["ä", "bc"]), np.zeros(2000, "i2")],
        "scalar": np.float32(0.1),
    }  # fmt: skip

    assert same(read_pickle(save(value, protocol)), value)


@pytest.mark.parametrize("protocol", [2, 5])
def test_big_endian_arrays_keep_their_values(save, protocol):
    value = np.arange(6, dtype=">f8")

    assert np.array_equal(read_pickle(save(value, protocol)), value)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_ordered_and_default_dictionaries_become_dictionaries(save, protocol):
    counts = defaultdict(int, a=1)
    value = [OrderedDict([("b", 1), ("a", 2)]), counts, Counter("aab")]

    found = read_pickle(save(value, protocol))

    assert found == [{"b": 1, "a": 2}, {"a": 1}, {"a": 2, "b": 1}]
    assert [type(item) for item in found] == [dict, dict, dict]


def test_numpy_1_and_2_name_the_same_functions_differently(save):
    data = pickle.dumps(np.arange(3), 2)
    names = [b"numpy.core.multiarray", b"numpy._core.multiarray"]

    for old in names:
        for new in names:
            assert same(read_pickle(save(data.replace(old, new))), np.arange(3))


def test_python_2_text_is_read_as_latin_1(save):
    binary = b"\x80\x02}U\x01aU\x02\xe9b" + b"s."
    lines = b"(dS'a'\nS'\\xe9b'\ns."

    assert read_pickle(save(binary)) == {"a": "éb"}
    assert read_pickle(save(lines)) == {"a": "éb"}


def test_an_array_from_python_2_holds_its_bytes_as_text(save):
    state = b"(I1\n(I2\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    numbers = b"I00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00@'\ntb."
    new = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"

    assert same(read_pickle(save(new + state + numbers)), np.array([1, 2], "f4"))


# --- Paddle ----------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_saves_is_read_without_paddle_load(tmp_path, protocol, monkeypatch):
    monkeypatch.setattr(paddle, "load", None)
    layer = paddle.nn.Sequential(paddle.nn.Linear(3, 4), paddle.nn.BatchNorm1D(4))
    adam = paddle.optimizer.Adam(parameters=layer.parameters())
    layer(paddle.ones([2, 3])).sum().backward()
    adam.step()
    state = {key: value.numpy() for key, value in layer.state_dict().items()}

    paddle.save(layer.state_dict(), str(tmp_path / "a.pdparams"), protocol=protocol)
    paddle.save(adam.state_dict(), str(tmp_path / "a.pdopt"), protocol=protocol)
    whole = {"epoch": 3, "step": 7, "model": layer.state_dict(), "optimizer": adam.state_dict()}
    paddle.save(whole, str(tmp_path / "a.ckpt"), protocol=protocol)

    assert same(read_pickle(tmp_path / "a.pdparams"), state)
    moments = {key: value.numpy() for key, value in adam.state_dict().items()
               if hasattr(value, "numpy")}  # fmt: skip
    found = read_pickle(tmp_path / "a.pdopt")
    assert moments and same({key: found[key] for key in moments}, moments)
    found = read_pickle(tmp_path / "a.ckpt")
    assert (found["epoch"], found["step"]) == (3, 7)
    assert same(found["model"], state)


def test_paddles_names_come_along_where_they_are_asked_for(tmp_path):
    layer = paddle.nn.Linear(3, 4)
    paddle.save(layer.state_dict(), str(tmp_path / "a.pdparams"))  # with a table of names
    paddle.save({"model": layer.state_dict()}, str(tmp_path / "a.ckpt"))  # with each tensor

    for state in (
        read_pickle(tmp_path / "a.pdparams", names=True),
        read_pickle(tmp_path / "a.ckpt", names=True)["model"],
    ):
        assert {key: value.name for key, value in state.items()} == {
            "weight": layer.weight.name,
            "bias": layer.bias.name,
        }
        assert same(np.asarray(state["weight"]), layer.weight.numpy())
        assert isinstance(state["weight"], NamedArray) and state["weight"][0].name is None
    assert type(read_pickle(tmp_path / "a.pdparams")["weight"]) is np.ndarray


def test_a_parameter_that_paddle_cut_in_pieces_is_joined(save):
    state = {
        "bias": np.ones(2),
        "weight@@.0": np.arange(4.0),
        "weight@@.1": np.arange(4.0, 6.0),
        "UnpackBigParamInfor@@": {
            "weight": {"OriginShape": (2, 3), "slices": ["weight@@.0", "weight@@.1"]}
        },
        "StructuredToParameterName@@": {"weight": "linear_0.w_0"},
    }

    found = read_pickle(save(state))

    assert same(found, {"bias": np.ones(2), "weight": np.arange(6.0).reshape(2, 3)})


# --- PyTorch, by hand ------------------------------------------------------------


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(values):
    return b"(" + b"".join(b"J" + struct.pack("<i", n) for n in values) + b"t"


def tensor(kind, key, count, offset, size, stride, view=b""):
    """The opcodes of one tensor, as ``torch.save`` writes them."""
    storage = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key)
    storage += text("cpu") + b"J" + struct.pack("<i", count) + view + b"tQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"J" + struct.pack("<i", offset)
        + numbers(size) + numbers(stride) + b"\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def state_dict(**tensors):
    items = b"".join(text(key) + value for key, value in tensors.items())
    metadata = b"}" + text("_metadata") + b"}sb"
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u" + metadata + b"."


def torch_zip(data, compression=zipfile.ZIP_STORED, **storages):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("model/data.pkl", data)
        for key, array in storages.items():
            archive.writestr(f"model/data/{key[1:]}", array.tobytes())
        archive.writestr("model/version", "3\n")
    return buffer.getvalue()


def torch_legacy(data, **storages):
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, facts)]
    keys = [key[1:] for key in storages]
    raw = [struct.pack("<q", array.size) + array.tobytes() for array in storages.values()]
    return b"".join([*parts, data, pickle.dumps(keys, 2), *raw])


FLOATS = np.arange(12, dtype=np.float32)
FORMATS = pytest.mark.parametrize(
    "torch_file, view", [(torch_zip, b""), (torch_legacy, b"N")], ids=["zip", "legacy"]
)


@FORMATS
def test_a_torch_state_dict_is_read(save, torch_file, view):
    data = state_dict(
        whole=tensor("FloatStorage", "0", 12, 0, [3, 4], [4, 1], view),
        turned=tensor("FloatStorage", "0", 12, 0, [4, 3], [1, 4], view),
        part=tensor("FloatStorage", "0", 12, 5, [2, 2], [4, 1], view),
        scalar=tensor("FloatStorage", "0", 12, 7, [], [], view),
        empty=tensor("FloatStorage", "0", 12, 0, [0, 4], [4, 1], view),
    )

    found = read_pickle(save(torch_file(data, s0=FLOATS)))

    table = FLOATS.reshape(3, 4)
    expected = {"whole": table, "turned": table.T, "part": table[1:, 1:3],
                "scalar": table[1, 3:].reshape(()), "empty": table[:0]}  # fmt: skip
    assert same(found, expected)


@FORMATS
@pytest.mark.parametrize(
    "kind, stored, expected",
    [
        ("DoubleStorage", np.array([1.5, -2]), np.array([1.5, -2])),
        ("HalfStorage", np.array([1.5, -2], "f2"), np.array([1.5, -2], "f4")),
        ("BFloat16Storage", np.array([0x3FC0, 0xC000], "u2"), np.array([1.5, -2], "f4")),
        ("LongStorage", np.array([1, -(2**40)]), np.array([1, -(2**40)])),
        ("IntStorage", np.array([1, -2], "i4"), np.array([1, -2], "i4")),
        ("ByteStorage", np.array([1, 255], "u1"), np.array([1, 255], "u1")),
        ("BoolStorage", np.array([True, False]), np.array([True, False])),
    ],
)
def test_torch_types(save, torch_file, view, kind, stored, expected):
    data = state_dict(x=tensor(kind, "0", 2, 0, [2], [1], view))

    assert same(read_pickle(save(torch_file(data, s0=stored))), {"x": expected})


def test_a_view_of_a_legacy_storage(save):
    view = b"(" + text("v") + b"K\x04K\x06t"
    data = state_dict(x=tensor("FloatStorage", "0", 12, 1, [2], [1], view))

    assert same(read_pickle(save(torch_legacy(data, s0=FLOATS))), {"x": FLOATS[5:7]})


@FORMATS
@pytest.mark.parametrize(
    "offset, size, stride",
    [
        (0, [4, 4], [4, 1]),
        (1, [12], [1]),
        (-1, [2], [1]),
        (0, [2], [-1]),
        (0, [2**31 - 1] * 8, [0] * 8),
        (0, [2, 2], [1]),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(save, torch_file, view, offset, size, stride):
    data = state_dict(x=tensor("FloatStorage", "0", 12, offset, size, stride, view))

    with pytest.raises(InputError, match="a tensor"):
        read_pickle(save(torch_file(data, s0=FLOATS)))


@FORMATS
def test_a_storage_of_the_wrong_size_is_refused(save, torch_file, view):
    data = state_dict(x=tensor("FloatStorage", "0", 2**31 - 1, 0, [2], [1], view))

    with pytest.raises(InputError, match="storage 0|truncated"):
        read_pickle(save(torch_file(data, s0=FLOATS)))


def test_a_compressed_bomb_is_refused(save):
    zeros = np.zeros(10**6, np.float32)
    data = state_dict(x=tensor("FloatStorage", "0", zeros.size, 0, [zeros.size], [1]))

    with pytest.raises(InputError, match="compressed as torch.save never does"):
        read_pickle(save(torch_zip(data, zipfile.ZIP_DEFLATED, s0=zeros)))


def test_a_small_storage_cannot_be_copied_without_end(save):
    square = np.zeros(10**4, np.float32)
    turned = tensor("FloatStorage", "0", square.size, 0, [100, 100], [1, 100])
    data = state_dict(**{f"x{i}": turned for i in range(500)})

    with pytest.raises(InputError, match="far more data"):
        read_pickle(save(torch_zip(data, s0=square)))


# --- the authors' files ----------------------------------------------------------


@pytest.mark.parametrize("which, size", [("small", 32), ("2layer", 48)])
def test_the_authors_checkpoint_and_vocabulary(which, size):
    folder = GOLDEN / f"authors_{which}_checkpoint"

    checkpoint = read_pickle(
        folder / "model_best.pth.tar", {("argparse", "Namespace"): PlainObject}
    )
    words = read_pickle(folder / "f8k_precomp_vocab.pkl", {("vocab", "Vocabulary"): PlainObject})

    image, sentence = checkpoint["model"]
    assert checkpoint["opt"].embed_size == size
    assert image["fc.weight"].shape == (size, 24)
    assert sentence["rnn.weight_ih_l0"].shape == (3 * size, 16)
    assert words.idx == len(words.word2idx) == checkpoint["opt"].vocab_size
    assert words.idx2word[words.word2idx["<start>"]] == "<start>"


def test_an_unlisted_class_is_refused_by_its_name():
    path = GOLDEN / "authors_small_checkpoint" / "f8k_precomp_vocab.pkl"

    with pytest.raises(InputError, match=r"f8k_precomp_vocab.pkl: asks for vocab.Vocabulary, "):
        read_pickle(path)


@pytest.mark.parametrize(
    "data",
    [
        b"(ivocab\nVocabulary\np0\n(dp1\nS'idx'\nI3\nsb.",
        b"(cvocab\nVocabulary\no}U\x03idxK\x03sb.",
        b"ccopy_reg\n_reconstructor\n(cvocab\nVocabulary\nc__builtin__\nobject\nNtR(dS'idx'\nI3\nsb.",
        b"cvocab\nVocabulary\n)R}U\x03idxK\x03sb.",
        b"\x80\x02cvocab\nVocabulary\n)\x81N}U\x03idxK\x03s\x86b.",
    ],
    ids=["INST", "OBJ", "_reconstructor", "REDUCE", "slots"],
)
def test_objects_of_a_listed_class_in_every_way_that_pickles_write_them(save, data):
    found = read_pickle(save(data), {("vocab", "Vocabulary"): PlainObject})

    assert type(found) is PlainObject
    assert found.idx == 3


# --- hostile files ---------------------------------------------------------------


class Attack:
    """Pickles as a call of ``function(*args)``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, os.path.join])
def test_a_function_is_neither_called_nor_imported(save, tmp_path, protocol, nested, function):
    attack = Attack(function, f"touch {tmp_path / 'executed'}")
    value = {"model": OrderedDict(weight=[attack])} if nested else attack

    with pytest.raises(InputError, match=rf"file.pkl: asks for \w+\.{function.__name__}, "):
        read_pickle(save(value, protocol))

    assert not (tmp_path / "executed").exists()


def test_paddles_own_eval_of_a_dense_tensor_is_refused(save):
    with pytest.raises(InputError, match="asks for builtins.eval"):
        read_pickle(save(Attack(eval, "data", {"data": 1}), 4))


@pytest.mark.parametrize(
    "data",
    [
        torch_zip(b"cos\nsystem\n(" + text("true") + b"tR."),
        torch_legacy(b"cos\nsystem\n(" + text("true") + b"tR."),
        torch_zip(b"ctorch.nn.modules\nLinear\n)\x81."),
    ],
)
def test_a_torch_file_is_no_way_around(save, data):
    with pytest.raises(InputError, match="asks for (os.system|torch.nn.modules.Linear)"):
        read_pickle(save(data))


MODULE = b"c__torch__.clip.model\nCLIP\n)\x81}("  # opened; its attributes follow


def test_the_modules_of_a_torchscript_archive_are_plain_objects(save, tmp_path):
    inner = b"c__torch__.torch.nn.___torch_mangle_3\nLinear\n)\x81}(" + text("training") + b"\x89ub"
    sizes = b"ctorch.jit._pickle\nbuild_intlist\n(](K\x03K\x04etR"
    weight = tensor("FloatStorage", "0", 12, 0, [3, 4], [4, 1])
    items = text("weight") + weight + text("inner") + inner + text("sizes") + sizes
    path = save(torch_zip(b"\x80\x02" + MODULE + items + b"ub.", s0=FLOATS))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:  # code, which is not read
        archive.writestr("model/code/__torch__/clip/model.py", "import os\n" * 10_000)

    found = read_pickle(path, modules=True)

    assert type(found) is type(found.inner) is PlainObject
    assert same(found.weight, FLOATS.reshape(3, 4)) and found.sizes == [3, 4]
    assert vars(found.inner) == {"training": False}
    with pytest.raises(InputError, match="asks for __torch__.clip.model.CLIP"):
        read_pickle(path)


@pytest.mark.parametrize(
    "data, message",
    [
        (MODULE + text("x") + b"cos\nsystem\n(" + text("true") + b"tRub.", "asks for os.system"),
        (MODULE + text("x") + b"ctorch.jit\nload\n(" + text("a") + b"tRub.", "asks for torch.jit"),
        (b"c__torch__.a\nB\n(" + text("x") + b"tR.", "gives __torch__.a.B arguments"),
        (b"c__torch__.a\nB\n.", "a name or a type where data belongs"),
        (b"c__torch__x.a\nB\n)\x81.", "asks for __torch__x.a.B"),
        (b"ctorch.jit._pickle\nbuild_intlist\n(K\x03tR.", "is damaged .a list"),
    ],
)
def test_a_torchscript_archive_is_no_way_around(save, data, message):
    with pytest.raises(InputError, match=message):
        read_pickle(save(torch_zip(b"\x80\x02" + data)), modules=True)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"cvocab\nVocabulary\n.", "a name or a type"),
        (b"cbuiltins\nobject\n)R.", "calls builtins.object"),
        (b"cvocab\nVocabulary\n(K\x01tR.", "gives vocab.Vocabulary arguments"),
        (b"cvocab\nVocabulary\nN}U\x01aK\x01s\x86b.", "gives a state"),
        (b"ccollections\nOrderedDict\nN}U\x01aK\x01s\x86b.", "gives a state"),
        (b"]K\x01}U\x01aK\x01sb.", "damaged"),
        (b"U\x04evalU\x01a\x85R.", "calls what is no function"),
        (b"\x82\x01.", "opcode EXT1"),
        (b"U\x01xQ.", "outside the file"),
        (b"Px\n.", "outside the file"),
    ],
)
def test_tricks_with_names_are_refused(save, data, message):
    with pytest.raises(InputError, match=message):
        read_pickle(save(data), {("vocab", "Vocabulary"): PlainObject})


def test_arrays_of_objects_and_of_structured_types_are_refused(save):
    with pytest.raises(InputError, match="array of type 'O8'"):
        read_pickle(save(np.array([{}, None], dtype=object)))
    with pytest.raises(InputError, match="array of type 'V8'"):
        read_pickle(save(np.zeros(2, dtype=[("a", "i4"), ("b", "f4")])))


@pytest.mark.parametrize(
    "data",
    [
        b"\x8e" + struct.pack("<Q", 2**62) + b"x.",
        b"\x96" + struct.pack("<Q", 2**40) + b"x.",
        b"\x8d" + struct.pack("<Q", 2**63) + b"x.",
        b"B" + struct.pack("<I", 2**32 - 1) + b"x.",
        b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    ],
)
def test_a_size_beyond_the_file_is_not_allocated(save, data):
    with pytest.raises(InputError, match="truncated|sys.maxsize"):
        read_pickle(save(data))


def test_a_huge_memo_index_costs_nothing(save):
    assert read_pickle(save(b"K\x05r\xff\xff\xff\xff0j\xff\xff\xff\xff.")) == 5


def test_an_array_whose_shape_and_data_differ_is_refused(save):
    data = pickle.dumps(np.zeros(3, np.uint8), 2)
    huge = data.replace(b"K\x03\x85", b"\x8a\x05\x00\x00\x00\x00\x7f\x85")

    with pytest.raises(InputError, match="size and data differ"):
        read_pickle(save(huge))


def test_bombs_are_refused(save):
    deep = b"]" * 10**5 + b"a" * (10**5 - 1) + b"."
    wide = [0]
    for _ in range(60):
        wide = [wide, wide]
    key = ()
    for _ in range(60):
        key = (key, key)
    hashed = pickle.dumps(key, 2)[:-1]
    itself = []
    itself.append(itself)

    for data in (deep, wide, b"}" + hashed[2:] + b"Ns.", itself):
        with pytest.raises(InputError, match="nested|itself|dictionary's key"):
            read_pickle(save(data))


def broken(data, path):
    """Read ``data``: a refusal is right, a value may be, anything else is a bug."""
    path.write_bytes(data)
    try:
        read_pickle(path, {("argparse", "Namespace"): PlainObject})
    except InputError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
        return True
    return False


def honest_files():
    state = state_dict(x=tensor("FloatStorage", "0", 12, 0, [3, 4], [4, 1], b"N"))
    yield "zip", (GOLDEN / "authors_small_checkpoint" / "model_best.pth.tar").read_bytes()
    yield "legacy", torch_legacy(state, s0=FLOATS)
    for protocol in (0, 2, 4):
        yield f"protocol {protocol}", pickle.dumps({"a": np.eye(3), "b": [(1, "x")]}, protocol)


@pytest.mark.parametrize("name, data", [pytest.param(n, d, id=n) for n, d in honest_files()])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, name, data):
    assert not broken(data, tmp_path / "file")
    for length in range(0, len(data), max(1, len(data) // 300)):
        assert broken(data[:length], tmp_path / "file"), length


@pytest.mark.parametrize("name, data", [pytest.param(n, d, id=n) for n, d in honest_files()])
def test_damaged_bytes_are_refused_or_harmless(tmp_path, name, data):
    chance = random.Random(name)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(min(len(data), 2000))] = chance.randrange(256)
        broken(bytes(damaged), tmp_path / "file")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x00" * 100, b"PK\x03\x04", b"<html></html>"])
def test_what_is_no_pickle_is_refused(save, data):
    with pytest.raises(InputError, match="file.pkl: "):
        read_pickle(save(data))


def test_a_zip_of_something_else_is_refused(save):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.txt", "no")

    with pytest.raises(InputError, match="not one that torch.save wrote"):
        read_pickle(save(buffer.getvalue()))


def test_a_path_that_is_not_a_file_is_refused(tmp_path):
    for path in (tmp_path / "absent.pdparams", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_pickle(path)
