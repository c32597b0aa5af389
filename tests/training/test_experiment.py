"""Experiments: rows and seeds, decision rules, what is kept and refused, a stop and going on."""

import csv
import json
import types

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import metrics
from keras_haframe.data import ArrayBatches
from keras_haframe.decisions import rescore
from keras_haframe.results import read_folder, read_scores, run_folder
from keras_haframe.training import Experiment, RunSettings, compare, epoch_cosine, run_seeds
from tests.networks import data

ROWS = {"cross-entropy": ("cross_entropy", {}), "HAFrame, 1": ("haframe", {"gamma": 1.0})}


def make(tree, built=None, **changes):
    images, labels = data(tree, 4)

    def make_model(method, options, synchronized):
        if built is not None:
            built.append((method, options))
        inputs = keras.Input((6, 6, 3))
        net = keras.Model(inputs, keras.layers.Conv2D(6, 3)(inputs))
        model = kh.build(net, tree, method, network="II", synchronized=synchronized, **options)
        model.compile(keras.optimizers.SGD(0.05), run_eagerly=True)
        return model

    facts = {
        "tree": tree, "make_model": make_model, "epochs": 2, "test": (images, labels),
        "make_train": lambda seed: ArrayBatches(images, labels, 8, seed).from_epoch,
        "settings": {"name": "tiny"},
    }  # fmt: skip
    return Experiment(**{**facts, **changes})


def share_of_class_0(scores, labels):
    return {"zeros": float((scores.argmax(1) == 0).mean()), "true": float((labels == 0).mean())}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    folder, built = tmp_path_factory.mktemp("experiment"), []
    experiment = make(tree, built, measure=share_of_class_0)
    return folder, experiment, built, compare(experiment, ROWS, range(2), folder, verbose=0)


@pytest.mark.slow
def test_one_result_per_row_rule_and_seed(done):
    folder, experiment, _, results = done
    keys = {(r["method"], r["decision"], r["seed"]) for r in results}
    assert keys == {(m, d, s) for m in ROWS for d in ("", "CRM", "HiE") for s in (0, 1)}
    for r in results:
        scores, labels = read_scores(run_folder(folder, r["method"], r["seed"]), 4)
        np.testing.assert_array_equal(labels, experiment.test[1])
        decided = rescore(scores, experiment.tree, r["decision"])
        for key, value in metrics.summary(labels, decided, experiment.tree).items():
            assert r[key] == pytest.approx(value, nan_ok=True)
        assert r["zeros"] == (decided.argmax(1) == 0).mean() and r["true"] == 0.25
        assert r["best_epoch"] == 2 and r["train_minutes"] >= 0


def test_every_seed_has_a_frame_of_its_own(done):
    _, _, built, _ = done
    assert built == [
        ("cross_entropy", {}), ("haframe", {"gamma": 1.0, "seed": 0}),
        ("cross_entropy", {}), ("haframe", {"gamma": 1.0, "seed": 1}),
    ]  # fmt: skip


def test_the_folder_is_an_experiment(done):
    folder, experiment, _, results = done
    assert {p.name for p in folder.iterdir()} == {
        "settings.json", "tree.json", "results.csv", "cross-entropy_seed0", "cross-entropy_seed1",
        "HAFrame__1_seed0", "HAFrame__1_seed1",
    }  # fmt: skip
    with open(folder / "results.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["method"] for line in lines] == [r["method"] for r in results]
    assert float(lines[1]["top1"]) == pytest.approx(results[1]["top1"])
    run = read_folder(folder)
    assert run.tree == experiment.tree and len(run.histories) == 4
    assert run.predictions.names == ("HAFrame, 1", "cross-entropy")
    one = json.loads((folder / "HAFrame__1_seed1/settings.json").read_text())
    assert one["method"] == "haframe" and one["options"] == {"gamma": 1.0, "seed": 1}
    assert one["name"] == "tiny" and one["epochs"] == 2 and one["seed"] == 1


def test_finished_runs_are_not_repeated(done):
    folder, experiment, built, results = done
    before = len(built)
    again = compare(experiment, ROWS, [0], folder, verbose=0)
    assert again == [r for r in results if r["seed"] == 0] and len(built) == before
    with open(folder / "results.csv", newline="") as file:  # those of seed 1 stay
        assert len(list(csv.DictReader(file))) == len(results)


@pytest.mark.slow
def test_a_comparison_goes_on_inside_a_run(tree, tmp_path):
    """Stopped after every epoch it ends as one that was not; finished runs are in results.csv."""
    whole = compare(make(tree), ROWS, [3], tmp_path / "whole", verbose=0)
    finished = []
    while (parts := compare(
        make(tree), ROWS, [3], tmp_path / "parts", max_minutes=1e-9, verbose=0
    )) is None:  # fmt: skip
        kept = tmp_path / "parts/results.csv"
        finished.append(kept.read_text().count("\n") if kept.exists() else 0)
    assert finished == [0, 4, 4]  # none; header and three rules of the first row, twice
    for row in ROWS:
        a, b = (read_scores(run_folder(tmp_path / f, row, 3), 4)[0] for f in ("whole", "parts"))
        np.testing.assert_array_equal(a, b)
    assert [r["top1"] for r in parts] == [r["top1"] for r in whole]


@pytest.mark.slow
def test_the_time_is_that_of_the_whole_comparison(tree, tmp_path, monkeypatch):
    """A minute by this clock passes whenever it is looked at: the second run is not begun."""
    ticks = iter(range(0, 10**9, 60))
    clock = types.SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr("keras_haframe.training.experiment.time", clock)
    built = []
    experiment = make(tree, built, epochs=1)
    assert compare(experiment, ROWS, [0, 1], tmp_path, max_minutes=0.5, verbose=0) is None
    assert [method for method, _ in built] == ["cross_entropy"]
    assert compare(experiment, ROWS, [0, 1], tmp_path, max_minutes=1e9, verbose=0) is not None
    with pytest.raises(ValueError, match="max_minutes"):
        compare(experiment, ROWS, [0, 1], tmp_path, max_minutes=0, verbose=0)


def test_the_model_of_a_finished_run(done):
    """Without naming method, options and seed again: the run's folder knows them."""
    folder, experiment, _, _ = done
    for row in ROWS:
        model = experiment.trained(folder, row, 1)
        scores, _ = read_scores(run_folder(folder, row, 1), 4)
        found = model.predict(experiment.test[0], verbose=0)
        np.testing.assert_allclose(found, scores, atol=1e-6)
    with pytest.raises(ValueError, match=r"HAFrame__1_seed7 holds no finished run"):
        experiment.trained(folder, "HAFrame, 1", 7)


def test_runs_under_other_settings_are_refused(done):
    folder, experiment, _, _ = done
    with pytest.raises(ValueError, match="epochs=2; now it is epochs=1"):
        compare(make(experiment.tree, epochs=1), ROWS, [0], folder, verbose=0)
    with pytest.raises(ValueError, match=r"options=.*'gamma': 1.0.*now it is .*'gamma': 2.0"):
        compare(experiment, {"HAFrame, 1": ("haframe", {"gamma": 2.0})}, [0], folder, verbose=0)


@pytest.mark.parametrize(
    ("rows", "rules", "message"),
    [
        ({"x": ("no_such_method", {})}, ("",), "Unknown method"),
        ({"x": ("haframe", {"beta": 1})}, ("",), "Unknown option"),
        (ROWS, ("best",), "Unknown decision rule 'best'"),
    ],
)
def test_mistakes_show_before_any_training(tree, tmp_path, rows, rules, message):
    built = []
    with pytest.raises(ValueError, match=message):
        compare(make(tree, built), {**ROWS, **rows}, [0], tmp_path, rules=rules, verbose=0)
    assert not built and not list(tmp_path.iterdir())


def test_rows_may_differ_in_their_networks(tree, tmp_path):
    built, row = [], ("cross_entropy", {"pooling": "max", "reduce_init": "normal"})
    experiment = make(tree, built, epochs=1)
    (result,) = compare(experiment, {"x": row}, [0], tmp_path, rules=[""], verbose=0)
    assert built == [row]
    assert result["parameters"] == experiment.trained(tmp_path, "x").count_params()


@pytest.mark.slow
def test_a_row_over_seeds_prints_its_table(tree, tmp_path, capsys):
    settings = RunSettings(epochs=2, seeds=2, seed=3, output=str(tmp_path))
    rates = []

    class Rate(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    experiment = make(
        tree, callbacks=lambda: [epoch_cosine(0.05, 2), Rate()], settings=settings.defining()
    )
    results = run_seeds(settings, experiment, ("haframe", {}), "mine")
    assert [(r["decision"], r["seed"]) for r in results] == [
        ("", 3),
        ("CRM", 3),
        ("", 4),
        ("CRM", 4),
    ]
    assert rates == pytest.approx([0.05, 0.025] * 2)
    printed = capsys.readouterr().out
    assert "16 test images" in printed and "| mine + CRM |" in printed and "mine, seed 4" in printed
