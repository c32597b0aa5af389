"""No table of all pairs of classes above 2,048 of them, from `build` to the served model."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests import large_k
from tests.trees import deep

TOP = pathlib.Path(__file__).parent.parent
pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports a SavedModel"),
    pytest.mark.filterwarnings("ignore:.*have no example:UserWarning"),
]


def refuse(*args, **kwargs):
    raise AssertionError("a K x K table")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """All steps at 3,000 classes, with every maker of tables of pairs refused."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("distances", "lca_table"):
            patch.setattr(kh.ClassTree, name, refuse)
        patch.setattr(kh.ClassTree, "ancestors", property(refuse))
        patch.setattr(kh.frames.TreeFrame, "dense", refuse)
        patch.setattr(kh.frames.TargetCosines, "matrix", refuse)
        return large_k.run(3_000, tmp_path_factory.mktemp("large"))


@pytest.mark.slow
def test_decisions_are_those_of_the_table(done):
    found, tree = done["found"], done["found"]["tree"]
    distances, p = tree.distances().astype(np.float64), found["p"].astype(np.float64)
    np.testing.assert_allclose(found["CRM"], -p @ distances, rtol=0, atol=2e-5)
    np.testing.assert_allclose(found["roll-up"], p @ tree.ancestors.T, rtol=0, atol=2e-6)
    on_path = (p @ tree.ancestors.T)[np.arange(64)[:, None], tree.paths[p.argmax(axis=1)]]
    on_path[:, 0] = 1
    deepest = np.where(on_path >= large_k.FLOOR, np.arange(tree.height + 1), 0).max(axis=1)
    floor = tree.paths[p.argmax(axis=1), deepest]
    np.testing.assert_array_equal(found["floor"], floor)
    np.testing.assert_array_equal(found["decided"].node, floor)
    family = p @ (tree.parents[: tree.num_classes, None] == tree.parents[: tree.num_classes])
    hie = p * family / (p * family).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["HiE"], hie, rtol=1e-4, atol=1e-9)
    assert len(found["sets"]) == 64 and (found["sets"].sizes > 0).all()


@pytest.mark.slow
def test_metrics_are_those_of_the_table(done):
    found, tree = done["found"], done["found"]["tree"]
    rows = tree.distances()[found["labels"]]
    order = np.argsort(-found["p"], axis=1, kind="stable")
    for k in (1, 5, 20):
        mean = np.take_along_axis(rows, order[:, :k], axis=1).mean()
        assert found["report"].summary[f"hier_dist_{k}"] == pytest.approx(mean, abs=1e-5)
        assert found["logs"][f"hier_dist_{k}"] == pytest.approx(mean, abs=0.02)


@pytest.mark.slow
def test_saved_and_served_answers(done):
    found, tree = done["found"], done["found"]["tree"]
    np.testing.assert_allclose(found["again"], found["p"], rtol=1e-4, atol=1e-8)
    served, decided = found["served"], found["decided"]
    assert [name.decode() for name in served["node_name"]] == decided.name
    assert [text.decode() for text in served["reason"]] == decided.reason
    np.testing.assert_allclose(served["node_probability"], decided.probability, rtol=1e-5)
    np.testing.assert_allclose(-served["decision_distance"], found["CRM"].max(axis=1), rtol=1e-4)
    best = [[name.decode() for name in row] for row in served["path"]]
    assert best == [tree.path(int(k)) for k in found["p"].argmax(axis=1)]
    assert kh.ClassTree.from_json(found["assets"] / "assets" / "tree.json") == tree


@pytest.mark.slow
def test_the_tree_takes_few_bytes_on_disk(done):
    sizes = done["bytes"]
    assert 20 < sizes[".keras"] < 64  # with the configuration of the model
    assert 20 < sizes["tree.json"] < 40
    tree = done["found"]["tree"]
    assert len(json.dumps(tree.get_config())) < 40 * tree.num_nodes


@pytest.mark.parametrize(
    ("method", "options", "what"),
    [
        ("label_embeddings", {}, "embedding of classes.*haframe"),
        ("devise", {}, "embedding of classes.*haframe"),
    ],
)
def test_methods_of_all_pairs_refuse(method, options, what):
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match=what.replace(".*", ".*up to 2,048 of them.*")):
        kh.build(keras.Model(inputs, inputs), deep(3_000), method, network="I", **options)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [3_000])
def test_a_hundred_thousand_classes_in_bounded_memory(limit, tmp_path):
    """A K x K table of single bytes would take 10 GB."""
    command = [sys.executable, "-m", "tests.large_k", "100000", str(tmp_path), str(limit)]
    ended = subprocess.run(
        command, cwd=TOP, env={**os.environ, "PYTHONPATH": str(TOP)}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr[-2_000:]
    sizes = json.loads(ended.stdout.splitlines()[-1])["bytes"]
    assert sizes[".keras"] < 64 and sizes["tree.json"] + sizes["graph"] < 90
