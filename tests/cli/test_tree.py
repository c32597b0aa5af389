"""`haframe tree`: output, JSON, exit status, one line for what goes wrong."""

import json
import os
import subprocess
import sys

import pytest

import keras_haframe as kh
from keras_haframe import cli
from keras_haframe.tree import writers
from tests.trees import SHAPES, TREES

BIRDS = "kingdom,family,species\nAnimalia,L,gull\nAnimalia,L,tern\nAnimalia,O,owl\n"


@pytest.fixture
def birds(tmp_path):
    path = tmp_path / "birds.csv"
    path.write_text(BIRDS)
    return str(path)


def run(capsys, *argv):
    status = cli.main(["tree", *map(str, argv)])
    out, err = capsys.readouterr()
    return status, out, err


def test_check(capsys, birds):
    status, out, err = run(capsys, "check", birds)
    assert (status, err) == (0, "")
    assert out == f"{kh.ClassTree.from_csv(birds)}\n" and "levels kingdom > family > species" in out
    found = json.loads(run(capsys, "check", birds, "--json")[1])
    assert found["classes"] == ["gull", "tern", "owl"] and found["num_nodes"] == 6
    assert found["warnings"] == [] and found["source"].endswith("kingdom > family > species")


def test_warnings_are_told(capsys, birds):
    status, _, err = run(capsys, "check", birds, "--columns", "species, family")
    assert status == 0 and err.startswith("warning: ") and err.count("\n") == 1
    found = json.loads(run(capsys, "check", birds, "--columns", "species,family", "--json")[1])
    assert len(found["warnings"]) == 1


def test_render(capsys, birds):
    assert run(capsys, "render", birds, "--lines", 3)[1].splitlines()[1:] == [
        "├── L", "... (4 more nodes)"
    ]  # fmt: skip
    config = json.loads(run(capsys, "render", birds, "--json")[1])
    assert kh.ClassTree.from_config(config) == kh.ClassTree.from_csv(birds)


@pytest.mark.parametrize("options", [["--separator", "\\t"], ["--no-header"], []])
def test_options_of_csv_files(capsys, tmp_path, options):
    path = tmp_path / "a.tsv"
    path.write_text("car\tland\nbus\tland\njet\tair\n")
    status, out, _ = run(capsys, "check", path, *options)
    assert status == 0 and "classes: car, bus, jet" in out
    status, out, _ = run(capsys, "check", path, "--no-header", "--columns", "1")
    assert status == 0 and "classes: land, air" in out


@pytest.mark.parametrize("name", sorted({**TREES, **SHAPES}))
@pytest.mark.parametrize("kind", ["json", "csv", "edges"])
def test_trees_are_read_back(tmp_path, name, kind):
    tree = {**TREES, **SHAPES}[name]()
    path = tmp_path / f"t.{'json' if kind == 'json' else 'csv'}"
    writers.write(tree, path, kind)
    again = kh.tree.read(path)
    assert not tree.diff(again)
    assert again == tree or kind == "csv"  # levels name inner nodes class by class


def test_convert(capsys, birds, tmp_path):
    status, out, _ = run(capsys, "convert", birds, tmp_path / "t.json")
    assert status == 0 and out.endswith("t.json: 3 classes, 6 nodes, as json\n")
    assert kh.ClassTree.from_json(tmp_path / "t.json") == kh.ClassTree.from_csv(birds)
    found = json.loads(run(capsys, "convert", birds, tmp_path / "e", "--to", "edges", "--json")[1])
    assert found["as"] == "edges" and (tmp_path / "e").read_text().startswith("parent,child\n")
    run(capsys, "convert", birds, tmp_path / "t.dot")
    lines = (tmp_path / "t.dot").read_text().splitlines()
    assert lines[0] == "digraph tree {" and '  n0 [label="gull"];' in lines
    assert sum("->" in line for line in lines) == 5
    assert run(capsys, "convert", birds, tmp_path / "t.xml")[0] == 2
    assert not (tmp_path / "t.xml").exists()


def test_names_in_dot_are_quoted():
    tree = kh.ClassTree([("r", 'a"b'), ("r", "c\\")])
    assert r'[label="a\"b"]' in writers.dot(tree) and r'[label="c\\"]' in writers.dot(tree)
    with pytest.raises(ValueError, match="`format` must be json, csv, edges, dot"):
        writers.write(tree, "x", "xml")


def test_doctor(capsys, birds, tmp_path):
    assert run(capsys, "doctor", birds)[0] == 0
    (tmp_path / "birds.csv").write_text(BIRDS + "Animalia,O,gull\nAnimalia,L,gull\n")
    status, out, _ = run(capsys, "doctor", birds, "--repair", tmp_path / "mended.json")
    assert status == 1 and "two parents: 'gull' lies below 'L' (2 times) and 'O' (1 times)" in out
    assert out.endswith("mended.json: written with 1 repairs\n")
    assert kh.ClassTree.from_json(tmp_path / "mended.json").path("gull")[1] == "L"
    found = json.loads(run(capsys, "doctor", birds, "--json")[1])
    assert not found["ok"] and found["findings"][0]["kind"] == "two parents"
    assert "written" not in found  # only with --repair


def test_doctor_writes_nothing_that_it_would_guess(capsys, tmp_path):
    (tmp_path / "e.csv").write_text("parent,child\nr,a\nr,b\nx,y\ny,x\n")
    status, out, _ = run(capsys, "doctor", tmp_path / "e.csv", "--repair", tmp_path / "m.json")
    assert status == 1 and "not written" in out and not (tmp_path / "m.json").exists()


def test_diff(capsys, birds, tmp_path):
    (tmp_path / "new.csv").write_text(BIRDS.replace("tern", "skua"))
    assert run(capsys, "diff", birds, birds)[:2] == (0, "no difference\n")
    status, out, _ = run(capsys, "diff", birds, tmp_path / "new.csv")
    assert status == 1 and "classes added (1)\n  skua" in out
    found = json.loads(run(capsys, "diff", birds, tmp_path / "new.csv", "--json")[1])
    assert found["removed_classes"] == ["tern"]


@pytest.mark.parametrize(
    ("argv", "status", "match"),
    [
        (["check", "none.csv"], 2, "No such file"),
        (["doctor", "none.csv"], 2, "No such file"),
        (["diff", "none.csv", "none.csv"], 2, "No such file"),
        (["check", "bad.csv"], 1, "either order fits"),
        (["render", "bad.csv"], 1, "either order fits"),
        (["diff", "bad.csv", "bad.csv"], 2, "either order fits"),
        (["check", "bad.csv", "--format", "json"], 1, "not valid JSON"),
        (["check", "escape.csv"], 1, r"a\x1b"),
        (["check", "bad.csv", "--columns", "x"], 1, "'x' is not a column"),
    ],
)
def test_trouble_is_one_line(capsys, tmp_path, monkeypatch, argv, status, match):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text("a,b\nx,p\ny,q\n")
    (tmp_path / "escape.csv").write_text("kind,group\na\x1b,x\nb,x\n")
    found, out, err = run(capsys, *argv)
    assert found == status and not out and match in err
    assert err.startswith(f"haframe tree {argv[0]}: ") and err.count("\n") == 1
    if argv[0] != "doctor":
        assert match in json.loads(run(capsys, *argv, "--json")[1])["error"]


@pytest.mark.parametrize("argv", [[], ["fly"], ["check"], ["diff", "a"], ["check", "a", "--x"]])
def test_wrong_usage(capsys, argv):
    with pytest.raises(SystemExit) as stop:
        cli.main(["tree", *argv])
    assert stop.value.code == 2 and "usage: haframe" in capsys.readouterr().err


def test_help_loads_nothing_and_a_check_no_framework(tmp_path, birds):
    """Half a second is promised; 0.1 s and 0.5 s were measured."""
    (tmp_path / "keras.py").write_text("raise RuntimeError('imported')")
    root = os.path.dirname(os.path.dirname(kh.__file__))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    command = [sys.executable, "-m", "keras_haframe", "tree"]
    checked = subprocess.run([*command, "check", birds], env=env, capture_output=True, text=True)
    assert checked.returncode == 0 and "3 classes" in checked.stdout, checked.stderr
    (tmp_path / "numpy.py").write_text("raise RuntimeError('imported')")
    for words in (["--help"], ["doctor", "--help"]):
        run = subprocess.run([*command, *words], env=env, capture_output=True, text=True)
        assert run.returncode == 0 and "Exit status" in run.stdout, run.stderr
