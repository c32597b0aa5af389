"""Every example in a docstring of the package runs and gives what it shows."""

import doctest
import importlib
import inspect
import json
import os
import pathlib
import pkgutil

import keras
import numpy as np
import pytest

import keras_haframe as kh


def modules_with_examples() -> list[str]:
    found = []
    for module in pkgutil.walk_packages(kh.__path__, "keras_haframe."):
        path = pathlib.Path(importlib.util.find_spec(module.name).origin)
        if ">>> " in path.read_text(encoding="utf-8"):
            found.append(module.name)
    return found


MODULES = modules_with_examples()
# What a reader of the documentation has imported, beside the names of the room.
NAMES = {name: getattr(kh, name) for name in ("ClassTree", "build", "decisions", "methods")}
NAMES |= {"np": np, "os": os, "json": json, "pathlib": pathlib, "keras": keras, "keras_haframe": kh}
READERS = [n for n in dir(kh.ClassTree) if n.startswith("from_") and n != "from_config"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    module = importlib.import_module(name)
    room = importlib.import_module(".".join(name.split(".")[:2]))
    public = {n: getattr(room, n) for n in getattr(room, "__all__", ())}
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    for test in finder.find(module, extraglobs=NAMES | public | vars(module)):
        keras.utils.set_random_seed(0)
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).attempted
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def is_keras(cls: type) -> bool:
    return cls.__module__.split(".")[0] == "keras"


def public_names() -> list[str]:
    """Public classes and functions, and the methods that a class adds to those of Keras."""
    found = []
    for room in [m for m in pkgutil.iter_modules(kh.__path__, "keras_haframe.") if m.ispkg]:
        module = importlib.import_module(room.name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if not str(getattr(thing, "__module__", "")).startswith("keras_haframe"):
                continue
            found.append(f"{room.name}.{name}")
            if inspect.isclass(thing):
                keras_own = {n for base in thing.__mro__ if is_keras(base) for n in vars(base)}
                for n in vars(thing):
                    if not n.startswith("_") and callable(getattr(thing, n)) and n not in keras_own:
                        found.append(f"{room.name}.{name}.{n}")
    return found


def test_every_public_name_is_described():
    """By itself or by the base class whose method it overrides."""
    names = public_names()
    assert "keras_haframe.models.build" in names
    assert "keras_haframe.layers.FrameClassifier.logits" in names
    silent = [name for name in names if not inspect.getdoc(pkgutil.resolve_name(name))]
    assert not silent


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
    rooms = {name.split(".")[1] for name in MODULES}
    assert rooms >= {"collapse", "data", "decisions", "layers", "losses", "metrics", "models"}
