"""Rows of a table over seeds: names, decision rules, further columns, a stop and its resumption."""

import csv

import keras
import numpy as np
import pytest

from keras_haframe import metrics
from keras_haframe.decisions import rescore
from keras_haframe.training import ArrayBatches, RunSettings, run_seeds
from tests.training.small_run import data, make_model

images, labels = data()
TEST = images[80:], labels[80:]


def seeds(folder, tree, **options):
    settings = RunSettings(epochs=2, batch=8, rate=0.05, seeds=2, seed=3, output=str(folder))
    settings.max_minutes = options.pop("max_minutes", None)
    return run_seeds(
        settings, tree, lambda seed: make_model(),
        lambda seed: ArrayBatches(images[:64], labels[:64], 8, seed),
        (images[64:80], labels[64:80]), TEST, **options,
    )  # fmt: skip


def share_of_class_0(scores, labels):
    return {"zeros": float((scores.argmax(1) == 0).mean()), "true": float((labels == 0).mean())}


@pytest.fixture(scope="module")
def small_tree():
    return make_model().tree


@pytest.fixture(scope="module")
def done(tmp_path_factory, small_tree):
    folder = tmp_path_factory.mktemp("seeds")
    rows = seeds(folder, small_tree, name="mine", rules=("", "CRM"), measure=share_of_class_0)
    return folder, rows


def test_every_row_is_scored_by_its_rule(done, small_tree):
    folder, rows = done
    assert list(rows) == ["mine", "mine + CRM"]
    for row, rule in zip(rows, ("", "CRM")):
        assert [r["seed"] for r in rows[row]] == [3, 4]
        for result in rows[row]:
            with np.load(folder / f"mine_seed{result['seed']}" / "scores.npz") as kept:
                scores = rescore(kept["scores"], small_tree, rule)
                np.testing.assert_array_equal(kept["labels"], TEST[1])
            for key, value in metrics.summary(TEST[1], scores, small_tree).items():
                assert result[key] == pytest.approx(value, nan_ok=True)
            assert result["zeros"] == (scores.argmax(1) == 0).mean() and result["true"] == 0.25


def test_the_file_has_all_rows(done):
    folder, rows = done
    with open(folder / "mine.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["method"] for line in lines] == ["mine"] * 2 + ["mine + CRM"] * 2
    assert float(lines[1]["top1"]) == pytest.approx(rows["mine"][1]["top1"])


def test_callbacks_replace_the_cosine(tmp_path, small_tree):
    """By default half of 0.05 in the second of two epochs; or what is asked for."""
    seeds(tmp_path / "a", small_tree)
    constant = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.01)
    seeds(tmp_path / "b", small_tree, callbacks=lambda: [constant])
    for folder, rates in (("a", [0.05, 0.025]), ("b", [0.01, 0.01])):
        with open(tmp_path / folder / "haframe_II_seed3/history.csv", newline="") as file:
            found = [float(line["learning_rate"]) for line in csv.DictReader(file)]
        assert found == pytest.approx(rates)


def test_nothing_until_all_seeds_are_done(tmp_path, small_tree):
    assert seeds(tmp_path, small_tree, max_minutes=1e-9) is None
    assert not list(tmp_path.glob("*.csv"))
    while (rows := seeds(tmp_path, small_tree, max_minutes=1e-9)) is None:
        pass
    assert [r["seed"] for r in rows["haframe_II"]] == [3, 4]
