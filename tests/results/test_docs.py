"""docs/report.md: its example as printed, and its table of files against what a run leaves."""

import json
import pathlib
import re

import numpy as np

import keras_haframe as kh
from keras_haframe import cli
from keras_haframe.results import folder, lock, run

PAGE = pathlib.Path(kh.__file__).parents[1] / "docs" / "report.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_scores_of_any_classifier(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    exec(compile(block, PAGE.name, "exec"), {})
    page = pathlib.Path("other/report.html").read_text(encoding="utf-8")
    for word in ("resnet", "vit", "Mistakes by LCA height", "Operating curve", "Class tree"):
        assert word in page


def test_files_written_without_the_package(tmp_path):
    tree = re.search(r"a file `(\{.*?\})`", TEXT)[1]
    (tmp_path / "tree.json").write_text(json.dumps(json.loads(tree)), encoding="utf-8")
    np.savez(tmp_path / "scores.npz", scores=np.eye(4), labels=np.arange(4))
    assert cli.main(["report", str(tmp_path)]) == 0
    assert kh.ClassTree.from_json(tmp_path / "tree.json").leaves == [
        "car",
        "truck",
        "jet",
        "glider",
    ]


def test_the_table_names_every_file():
    named = re.findall(r"^\| `(?:\w+/)?([\w.*/]+)`", TEXT, re.M)
    constants = {v for m in (run, folder, lock) for k, v in vars(m).items() if k.isupper()}
    files = {v for v in constants if isinstance(v, str)} - {run.CONTINUED, run.MADE_WITH}
    assert len(files) == 11 and files <= {name.rstrip("/") for name in named}
