"""Levels, whole numbers, numbers and choices."""

import numpy as np
import pytest

from keras_haframe.tree_ops.options import (
    check_choice,
    check_count,
    check_level,
    non_negative,
    positive,
)


def test_levels_count_from_the_root_and_from_the_classes():
    assert [check_level(n, 3) for n in (1, 2, 3)] == [1, 2, 3]
    assert [check_level(n, 3) for n in (-1, -2, -3)] == [3, 2, 1]
    assert type(check_level(np.int64(-1), 3)) is int


def test_a_level_is_a_column_of_the_labels(uneven_tree):
    """Level 1 are the children of the root, the last level the classes."""
    labels, depths = uneven_tree.level_labels(), uneven_tree.depths
    for level in range(1, uneven_tree.height + 1):
        nodes = uneven_tree.paths[:, level]
        _, numbers = np.unique(labels[:, -level], return_inverse=True)
        _, expected = np.unique(nodes, return_inverse=True)
        same = numbers[:, None] == numbers[None, :]
        np.testing.assert_array_equal(same, expected[:, None] == expected[None, :])
        assert (depths[nodes] <= level).all()


@pytest.mark.parametrize("level", [0, 4, -4, 1.0, "1", True, None])
def test_levels_that_are_none(level):
    with pytest.raises(ValueError, match=r"`level` must be an integer from 1 \(children") as error:
        check_level(level, 3)
    assert "0 would be the root" in str(error.value)


@pytest.mark.parametrize("value", [0, 2, 0.5, np.float32(0.5), np.float64(3), np.int64(1)])
def test_non_negative_gives_a_plain_float(value):
    found = non_negative("alpha", value)
    assert type(found) is float and found == value


@pytest.mark.parametrize("value", [-1e-9, np.inf, np.nan, True, "1", None, [1.0]])
def test_non_negative_and_positive_refuse(value):
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, inf\)\. .*alpha="):
        non_negative("alpha", value)
    with pytest.raises(ValueError, match=r"`beta` must be positive and finite: why. .*beta="):
        positive("beta", value, ": why")


def test_positive():
    assert positive("beta", np.float32(2)) == 2.0
    with pytest.raises(ValueError, match=r"`beta` must be positive and finite\. Received: beta=0"):
        positive("beta", 0)


def test_counts():
    assert check_count(1, "k") == check_count(np.int32(1), "k", most=3) == 1
    assert check_count(0, "keep", least=0) == 0
    for value in (0, 4, 1.0, True, None, "1"):
        with pytest.raises(ValueError, match="`k` must be an integer from 1 to 3, why. Received"):
            check_count(value, "k", most=3, why=", why")
    with pytest.raises(ValueError, match="`bins` must be a positive integer. .*bins=-1"):
        check_count(-1, "bins")
    with pytest.raises(ValueError, match="`keep` must be an integer of at least 0. .*keep=-1"):
        check_count(-1, "keep", least=0)


def test_choices():
    assert check_choice("norm", "a", ("a", "b")) == "a"
    with pytest.raises(ValueError, match=r"`norm` must be one of \('a', 'b'\): why. .*norm='c'"):
        check_choice("norm", "c", ["a", "b"], ": why")
