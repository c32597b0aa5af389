"""Every example in the docstrings of the class trees and frames runs and gives what it shows."""

import doctest
import importlib
import inspect
import os
import pathlib
import pkgutil

import numpy as np
import pytest

import keras_haframe as kh

ROOMS = ("keras_haframe.tree", "keras_haframe.frames")
MODULES = sorted(
    f"{room}.{module.name}"
    for room in ROOMS
    for module in pkgutil.iter_modules(importlib.import_module(room).__path__)
)
# What a reader of the documentation has imported.
NAMES = {
    "ClassTree": kh.ClassTree,
    "np": np,
    "os": os,
    "pathlib": pathlib,
    **{name: getattr(kh.frames, name) for name in kh.frames.__all__},
}
READERS = [n for n in dir(kh.ClassTree) if n.startswith("from_") and n != "from_config"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    module = importlib.import_module(name)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    for test in finder.find(module, extraglobs=NAMES):
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("name", [*kh.frames.__all__, *(f"ClassTree.{r}" for r in READERS)])
def test_public_names_have_examples(name):
    thing = kh.frames if not name.startswith("ClassTree.") else kh.ClassTree
    thing = getattr(thing, name.removeprefix("ClassTree."))
    text = inspect.getdoc(thing)
    assert ">>> " in text, f"{name} has no example"
    assert "Args:" in text and ("Returns:" in text or "Attributes:" in text)


def test_the_examples_are_found_at_all():
    finder = doctest.DocTestFinder()
    found = [t for m in MODULES for t in finder.find(importlib.import_module(m)) if t.examples]
    assert {t.name.rsplit(".", 1)[-1] for t in found} >= {"ClassTree", "TreeFrame", *READERS}
