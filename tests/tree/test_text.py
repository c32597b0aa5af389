"""Trees as text."""

import itertools

import pytest

import keras_haframe as kh


def test_render_worked_tree(tree):
    assert tree.render() == "\n".join(
        [
            "vehicle",
            "├── land",
            "│   ├── car [0]",
            "│   └── truck [1]",
            "└── air",
            "    ├── jet [2]",
            "    └── glider [3]",
        ]
    )


def test_render_single_children_and_labels(uneven_tree):
    lines = uneven_tree.render().splitlines()
    assert len(lines) == uneven_tree.num_nodes
    assert lines[0] == "root"
    assert sum("[" in line for line in lines) == uneven_tree.num_classes
    for k, leaf in enumerate(uneven_tree.leaves):
        assert sum(line.endswith(f"── {leaf} [{k}]") for line in lines) == 1
    link = next(i for i, line in enumerate(lines) if line.endswith("link"))
    assert lines[link - 1].endswith("── chain") and "└── link" in lines[link]


@pytest.mark.parametrize("max_lines", range(1, 8))
def test_render_is_cut(tree, max_lines):
    lines = tree.render(max_lines).splitlines()
    assert len(lines) == max_lines
    if max_lines == 7:
        assert lines[-1].endswith("glider [3]")
    else:
        assert lines[-1] == f"... ({7 - max_lines + 1} more nodes)"
        assert lines[:-1] == tree.render().splitlines()[: max_lines - 1]


def test_render_wants_a_line(tree):
    with pytest.raises(ValueError, match="must be an integer of at least 1. Received: max_lines=0"):
        tree.render(0)


def test_render_many_classes_is_short_by_default():
    tree = kh.ClassTree([("root", f"c{i}") for i in range(5_000)])
    lines = tree.render().splitlines()
    assert len(lines) == 60 and lines[-1] == "... (4942 more nodes)"


def test_render_deep_chain():
    links = [f"n{i}" for i in range(2_000)]
    tree = kh.ClassTree([*itertools.pairwise(links), (links[-1], "a"), (links[-1], "b")])
    assert len(tree.render(10_000).splitlines()) == 2_002


def test_summary_worked_tree(tree):
    assert str(tree) == "\n".join(
        [
            "ClassTree vehicles: 4 classes, 7 nodes, height 2",
            "  root: vehicle",
            "  nodes per level, root to classes: 1, 2, 4",
            "  depth of the classes: 2",
            "  children per inner node: 2 to 2, 0 with a single child",
            "  classes: car, truck, jet, glider",
        ]
    )


def test_summary_uneven_tree(uneven_tree):
    text = str(uneven_tree)
    assert "depth of the classes: 1 to 4" in text
    assert "1 to 3, 1 with a single child" in text
    assert "nodes per level, root to classes: 1, 3, 4, 6, 7" in text
    assert text.endswith("classes: l1, c0, e, a0, ...")


def test_summary_without_name():
    assert str(kh.ClassTree([("r", "a"), ("r", "b")])).startswith("ClassTree (no name): 2 classes")


def test_repr(tree):
    assert repr(tree) == "ClassTree(name='vehicles', num_classes=4, num_nodes=7, height=2)"


def test_summary_of_a_benchmark(benchmark_tree):
    text = str(benchmark_tree("fgvc_aircraft"))
    assert "100 classes, 201 nodes, height 3" in text
    assert "nodes per level, root to classes: 1, 30, 70, 100" in text
    assert "68 with a single child" in text
