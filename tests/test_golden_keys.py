"""Cases of golden files made with parameters that no shared file has."""

import numpy as np
import pytest

from tests import brute_force, golden, trees


def test_fields_of_keys():
    keys = ["oak__beta7.5__targets", "oak__beta7.5__loss", "red_oak__beta12__targets", "targets"]
    found = golden.match("{name}__beta{beta}__targets", keys)
    assert found == [{"name": "oak", "beta": "7.5"}, {"name": "red_oak", "beta": "12"}]
    assert golden.match("{name}__S", ["oak__S", "oak__gamma0.7__S"]) == [{"name": "oak"}]
    assert golden.match("{case+}__S", ["oak__gamma0.7__S"]) == [{"case": "oak__gamma0.7"}]
    assert golden.match("tree.{x}", ["trees1"]) == []  # a dot is a dot


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Golden files of other trees and parameters; the names are not those of shared files."""
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    for name, arrays in {
        "golden/test_keys.npz": {"oak__gamma0.7__S": np.eye(3), "elm__gamma9__S": np.eye(2)},
        "golden_ext/test_keys_d7_k5.npz": {"M": np.eye(5), "pred_0.2": np.ones(3)},
        "golden_ext/test_keys_d8_k6.npz": {"M": np.eye(6), "pred_0.6": np.ones(3)},
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.savez(tmp_path / name, **arrays)
    (tmp_path / "hierarchies").mkdir()
    trees.uneven().to_json(tmp_path / "hierarchies" / "crooked_willow.json")


def parameters(*args, **kwargs):
    """Names and cases of the mark that `golden_cases` puts on a test."""

    @golden.golden_cases(*args, **kwargs)
    def test():
        pass

    marks = {mark.name: mark for mark in test.pytestmark}
    assert "golden" in marks
    names, cases = marks["parametrize"].args
    return names, [case.values for case in cases], [case.marks for case in cases]


def test_cases_of_files_and_keys(folder):
    names, cases, _ = parameters("golden/test_keys.npz", "{name}__gamma{gamma}__S")
    assert names == ["name", "gamma"] and cases == [("oak", "0.7"), ("elm", "9")]
    _, cases, _ = parameters("golden_ext/test_keys_{size}.npz")
    assert cases == [("d7_k5",), ("d8_k6",)]
    _, cases, _ = parameters("golden_ext/test_keys_{size}.npz", "pred_{floor}")
    assert cases == [("d7_k5", "0.2"), ("d8_k6", "0.6")]
    _, cases, _ = parameters("golden_ext/test_keys_{size}.npz", keep=lambda size: "k6" in size)
    assert cases == [("d8_k6",)]


def test_no_case_is_one_skipped_test(folder):
    _, cases, ((skip,),) = parameters("golden/test_keys.npz", "{name}__beta{beta}__targets")
    assert cases == [(None, None)] and skip.name == "skip"
    assert "no {name}__beta{beta}__targets in golden/test_keys.npz" in skip.kwargs["reason"]


def test_arrays_are_loaded_once_and_cannot_be_written(folder):
    s = golden.load("golden/test_keys.npz")["oak__gamma0.7__S"]
    assert golden.load("golden/test_keys.npz")["oak__gamma0.7__S"] is s
    with pytest.raises(ValueError, match="read-only"):
        s[0] = 0
    with pytest.raises(pytest.skip.Exception, match=r"has no golden/nothing\.npz"):
        golden.load("golden/nothing.npz")


def test_trees_by_name_and_by_the_start_of_it(folder):
    assert golden.class_tree("crooked_willow") == golden.class_tree("crooked") == trees.uneven()
    assert golden.class_tree("flat13").num_classes == 13
    with pytest.raises(pytest.skip.Exception):
        golden.class_tree("straight_willow")


@pytest.mark.parametrize(
    ("text", "value"),
    [("m0p02", -0.02), ("p25", 0.25), ("3", 3.0), ("0p2", 0.2), ("zero", 0.0), ("1.75", 1.75)],
)
def test_numbers_in_keys(text, value):
    assert golden.number(text) == value


@pytest.mark.parametrize("gamma", [0.05, 0.7, 2.0, 12.0])
@pytest.mark.parametrize("s_min", [-0.2, 0.0, 0.4])
def test_gamma_of_target_cosines(gamma, s_min):
    d = brute_force.distances(trees.uneven())
    s = (1 - s_min) * np.exp(-gamma * d / d.max()) + s_min
    assert golden.gamma_of(s, d) == gamma
