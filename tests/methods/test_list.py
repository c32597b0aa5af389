"""The list of methods, and that none escapes the contract."""

import importlib
import pathlib

import pytest

import keras_haframe as kh
from tests.methods.contract import MethodContract


def contracts():
    for file in pathlib.Path(__file__).parent.glob("test_*.py"):
        if file.name == pathlib.Path(__file__).name:
            continue
        module = importlib.import_module(f"tests.methods.{file.stem}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, MethodContract):
                yield value.method


def test_every_method_is_under_the_contract():
    assert set(contracts()) - {""} == set(kh.methods.names())


def test_names_are_sorted_and_those_of_the_papers():
    assert kh.methods.names() == sorted(kh.methods.names())
    assert {"haframe", "cross_entropy", "flamingo", "hafeature"} <= set(kh.methods.names())


def test_unknown_method_lists_the_known(tree):
    with pytest.raises(ValueError, match="haframe"):
        kh.methods.get("haframes", tree)


def test_two_methods_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Two methods"):
        kh.methods.register("haframe")(kh.methods.Method)
