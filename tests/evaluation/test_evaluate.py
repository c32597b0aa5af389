"""The numbers of an evaluation against the metrics and against loops; what it prints and writes."""

import json
import warnings

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import decisions, metrics
from keras_haframe.evaluation import scores as in_work
from tests import trees
from tests.brute_force import softmax
from tests.results.test_page import Page


def case(tree, n=200, seed=0):
    """Labels and logits that fall off with the distance to the label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, tree.num_classes, n)
    return labels, rng.normal(size=(n, tree.num_classes)) * 1.5 - tree.distances()[labels]


TREES = {name: trees.TREES[name]() for name in ("worked", "uneven", "random")}


@pytest.fixture(params=sorted(TREES))
def any_tree(request):
    return TREES[request.param]


@pytest.mark.parametrize("convention", ["depth", "subtree"])
def test_numbers(any_tree, convention, monkeypatch):
    monkeypatch.setattr(in_work, "ROWS", 37 * any_tree.num_classes)  # several parts
    tree, (labels, z) = any_tree, case(any_tree)
    p = softmax(z)
    report = kh.evaluate(labels, z, tree, convention=convention)
    expected = metrics.summary(labels, z, tree, convention=convention)
    assert report.summary == pytest.approx(expected, rel=1e-5)
    best = z.argmax(1)
    distances = tree.distances(convention)[labels, best]
    for row in report.heights:
        assert row["mistakes"] == int(((distances == row["height"]) & (best != labels)).sum())
    assert sum(row["mistakes"] for row in report.heights) == expected["mistakes"]
    for row in report.levels:
        level = row["level"]
        hits = metrics.level_accuracy(labels, z, tree, level)
        assert row["accuracy"] == pytest.approx(float(np.mean(np.asarray(hits))))
        nodes = np.asarray(decisions.level_probabilities(p, tree, level))
        truth = tree.level_labels()[labels, -level]
        assert row["rolled_up_accuracy"] == pytest.approx((nodes.argmax(1) == truth).mean())
        assert row["confidence"] == pytest.approx(nodes.max(1).mean(), rel=1e-5)
        ece = metrics.level_calibration_error(labels, z, tree, level)
        assert row["calibration_error"] == pytest.approx(float(ece), abs=1e-5)
    for i, row in enumerate(report.classes):
        own, given = labels == i, best == i
        assert row["class"] == tree.leaves[i] and row["examples"] == own.sum()
        assert row["accuracy"] == pytest.approx(given[own].mean())
        assert row["precision"] == pytest.approx(own[given].mean(), nan_ok=True)
        wrong = np.bincount(best[own & ~given], minlength=tree.num_classes)
        assert row["wrong_answers"] == wrong.max()
        if wrong.max():
            assert wrong[tree.index(row["wrong_answer"])] == wrong.max()
    for row in report.confused:
        y, a = tree.index(row["class"]), tree.index(row["answer"])
        assert row["times"] == ((labels == y) & (best == a)).sum()
        assert row["height"] == tree.distances(convention)[y, a]
        assert {row["class"], row["answer"]} <= {
            tree.leaves[k] for k in trees.classes_below(tree, tree.index(row["in_common"]))
        }
    times = [row["times"] for row in report.confused]
    assert times == sorted(times, reverse=True)


def test_what_rules_and_coarser_answers_change(any_tree):
    tree, (labels, z) = any_tree, case(any_tree)
    p = softmax(z)
    report = kh.evaluate(labels, z, tree, floors=(0.4, 0.8))
    for row in report.rules[1:]:
        scores = decisions.rescore(z, tree, row["rule"])
        assert row["top1"] == pytest.approx((scores.argmax(1) == labels).mean())
        assert row["changed"] == pytest.approx((scores.argmax(1) != z.argmax(1)).mean())
    assert report.rules[0]["changed"] == 0 and report.rules[0]["top1"] == report.summary["top1"]
    coverage = metrics.node_coverage(tree)
    rows = {row["answer"]: row for row in report.coarser}
    for floor in (0.4, 0.8):
        nodes = np.asarray(decisions.confidence_floor(p, tree, floor))
        row = rows[f"floor {floor}"]
        assert row["right"] == pytest.approx(tree.ancestors[nodes, labels].mean())
        assert row["classes"] == pytest.approx((nodes < tree.num_classes).mean())
        assert row["root"] == pytest.approx((nodes == tree.num_nodes - 1).mean())
        assert row["coverage"] == pytest.approx(coverage[nodes].mean())
    first = report.levels[0]["accuracy"]
    assert tree.height == 1 or rows["level 1 for all"]["right"] == pytest.approx(first)
    curve = metrics.operating_curve(labels, p, tree, thresholds=report.curve.thresholds)
    np.testing.assert_allclose(report.curve.correctness, curve.correctness, atol=1e-9)
    assert report.curve.area == pytest.approx(curve.area)


def test_logits_and_probabilities_are_told_apart(tree):
    labels, z = case(tree)
    p = softmax(z)
    said = kh.evaluate(labels, z, tree, kind="logits"), kh.evaluate(labels, p, tree)
    for report, kind in zip(said, ("logits", "probabilities")):
        assert report.kind == kind
        np.testing.assert_allclose(report.probabilities, p, rtol=1e-5)
    assert "as probabilities: rows are not negative and sum to 1" in said[1].notes[0]
    assert "taken as logits" in kh.evaluate(labels, z, tree).notes[0]
    rounded = kh.evaluate(labels, p.round(4), tree)  # as in a table
    assert rounded.kind == "probabilities"
    assert np.abs(rounded.probabilities.sum(1) - 1).max() < 1e-9
    half = kh.evaluate(labels, p.astype(np.float16), tree)
    assert half.kind == "probabilities"


def test_text_and_json(tree):
    labels, z = case(tree)
    report = kh.evaluate(labels, z, tree, name="net")
    shown = str(report)
    assert shown.startswith("net: 200 examples, 4 classes, tree of height 2\nScores are taken as")
    for title, (head, body) in report.tables().items():
        assert title in shown and head[0] in shown and body
    right = kh.evaluate([0, 1], np.eye(4)[:2] * 5.0, tree, kind="logits")  # no mistake
    plain = json.loads(json.dumps(right.to_dict(), allow_nan=False))
    assert plain["summary"]["severity"] is None and plain["classes"][3]["accuracy"] is None
    assert plain["curve"]["thresholds"][-1] is None and plain["tree"]["classes"] == 4
    assert "2 of them without an example" in str(right) and "Most confused" not in str(right)
    assert repr(right) == "<Evaluation of 2 examples: top-1 1.0000, severity nan>"


def test_page(tree, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_haframe.results.figure.DPI", 30)
    edges = [("<b>", "a&b"), ("<b>", '"c"'), ("top", "<b>"), ("top", "d")]
    odd = kh.ClassTree(edges)
    labels, z = case(odd)
    path = kh.evaluate(labels, z, odd, name="<script>").to_html(tmp_path / "page.html")
    page = Page(path.read_text(encoding="utf-8"))  # fails on what does not nest
    assert len(page.all("script")) == 2 and len(page.all("img")) >= 4
    assert all(tag["src"].startswith("data:image/png;base64,") for tag in page.all("img"))
    assert "<script>" in page.words and "a&b" in page.words and '"c"' in page.words
    notebook = Page(kh.evaluate(labels, z, odd)._repr_html_())
    assert not notebook.all("img") and len(notebook.all("table")) == 6
    many = trees.wide(20, 5)
    report = kh.evaluate(*case(many, 2000), many)
    assert "88 more" in report._repr_html_() and "... and 90 more" in str(report)


def test_labels_that_are_numbered_otherwise_are_told():
    tree = trees.wide(5, 4)
    labels, z = case(tree, 800)
    z = z / 3 - 2 * tree.distances()[labels]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        kh.evaluate(labels, z, tree)
        kh.evaluate(labels, np.random.default_rng(0).normal(size=z.shape), tree)  # knows nothing
        kh.evaluate(labels, np.tile(z[:1], (800, 1)), tree)  # always the same answer
    order = np.argsort(tree.leaves)  # c0, c1, c10, c11, ...
    with pytest.warns(UserWarning, match="number the classes differently: top-1 is"):
        report = kh.evaluate(labels, z[:, order], tree)
    assert "names of classes" in report.notes[-1]
    with pytest.warns(UserWarning, match="start at 0"):
        kh.evaluate((labels + 1) % 20, z, tree)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda y, z: (y[:-1], z), "one label per row of scores. Received: 199 labels, 200 rows"),
        (lambda y, z: (np.eye(4)[y], z), "They look one-hot: use `numpy.argmax"),
        (lambda y, z: (y + 1, z), "If labels start at 1, subtract 1"),
        (lambda y, z: (y.astype(float), z), "Labels must be integer class indices"),
        (
            lambda y, z: (["car"] * 199 + ["trukc"], z),
            "'trukc' is not a class of the tree. Did",
        ),
        (lambda y, z: (["land"] * 200, z), "'land' is an inner node: labels are classes"),
        (lambda y, z: (y, z.T), "They look transposed: use `scores.T`"),
        (lambda y, z: (y, np.c_[z, z[:, 0]]), "1 more than classes, a background class perhaps"),
        (lambda y, z: (y, z[:, :3]), "1 classes of the tree have no scores"),
        (lambda y, z: (y, z.argmax(1)), "Predicted classes alone are not enough"),
        (lambda y, z: (y, np.eye(4, dtype=int)[y]), "`scores` must be floats, logits or prob"),
        (lambda y, z: (y, np.where(np.arange(4) == 2, np.nan, z)), "no NaN. Received: 200 rows"),
        (lambda y, z: (y, z * np.inf), "finite largest score"),
        (lambda y, z: (y, z.astype(str)), "`scores` must be floats. Received dtype"),
        (lambda y, z: ([], z[:0]), "At least 1 example is needed"),
        (lambda y, z: (y, 100 * softmax(z)), "They may be percent: divide by 100"),
        (lambda y, z: (y, softmax(np.c_[z, z])[:, :4]), "may be probabilities that lack classes"),
        (lambda y, z: (None, z), "there are none in `scores` either"),
        (lambda y, z: ("label", z), "arrays have no column 'label'"),
    ],
)
def test_mistakes_are_one_clear_error(tree, change, message):
    with pytest.raises(ValueError, match=message):
        kh.evaluate(*change(*case(tree)), tree)


def test_kind_that_does_not_fit(tree):
    labels, z = case(tree)
    with pytest.raises(ValueError, match="Use kind='probabilities'"):
        kh.evaluate(labels, softmax(z), tree, kind="logits")
    with pytest.raises(ValueError, match="These look like scores"):
        kh.evaluate(labels, z, tree, kind="probabilities")
    with pytest.raises(ValueError, match="`kind` must be one of"):
        kh.evaluate(labels, z, tree, kind="scores")
    with pytest.raises(ValueError, match="`floors` must be a probability from 0 to 1"):
        kh.evaluate(labels, z, tree, floors=[80])
    sigmoid = 1 / (1 + np.exp(-z))
    assert kh.evaluate(labels, sigmoid, tree, kind="logits").kind == "logits"
