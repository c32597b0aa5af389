"""`haframe evaluate` and `haframe decide`."""

import json
import pathlib

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import cli
from tests.brute_force import softmax
from tests.evaluation.test_evaluate import case


@pytest.fixture
def files(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels, z = case(tree, 50)
    np.savez("net.npz", scores=z, labels=labels)
    tree.to_json("tree.json")
    names = [tree.leaves[k] for k in labels]
    (tmp_path / "labels.txt").write_text("\n".join(names))
    (tmp_path / "tree.csv").write_text("class,group\ncar,land\ntruck,land\njet,air\nglider,air\n")
    return labels, z


def told(capsys, *words):
    code = cli.main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_evaluate(files, tree, capsys, tmp_path):
    labels, z = files
    report = kh.evaluate(labels, z, tree, name="net")
    assert told(capsys, "evaluate", "net.npz", "tree.json") == (0, f"{report}\n", "")
    words = ["--labels", "labels.txt", "--name", "ours", "--html", "page.html", "--json"]
    code, out, _ = told(capsys, "evaluate", "net.npz", "tree.csv", *words)
    found = json.loads(out)
    assert code == 0 and found["name"] == "ours"
    assert found["summary"] == pytest.approx(report.to_dict()["summary"])
    assert "<title>ours</title>" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_decide(files, tree, capsys, tmp_path):
    labels, z = files
    p = softmax(z)
    found = kh.decide(p, tree, floor=0.6)
    assert told(capsys, "decide", "net.npz", "tree.json", "--floor", "0.6") == (0, f"{found}\n", "")
    (tmp_path / "list.txt").write_text("car\n\nair\n")
    words = ["--allowed", "@list.txt", "truck", "--rule", "CRM", "--json", "--floor", "0.7"]
    code, out, _ = told(capsys, "decide", "net.npz", "tree.json", *words)
    found = kh.decide(p, tree, floor=0.7, allowed=["car", "air", "truck"], rule="CRM")
    assert code == 0 and [row["reason"] for row in json.loads(out)] == found.reason
    words = ["--accuracy", "0.8", "--calibration", "net.npz", "--all"]
    code, out, _ = told(capsys, "decide", "net.npz", "tree.json", *words)
    found = kh.decide(p, tree, accuracy=0.8, calibration=(labels, p))
    assert code == 0 and out == found.table(50) + "\n" and "more" not in out


@pytest.mark.parametrize(
    "words, message",
    [
        (["evaluate", "absent.npz", "tree.json"], "No such file: absent.npz"),
        (["evaluate", "net.npz", "tree.yaml"], "No such file or directory: 'tree.yaml'"),
        (["evaluate", "net.npz", "tree.json", "--labels", "truth"], "no array 'truth' of labels"),
        (["decide", "net.npz", "tree.json", "--allowed", "trcuk"], "Did you mean 'truck'"),
        (["decide", "net.npz", "tree.json", "--floor", "80"], "`floor` must be a probability"),
        (["decide", "net.npz", "tree.json", "--accuracy", "0.9"], "needs `calibration="),
        (["decide", "net.npz", "tree.json", "--allowed", "@none.txt"], "none.txt"),
    ],
)
def test_mistakes_are_one_line(files, capsys, words, message):
    code, out, err = told(capsys, *words)
    assert code == 1 and not out and err.count("\n") == 1 and message in err
    with pytest.raises(SystemExit) as stop:
        cli.main([words[0], "net.npz"])
    assert stop.value.code == 2


def test_warnings_are_a_line_each(files, capsys):
    pathlib.Path("birds.csv").write_text("top;thing\nland;car\nland;truck\nair;jet\nair;glider\n")
    with pytest.warns(UserWarning, match="from the coarsest"):
        kh.ClassTree.from_csv("birds.csv")
    code, _, err = told(capsys, "evaluate", "net.npz", "birds.csv", "--labels", "labels.txt")
    assert code == 0 and err.count("\n") == 1
    assert err.startswith("warning: birds.csv: columns are read from the coarsest")
