"""The neural-collapse recipe: a short run from the command line, and its parts."""

import csv
import json

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.collapse import frame_gap
from keras_haframe.plots import read_history
from keras_haframe.results import write_report
from tests.recipes import call

pytest.importorskip("tensorflow")
recipe = call.module("neural_collapse")


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Output folder and printed text of two runs after another."""
    output = tmp_path_factory.mktemp("nc")
    return output, [call.recipe("neural_collapse", "--smoke", "--output", output) for _ in range(2)]


@pytest.mark.slow
def test_measures_are_written(smoke):
    output, _ = smoke
    files = sorted(path.parent.name for path in output.glob("*/history.csv"))
    assert files == [
        f"{n}__{m}_seed0" for n in ("CNN", "MLP") for m in ("HAFrame", "cross-entropy")
    ]
    for name in files:
        history = read_history(output / name / "history.csv")
        assert len(history["epoch"]) == 2
        for split in ("train", "test"):
            last = {m: history[f"{split}_{m}"][-1] for m in recipe.MEASURES}
            assert np.isfinite(list(last.values())).all()
            assert last["nc1"] > 0 and 0 <= last["nc4"] <= 1
            assert 0 <= last["nc2"] <= 2 and last["nc2"] != last["nc2_etf"]


@pytest.mark.slow
def test_table_and_figures(smoke):
    output, (text, _) = smoke
    with open(output / "final.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == [
        f"{n}, {m}" for n in ("CNN", "MLP") for m in ("cross-entropy", "HAFrame")
    ]
    assert all(row["run"] in text for row in rows) and "| NC2 to tree |" in text
    for kind in ("curves", "geometry"):
        for network in ("cnn", "mlp"):
            assert (output / f"nc_{kind}_{network}.png").stat().st_size > 5000
    assert not list(output.glob("*partial*"))
    assert json.loads((output / "settings.json").read_text())["dataset"] == "drawn_aircraft"


@pytest.mark.slow
def test_a_finished_run_is_not_repeated(smoke):
    _, (first, second) = smoke
    started = [line for line in first.splitlines() if line.endswith("HAFrame, seed 0")]
    assert len(started) == 2
    assert not [line for line in second.splitlines() if line in started]
    assert first.split("| run |")[1] == second.split("| run |")[1]


@pytest.mark.slow
def test_the_folder_makes_a_report(smoke, tmp_path):
    output, _ = smoke
    page = write_report(output, tmp_path / "page.html").read_text(encoding="utf-8")
    for title in ("NC1: within-class variability", "Mistakes by LCA height", "nc geometry cnn"):
        assert title in page


@pytest.mark.parametrize("dataset", sorted(recipe.CLASSES))
def test_twelve_classes_in_three_groups_of_two_pairs(dataset):
    paths = recipe.class_paths(dataset)
    assert len(paths) == 12 and all(len(path) == 3 for path in paths)
    tree = kh.ClassTree.from_paths(paths)
    assert tree.num_classes == 12 and tree.height == 3
    assert [int(column.max()) + 1 for column in tree.level_labels().T] == [12, 6, 3]
    reference = kh.ClassTree.from_paths(recipe.class_paths("drawn_aircraft"))
    np.testing.assert_array_equal(tree.distances(), reference.distances())


def test_drawn_classes_are_those_of_the_data_set():
    lineage = {tuple(path) for path in recipe.drawn_aircraft.lineage()}
    assert {tuple(path) for path in recipe.class_paths("drawn_aircraft")} <= lineage
    images, labels = recipe.load("drawn_aircraft", "train", 2, None)
    assert images.shape == (24, 32, 32, 3) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [2] * 12
    other, _ = recipe.load("drawn_aircraft", "test", 2, None)
    assert (other != images).any(axis=(1, 2, 3)).all()


def test_mean_squared_error():
    logits = np.array([[1.0, 0.5, 0.0], [0.0, 0.0, -2.0]], "float32")
    loss = recipe.MeanSquaredError()
    value = loss(np.array([0, 2]), {"logits": logits})
    assert float(value) == pytest.approx((0.5 * 0.25 + 0.5 * 9) / 2)
    copied = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(copied, recipe.MeanSquaredError)


def test_centered_features():
    features = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    centered = recipe._centered(features, np.array([0, 0, 1]))
    # class means (2, 0) and (0, 4): their mean is (1, 2)
    np.testing.assert_array_equal(centered, [[0, -2], [2, -2], [-1, 2]])


def test_the_two_targets_differ():
    tree = kh.ClassTree.from_paths(recipe.class_paths("drawn_aircraft"))
    s_min = kh.frames.min_similarity(tree, recipe.GAMMA, "grid")
    frame = kh.frames.hierarchy_aware_frame(
        kh.frames.similarity(tree.distances(), recipe.GAMMA, s_min)
    )
    assert 0.5 < frame_gap(frame)["gram"] < 0.6
    assert frame_gap(frame, target=frame @ frame.T)["gram"] == pytest.approx(0, abs=1e-9)


def test_epoch_of_full_training_accuracy():
    history = {"top1": np.array([0.5, 1.0, 0.9, 1.0])}
    history |= {
        f"{s}_{m}": np.array([1.0, 0.5]) for s in ("train", "test") for m in recipe.MEASURES
    }
    row = recipe.final_row("a", history, {"top1": 0.3, "severity": 2.0})
    assert row["perfect_from_epoch"] == 2 and row["test_top1"] == 0.3 and row["train_nc1"] == 0.5
    history["top1"] = np.array([0.5, 0.9])
    assert (
        recipe.final_row("a", history, {"top1": 0.3, "severity": 2.0})["perfect_from_epoch"] == ""
    )


@pytest.mark.slow
def test_a_time_limit_is_that_of_all_runs(tmp_path):
    text = call.recipe("neural_collapse", "--smoke", "--max-minutes", 1e-9, "--output", tmp_path)
    assert "time is up after epoch 1 of 2" in text
    assert not (tmp_path / "final.csv").exists() and len(list(tmp_path.glob("*_seed0"))) == 1
