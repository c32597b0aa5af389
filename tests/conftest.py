"""Shared fixtures: quiet backends, golden vectors, and the worked tree of the documentation."""

import fcntl
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_GCE_CHECK", "true")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import pytest

import keras_haframe as kh

GOLDEN = pathlib.Path(
    os.environ.get("KERAS_HAFRAME_GOLDEN", pathlib.Path(__file__).parents[2] / "shared" / "data")
)


def pytest_collection_modifyitems(items):
    """`-m golden` selects what reads the golden folder; `-m "not slow"` leaves out repetitions."""
    for item in items:
        if {"golden", "benchmark_tree"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.golden)
        if getattr(item, "originalname", None) in getattr(item.cls, "repeated", ()):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter):
    if not GOLDEN.is_dir():
        terminalreporter.write_line(
            f"Tests marked `golden` were skipped: {GOLDEN} is not a folder (KERAS_HAFRAME_GOLDEN)."
        )


def load_golden(name: str):
    """Arrays of a golden file such as `"golden/frames.npz"`; skips where the folder is missing."""
    if not GOLDEN.is_dir():
        pytest.skip(f"no golden vectors: {GOLDEN} is not a folder (set KERAS_HAFRAME_GOLDEN)")
    return np.load(GOLDEN / name, allow_pickle=False)


def load_tree(name: str) -> kh.ClassTree:
    """One of the benchmark trees, such as `"cifar100"`; skips where the folder is missing."""
    if not GOLDEN.is_dir():
        pytest.skip(f"no class trees: {GOLDEN} is not a folder (set KERAS_HAFRAME_GOLDEN)")
    return kh.ClassTree.from_json(GOLDEN / "hierarchies" / f"{name}.json")


@pytest.fixture(autouse=True)
def _seed_and_policy():
    """Every test starts from the same seed and leaves the dtype policy as it found it."""
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory):
    """TFDS folder with `drawn_aircraft/tiny`, prepared once for all tests (and their workers)."""
    pytest.importorskip("tensorflow_datasets")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with open(shared / "drawn.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = shared / "drawn"
        if not folder.exists():
            import tensorflow_datasets as tfds

            import keras_haframe.data.builders  # noqa: F401 (registers the data set)

            partial = shared / "drawn.partial"
            tfds.builder("drawn_aircraft/tiny", data_dir=partial).download_and_prepare()
            partial.rename(folder)
    return folder


@pytest.fixture
def golden():
    return load_golden


@pytest.fixture
def benchmark_tree():
    return load_tree


@pytest.fixture
def tree():
    """Four leaves, two parents, one root."""
    return kh.ClassTree.from_nested(
        {"land": ["car", "truck"], "air": ["jet", "glider"]}, root="vehicle", name="vehicles"
    )


@pytest.fixture
def uneven_tree():
    """Leaf depths 1 to 4, a single-child chain, labels not in tree order."""
    edges = [
        ("root", "a"), ("root", "e"), ("root", "chain"), ("a", "b"), ("a", "a0"), ("b", "b0"),
        ("b", "c"), ("c", "c0"), ("c", "c1"), ("chain", "link"), ("link", "l0"), ("link", "l1"),
    ]  # fmt: skip
    return kh.ClassTree(edges, ["l1", "c0", "e", "a0", "l0", "b0", "c1"], name="uneven")


def random_tree(rng: np.random.Generator, classes: int) -> kh.ClassTree:
    """A random tree with uneven depths, single-child chains and shuffled labels."""
    nodes = [f"c{i}" for i in range(classes)]
    edges, made = [], 0
    while len(nodes) > 1:
        take = int(rng.integers(1, min(4, len(nodes)) + 1))
        chosen = rng.choice(len(nodes), take, replace=False)
        parent = f"n{made}"
        made += 1
        edges += [(parent, nodes[i]) for i in chosen]
        nodes = [n for i, n in enumerate(nodes) if i not in set(chosen.tolist())] + [parent]
        if made > 4 * classes:  # only chains left to draw: join what remains
            edges += [("top", n) for n in nodes]
            nodes = ["top"]
    return kh.ClassTree(edges, [f"c{i}" for i in rng.permutation(classes)])
