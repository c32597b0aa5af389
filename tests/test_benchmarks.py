"""What the benchmarks share: calls in turns, paired ratios, child processes."""

import csv
import os
import pathlib
import subprocess
import sys
import time

import pytest

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import defaults  # noqa: E402
import machine  # noqa: E402
import scale  # noqa: E402

sys.path.remove(str(BENCHMARKS))


def test_calls_take_turns():
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    times = machine.interleave(calls, rounds=2, warm=2)
    assert order == [*"aabbcc", *"abcabc"]
    assert all(len(t.wall) == len(t.cpu) == 2 and min(t.wall) > 0 for t in times.values())
    order.clear()
    machine.interleave(calls, rounds=20, warm=0, seed=0)
    rounds = {tuple(order[i : i + 3]) for i in range(0, 60, 3)}
    assert len(rounds) > 1 and {tuple(sorted(r)) for r in rounds} == {("a", "b", "c")}


def test_seconds_of_the_wall_and_of_the_processor():
    times = machine.interleave({"sleep": lambda: time.sleep(0.05)}, rounds=1, warm=0)
    assert times["sleep"].wall[0] >= 0.05 > times["sleep"].cpu[0]


def test_ratios_are_those_within_a_round():
    """Not those of the medians: load that comes and goes weighs on both calls of a round."""
    assert machine.ratio([3.0, 20.0, 4.0], [1.0, 10.0, 2.0]) == 2.0
    assert machine.ratio([1.0, 30.0, 5.0], [1.0, 10.0, 10.0]) == 1.0
    with pytest.raises(ValueError):
        machine.ratio([1.0], [1.0, 2.0])


@pytest.mark.slow
def test_a_child_process(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(
        "import importlib.util, json, os, sys\n"
        "assert importlib.util.find_spec('keras_haframe')\n"
        "print('a line of a library')\n"
        "print(json.dumps({k: os.environ[k] for k in sys.argv[1:]}))\n"
        "if 'WORD' not in os.environ: sys.exit('no word')\n"
    )
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    (row,) = machine.child(str(script), *names, "WORD", threads=1, WORD="x")
    assert row == {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "WORD": "x"}
    assert "WORD" not in os.environ
    with pytest.raises(RuntimeError, match="no word"):
        machine.child(str(script), threads=1)


@pytest.mark.slow
def test_a_child_process_that_takes_too_long(tmp_path):
    script = tmp_path / "child.py"
    script.write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(subprocess.TimeoutExpired):
        machine.child(str(script), threads=1, limit=0.5)


def test_exponents_and_reasons_of_the_scale_benchmark():
    rows = [
        {"action": "step", "model": "dense", "classes": k, "seconds": k**1.5, "peak_mb": 3.0}
        for k in (10, 100, 1000, 10000)
    ]
    rows[0]["seconds"] = 1e6  # not among the last three
    rows.append({"action": "step", "model": "dense", "classes": 10**5, "note": "over 1 s"})
    assert scale.exponents(rows) == {("step", "dense"): pytest.approx((1.5, 0.0))}
    assert scale.reason("Traceback\nValueError: no\n", 0) == "failed: ValueError: no"
    assert scale.reason("terminate called after std::bad_alloc", 8) == "over 8 GB of address space"


@pytest.mark.slow
def test_the_scale_benchmark_measures_and_says_what_fails(tmp_path):
    output = tmp_path / "scale.csv"
    command = [sys.executable, str(BENCHMARKS / "scale.py"), "--quick", "--actions", "tree", "load"]
    done = subprocess.run(
        [*command, "--output", str(output)],
        env=machine.environment(),
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [(r["action"], r["model"], r["classes"]) for r in rows[:2]] == [
        ("tree", "haframe", "100"), ("load", "haframe", "100"),
    ]  # fmt: skip
    assert float(rows[0]["seconds"]) > 0 and not rows[0]["note"]
    assert rows[1]["note"] == "failed: RuntimeError: nothing was saved"
    assert rows[-1]["note"] == "not run: K = 100 failed"


def test_differences_of_the_defaults_are_to_cross_entropy_of_the_same_task_and_seed():
    line = {"severity": 2.0, "hier_dist_5": 3.0}
    rows = [
        {"task": task, "method": method, "seed": seed, "top1": top1, "hier_dist_1": hd1, **line}
        for task, method, seed, top1, hd1 in [
            ("a", "cross_entropy", 0, "0.50", 1.0), ("a", "mine", 0, "0.52", 0.9),
            ("a", "cross_entropy", 1, "0.60", 2.0), ("a", "mine", 1, "0.60", 2.2),
            ("b", "cross_entropy", 0, "0.10", 4.0), ("b", "mine", 0, "0.07", 4.0),
            ("b", "mine", 1, "0.99", 1.0),  # has no partner
        ]
    ]  # fmt: skip
    assert defaults.differences(rows, "top1")["a", "mine"] == pytest.approx([2.0, 0.0])
    assert defaults.differences(rows, "hier_dist_1")["a", "mine"] == pytest.approx([-10.0, 10.0])
    assert defaults.differences(rows, "top1")["b", "mine"] == pytest.approx([-3.0])
    top1, _, distance, _ = defaults.tables(rows).split("\n\n")
    assert "| mine | +1.0 ± 12.7 | -3.0 | -3.0 | -1.0 |" in top1
    assert "| mine | +0.0 ± 127.1 | +0.0 | +0.0 | +0.0 |" in distance


@pytest.mark.slow
def test_the_defaults_benchmark_scores_models_as_build_makes_them(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    pytest.importorskip("tensorflow_datasets")
    words = ["--output", str(tmp_path), "--csv", str(tmp_path / "all.csv"), "--smoke"]
    rows = ["haframe", "I: haframe network=I"]
    defaults.main([*words, "--tasks", "thousand classes", "--seeds", "1", "--rows", *rows])
    with open(tmp_path / "all.csv", newline="") as file:
        assert [r["method"] for r in csv.DictReader(file)] == ["cross_entropy", "haframe", "I"]
    assert "| thousand classes | worst | mean |" in capsys.readouterr().out


def test_the_wordnet_tree_of_the_defaults_is_ragged_and_has_all_classes(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    pytest.importorskip("tensorflow_datasets")
    from defaults_tasks import groups_tree, wordnet_tree

    from keras_haframe.data import cifar100

    tree, leaves = wordnet_tree(), cifar100.class_tree().leaves
    assert tree.leaves == groups_tree().leaves == leaves
    assert tree.height == 12 and tree.path("wolf")[-3:] == ["carnivore", "canine", "wolf"]
    assert len({len(tree.path(leaf)) for leaf in leaves}) > 8
