"""The tree that a prepared data set carries, and data code without TensorFlow."""

import importlib.util
import sys
import types

import pytest

from keras_haframe.data import class_tree, crops


def info(metadata):
    return types.SimpleNamespace(metadata=metadata, full_name="birds/1.0.0")


def test_stored_tree(tree):
    assert class_tree(info({"class_tree": tree.get_config()})) == tree


@pytest.mark.parametrize("metadata", [None, {}, {"other": 1}])
def test_no_stored_tree(metadata):
    with pytest.raises(ValueError, match=r"birds/1\.0\.0 carries no class tree. Prepare it first"):
        class_tree(info(metadata))


def test_says_when_tensorflow_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ModuleNotFoundError, match=r"keras_haframe\[tensorflow-cpu\]"):
        crops._tensorflow()


@pytest.mark.parametrize(
    "name",
    [
        "crops",
        "augmentation",
        "array_batches",
        "batches",
        "preprocessing",
        "splits",
        "images",
        "cifar100",
        "long_tail",
    ],
)
def test_modules_import_without_tensorflow(name, monkeypatch):
    for module in ("tensorflow", "tensorflow_datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    spec = importlib.util.find_spec(f"keras_haframe.data.{name}")
    spec = importlib.util.spec_from_file_location("copy_of_module", spec.origin)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "copy_of_module", module)  # dataclasses look there
    spec.loader.exec_module(module)
    assert module.__doc__
