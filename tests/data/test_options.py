"""What a data set was prepared with is taken from it; only a contradiction is refused."""

import json

import pytest
import yaml
from conftest import sentences_about

from vsepp import Config, create_dataset, load_config
from vsepp.data.options import checked_folder, with_prepared_options
from vsepp.system.errors import InputError


@pytest.fixture
def data(data_set, tmp_path):
    """A data set of two captions an image, of at most 7 words, all words kept."""
    folder = data_set([("0.png", "train", sentences_about("red", "square"))])
    create_dataset(str(folder.parent), "tiny", 2, 0, 7)
    return folder


def configured(data, *overrides, name=None):
    return load_config(name, [f"data_dir={data.parent}", *overrides], "tiny")


def test_nothing_has_to_be_said(data):
    for config in (configured(data), Config(dataset="tiny", data_dir=str(data.parent))):
        found = with_prepared_options(config)

        assert (found.captions_per_image, found.max_len, found.min_word_count) == (2, 7, 0)
        assert (config.captions_per_image, config.max_len, config.min_word_count) == (5, 30, 5)
        assert found.given == config.given


def test_what_agrees_may_be_said(data):
    config = configured(data, "captions_per_image=2", "max_len=7", "min_word_count=0")

    assert with_prepared_options(config).max_len == 7
    assert checked_folder(config) == data


@pytest.mark.parametrize(
    "key, prepared, said",
    [
        ("captions_per_image", 2, 3),
        ("captions_per_image", 2, 5),  # the default, but said
        ("max_len", 7, 30),
        ("min_word_count", 0, 5),
    ],
)
def test_what_contradicts_is_refused_wherever_it_was_said(data, tmp_path, key, prepared, said):
    file = tmp_path / "mine.yml"
    file.write_text(f"{key}: {said}\n")
    message = f"^{key}: .*tiny was prepared with {prepared}, the configuration says {said}: leave"

    for config in (configured(data, f"{key}={said}"), configured(data, name=file)):
        with pytest.raises(InputError, match=message):
            with_prepared_options(config)


def test_a_program_says_what_differs_from_the_defaults(data):
    config = Config(dataset="tiny", data_dir=str(data.parent), max_len=9)

    with pytest.raises(InputError, match="max_len: .* was prepared with 7, the configuration says"):
        with_prepared_options(config)


def test_the_record_of_a_run_counts_as_said_only_where_runs_have_compared_it(data, tmp_path):
    record = tmp_path / "config.yml"
    values = {**Config(dataset="tiny").to_dict(), "captions_per_image": 2, "max_len": 50}
    record.write_text(yaml.safe_dump(values))

    found = with_prepared_options(configured(data, name=record))
    assert (found.max_len, found.min_word_count) == (7, 0)

    with pytest.raises(InputError, match="max_len: .*with 7, the configuration says 50"):
        with_prepared_options(configured(data, "max_len=50", name=record))
    record.write_text(yaml.safe_dump({**values, "captions_per_image": 5}))
    with pytest.raises(InputError, match="captions_per_image: .*with 2"):
        with_prepared_options(configured(data, name=record))


def test_of_another_programs_data_only_what_is_documented_is_known(data):
    (data / "prepared.json").unlink()

    found = with_prepared_options(configured(data, "min_word_count=3"))

    assert (found.captions_per_image, found.max_len, found.min_word_count) == (5, 30, 3)


def test_a_damaged_number_is_refused(data):
    prepared = json.loads((data / "prepared.json").read_text())
    prepared["options"]["min_word_count"] = "none"
    (data / "prepared.json").write_text(json.dumps(prepared))

    with pytest.raises(InputError, match="prepared.json: min_word_count is 'none'"):
        with_prepared_options(configured(data))


@pytest.mark.parametrize("value", (-1, 2**40, True, "5", 1.0, None))
def test_a_number_that_no_checkpoint_could_keep_is_refused(data, value):
    path = data / "prepared.json"
    prepared = json.loads(path.read_text())
    prepared["options"]["min_word_count"] = value
    path.write_text(json.dumps(prepared))

    with pytest.raises(InputError, match="min_word_count is .*, which is no number for it"):
        with_prepared_options(configured(data))
