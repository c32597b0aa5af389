"""A run does not go on with other data, another backend or precision; versions are told."""

import json
import warnings

import keras
import numpy as np
import pytest

from keras_haframe.data import ArrayBatches
from keras_haframe.results.made_with import made_with, readable
from keras_haframe.results.run import keep_settings, read_settings, write_result

IMAGES, LABELS = np.arange(24.0).reshape(6, 2, 2), np.arange(6)


def facts(images=IMAGES, labels=LABELS, **changes):
    return {**made_with(ArrayBatches(images, labels, 2).from_epoch, test=(images, labels)),
            **changes}  # fmt: skip


@pytest.fixture
def begun(tmp_path):
    """Folder of a run that has one checkpoint."""
    keep_settings(tmp_path, {"epochs": 2}, facts())
    (tmp_path / "checkpoints" / "epoch-0001").mkdir(parents=True)
    return tmp_path


def test_what_is_known(tree):
    known = made_with(ArrayBatches(IMAGES, LABELS, 2).from_epoch, None, ({"a": IMAGES}, LABELS))
    assert known["backend"] == keras.backend.backend() and known["dtype_policy"] == "float32"
    assert known["versions"]["keras"] == keras.__version__
    assert len(set(known["versions"])) == 3 and all(known["versions"].values())
    data = known["data"]
    assert list(data) == ["train inputs", "train labels", "test inputs a", "test labels"]
    assert data["train labels"] == data["test labels"] != data["train inputs"]
    assert data["train inputs"].startswith("float64 [6, 2, 2] ")
    assert json.loads(json.dumps(known)) == known
    assert made_with(lambda epoch: 1, object(), (object(), [0, 1]))["data"] == {}


@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_are_looked_at_from_end_to_end(order):
    large = np.zeros((30, 100, 100), "float32", order=order)
    known = made_with(test=(large, LABELS))["data"]["test inputs"]
    for place in (0, 29):
        other = large.copy(order=order)
        other[place] = 1
        assert made_with(test=(other, LABELS))["data"]["test inputs"] != known
    assert made_with(test=(large.copy(), LABELS))["data"]["test inputs"] == known


def test_the_same_goes_on(begun):
    before = (begun / "settings.json").read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keep_settings(begun, {"epochs": 2}, facts())
    assert (begun / "settings.json").read_text() == before


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (
            facts(IMAGES + 1),
            r"other data: train inputs float64 .* 13\.\d+ .*; now float64",
        ),
        (facts(labels=LABELS[::-1].copy()), r"other data: train labels int64 \[6\]"),
        (facts(IMAGES[:5], LABELS[:5]), r"other data: train inputs.*\[5, 2, 2\]"),
        (facts(backend="other"), "backend='.*'; now it is backend='other'. Set KERAS_BACKEND=[tj]"),
        (facts(dtype_policy="float16"), r"dtype_policy='float32'.*set_dtype_policy\('float32'\)"),
    ],
)
def test_what_is_refused(begun, now, message):
    with pytest.raises(ValueError, match=message):
        keep_settings(begun, {"epochs": 2}, now)


def test_versions_are_told(begun):
    other = facts(versions={**facts()["versions"], "keras": "9.9"})
    with pytest.warns(UserWarning, match=f"begun with keras {keras.__version__}, now 9.9"):
        keep_settings(begun, {"epochs": 2}, other)


def test_a_finished_run_is_returned_anywhere_but_for_other_data(begun):
    write_result(begun, {"top1": 1.0})
    other = facts(backend="other", dtype_policy="float16", versions={"keras": "9.9"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keep_settings(begun, {"epochs": 2}, other)
    with pytest.raises(ValueError, match="other data"):
        keep_settings(begun, {"epochs": 2}, facts(IMAGES + 1))
    with pytest.raises(ValueError, match="backend="):  # it would go on
        keep_settings(begun, {"epochs": 3}, facts(backend="other"))
    keep_settings(begun, {"epochs": 3}, facts())
    assert read_settings(begun) == {"epochs": 3, "continued_after": [2], "made_with": facts()}


def test_a_folder_in_which_nothing_was_trained_takes_other_data(begun):
    """A first start may have failed for the very data that are mended now."""
    (begun / "checkpoints" / "epoch-0001").rmdir()
    keep_settings(begun, {"epochs": 2}, facts(IMAGES + 1))
    assert read_settings(begun)["made_with"] == facts(IMAGES + 1)


def test_an_experiment_in_which_a_run_was_trained_does_not(tmp_path):
    keep_settings(tmp_path, {}, facts())
    (tmp_path / "a_seed0" / "checkpoints" / "epoch-0001").mkdir(parents=True)
    with pytest.raises(ValueError, match="other data"):
        keep_settings(tmp_path, {}, facts(IMAGES + 1))


def test_inputs_that_another_computer_makes(begun):
    """Features and resized images differ in their last bits; labels do not."""
    noise = np.random.default_rng(0).normal(size=IMAGES.shape)
    keep_settings(begun, {"epochs": 2}, facts(IMAGES + 1e-3 * noise))
    for other in (IMAGES + 2 * noise, IMAGES[::-1].copy(), IMAGES * 1.1, IMAGES.T.copy()):
        with pytest.raises(ValueError, match="other data: train inputs"):
            keep_settings(begun, {"epochs": 2}, facts(other.reshape(IMAGES.shape)))


@pytest.mark.parametrize("damaged", ["", "float64 [6, 2, 2] x y", "float64 [6, 2, 2] 1 2", 5, None])
def test_a_damaged_fingerprint_is_another(begun, damaged):
    settings = json.loads((begun / "settings.json").read_text())
    settings["made_with"]["data"]["train inputs"] = damaged
    (begun / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="other data: train inputs"):
        keep_settings(begun, {"epochs": 2}, facts())


@pytest.mark.parametrize("old", [{}, {"made_with": {}}, {"made_with": {"data": {}}}])
def test_folders_from_before_go_on(begun, old):
    (begun / "settings.json").write_text(json.dumps({"epochs": 2, **old}))
    keep_settings(begun, {"epochs": 2}, facts(IMAGES + 1))
    assert read_settings(begun) == {"epochs": 2, **old}


def test_no_number_does_not_refuse_itself(tmp_path):
    settings = {"a": float("nan"), "b": {"c": [float("nan"), 1]}, "d": float("inf")}
    keep_settings(tmp_path, settings)
    keep_settings(tmp_path, settings)
    with pytest.raises(ValueError, match="a=nan; now it is a=0.0"):
        keep_settings(tmp_path, {**settings, "a": 0.0})


def test_a_page_shows_backend_and_versions_and_no_fingerprints():
    known = made_with(test=(IMAGES, LABELS))
    shown = readable({"epochs": 3, "made_with": known})
    assert list(shown) == ["epochs", "backend", "dtype_policy", "versions"]
    assert (
        shown["backend"] == known["backend"] and f"keras {keras.__version__}" in shown["versions"]
    )
    assert readable({"epochs": 3, "made_with": "damaged"}) == {"epochs": 3}
