"""Comparisons: what a run keeps, what is repeated, what is refused."""

import json

import keras
import numpy as np
import pytest

from keras_haframe.decisions import rescore
from keras_haframe.training import Task, compare, grouped, kept_scores
from tests.methods.contract import data

ROWS = {"cross-entropy": ("cross_entropy", {}), "HAFrame": ("haframe", {"gamma": 1.0})}


def make_task(tree, built=None, **changes):
    images, labels = data(tree, 4)

    def backbone():
        if built is not None:
            built.append(1)
        inputs = keras.Input((6, 6, 3))
        return keras.Model(inputs, keras.layers.Conv2D(6, 3)(inputs))

    facts = {
        "name": "tiny", "tree": tree, "backbone": backbone, "inputs": images, "labels": labels,
        "batches": lambda seed: _Batches(images, labels),
        "optimizer": lambda model: keras.optimizers.SGD(0.05), "epochs": 2,
    }  # fmt: skip
    return Task(**{**facts, **changes})


class _Batches(keras.utils.PyDataset):
    def __init__(self, images, labels):
        super().__init__()
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels) // 8

    def __getitem__(self, i):
        return self.images[8 * i : 8 * i + 8], self.labels[8 * i : 8 * i + 8]


def test_one_result_per_method_rule_and_seed(tree, tmp_path):
    task = make_task(tree)
    results = compare(task, ROWS, range(2), tmp_path, verbose=0)
    keys = {(r["method"], r["decision"], r["seed"]) for r in results}
    assert keys == {(m, d, s) for m in ROWS for d in ("", "CRM", "HiE") for s in (0, 1)}
    for r in results:
        scores = rescore(kept_scores(tmp_path, r["method"], r["seed"]), tree, r["decision"])
        assert r["top1"] == pytest.approx((scores.argmax(-1) == task.labels).mean())
        assert r["train_seconds"] > 0
    first, second = (kept_scores(tmp_path, "HAFrame", seed) for seed in (0, 1))
    assert np.abs(first - second).max() > 0


def test_finished_runs_are_not_repeated(tree, tmp_path):
    built = []
    first = compare(make_task(tree, built), ROWS, [0], tmp_path, verbose=0)
    assert len(built) == 2
    again = compare(make_task(tree, built), ROWS, [0, 1], tmp_path, verbose=0)
    assert len(built) == 4  # the second seed alone
    assert [r for r in again if r["seed"] == 0] == first


def test_same_seed_gives_the_same_scores(tree, tmp_path):
    for folder in ("a", "b"):
        compare(make_task(tree), {"HAFrame": ROWS["HAFrame"]}, [3], tmp_path / folder, verbose=0)
    np.testing.assert_array_equal(
        kept_scores(tmp_path / "a", "HAFrame", 3), kept_scores(tmp_path / "b", "HAFrame", 3)
    )


def test_a_run_cut_off_leaves_nothing_that_counts(tree, tmp_path):
    def stop():
        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise KeyboardInterrupt

        return [Stop()]

    with pytest.raises(KeyboardInterrupt):
        compare(make_task(tree, callbacks=stop), ROWS, [0], tmp_path, verbose=0)
    assert not list(tmp_path.rglob("*.npz"))
    assert len(compare(make_task(tree), ROWS, [0], tmp_path, verbose=0)) == 6


def test_runs_under_other_settings_are_refused(tree, tmp_path):
    compare(make_task(tree), {"HAFrame": ROWS["HAFrame"]}, [0], tmp_path, verbose=0)
    with pytest.raises(ValueError, match="epochs=2; now it is epochs=3"):
        compare(make_task(tree, epochs=3), ROWS, [0], tmp_path, verbose=0)
    with pytest.raises(ValueError, match=r"made with .*now asks for"):
        compare(make_task(tree), {"HAFrame": ("haframe", {"gamma": 2.0})}, [0], tmp_path, verbose=0)
    assert json.loads((tmp_path / "settings.json").read_text())["epochs"] == 2


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
        compare(make_task(tree, built), {**ROWS, **rows}, [0], tmp_path, rules, verbose=0)
    assert not built


def test_decide_is_the_decision_rules(tree):
    scores = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_array_equal(rescore(scores, tree), scores)
    risk = -probabilities @ tree.distances()
    np.testing.assert_allclose(rescore(scores, tree, "CRM"), risk, rtol=1e-5)
    parents = probabilities.reshape(5, 2, 2).sum(2).repeat(2, axis=1)  # land, land, air, air
    product = probabilities * parents
    expected = product / product.sum(1, keepdims=True)
    np.testing.assert_allclose(rescore(scores, tree, "HiE"), expected, rtol=1e-5)


def test_grouped_by_row(tree):
    results = [
        {"method": m, "decision": d, "seed": s, "top1": 0.5}
        for m in ("a", "b") for d in ("", "CRM") for s in (0, 1)
    ]  # fmt: skip
    assert list(grouped(results)) == ["a", "b"]
    assert list(grouped(results, "CRM")) == ["a + CRM", "b + CRM"]
    assert [r["seed"] for r in grouped(results)["a"]] == [0, 1]
