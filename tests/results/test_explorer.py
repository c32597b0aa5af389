"""Data of the interactive tree, against loops and the evaluation."""

import json
import re

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import decisions
from keras_haframe.results import explorer
from tests.brute_force import softmax
from tests.plots.conftest import scores_of
from tests.results.test_page import Page
from tests.trees import TREES

ODD = "</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("name", ["worked", "uneven", "random"])
def test_counts_of_nodes(name):
    tree = TREES[name]()
    scores, labels = scores_of(tree, 150)
    found = explorer.content(kh.evaluate(labels, scores, tree))
    best = scores.argmax(axis=1)
    for node in range(tree.num_nodes):
        below = [node in set(tree.paths[k].tolist()) for k in range(tree.num_classes)]
        own = np.array(below)[labels]
        assert found["images"][node] == own.sum()
        assert found["inside"][node] == (own & np.array(below)[best]).sum()
    assert found["parents"][-1] == -1 and found["parents"][:-1] == tree.parents[:-1].tolist()


def test_mistakes_worst_first(tree):
    scores, labels = scores_of(tree, 150)
    found = explorer.content(kh.evaluate(labels, scores, tree))["mistakes"]
    best, p, distances = scores.argmax(axis=1), softmax(scores), tree.distances()
    assert sum(times for _, _, times, _, _ in found) == (best != labels).sum()
    for label, answer, times, height, sure in found:
        rows = (labels == label) & (best == answer)
        assert times == rows.sum() and height == distances[label, answer]
        assert sure == pytest.approx(p[rows, answer].max(), abs=1e-3)
    order = [(-height, -sure) for *_, height, sure in found]
    assert order == sorted(order)


def test_the_slider_is_the_floor():
    tree = TREES["uneven"]()
    scores, labels = scores_of(tree, 150)
    p = softmax(scores)
    curve = explorer.content(kh.evaluate(labels, p, tree, kind="probabilities"))["curve"]
    assert curve[0][0] == 0 and curve[-1][0] == 1
    for floor, right, _, classes in curve[20::30]:
        nodes = np.asarray(decisions.confidence_floor(p, tree, floor))
        above = [n in set(tree.paths[y].tolist()) for n, y in zip(nodes, labels)]
        assert right == pytest.approx(np.mean(above), abs=1e-4)
        assert classes == pytest.approx((nodes < tree.num_classes).mean(), abs=1e-4)


def test_names_are_harmless():
    """Names that would end the data or begin an element stay text."""
    names = [ODD, "<!--<script>", "a&amp;b", "'\"\\"]
    tree = kh.ClassTree([("root", name) for name in names])
    scores, labels = scores_of(tree, 40)
    source = explorer.explorer(kh.evaluate(labels, scores, tree))
    page = Page(source)
    assert not page.all("img") and len(page.all("script")) == 1
    data = re.search(r'id="explorer-data">(.*?)</script>', source, re.S)[1]
    assert not set("<>&") & set(data)
    assert json.loads(data)["names"] == [name.split("/")[-1] for name in tree.nodes]


def test_a_page_holds_a_bounded_list(monkeypatch):
    monkeypatch.setattr(explorer, "MOST", 5)
    tree = TREES["random"]()
    scores, labels = scores_of(tree, 150, lead=0.0)
    report = kh.evaluate(labels, scores, tree)
    assert len(explorer.content(report)["mistakes"]) == 5


def test_controls_have_labels(tree):
    scores, labels = scores_of(tree, 40)
    page = Page(explorer.explorer(kh.evaluate(labels, scores, tree)))
    assert {x["for"] for x in page.all("label")} == {x["id"] for x in page.all("input")}
    assert {"explorer-floor", "explorer-find"} == {x["id"] for x in page.all("input")}
    used = set(re.findall(r'getElementById\("([\w-]+)"\)', explorer.SCRIPT))
    assert used == {x["id"] for _, x in page.tags if "id" in x}
