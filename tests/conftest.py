"""Shared fixtures: quiet backends, golden files, and the worked tree of the documentation."""

import fcntl
import gc
import os
import pathlib
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_GCE_CHECK", "true")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# One arithmetic in the tests and in the processes that they start and compare with, bit for bit.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import pytest

from tests import (
    devices,  # noqa: F401 (sets them up)
    trees,
)
from tests.golden import FOLDER, MISSING, class_tree, load


def pytest_collection_modifyitems(items):
    """`-m golden` selects what reads the golden folder; `-m "not slow"` leaves out repetitions."""
    for item in items:
        if {"golden", "benchmark_tree"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.golden)
        if {item.name, getattr(item, "originalname", None)} & set(
            getattr(item.cls, "repeated", ())
        ):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """Frameworks and tests are millions of objects that no garbage collection need look at."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    if not FOLDER.is_dir():
        terminalreporter.write_line(f"Tests marked `golden` were skipped: {MISSING}.")


@pytest.fixture(autouse=True)
def _seed_and_policy():
    """Every test starts from the same seed and leaves the dtype policy as it found it."""
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, pytestconfig) -> Callable[[str, Callable], pathlib.Path]:
    """`made_once(name, make)`: a folder that `make(folder)` fills, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    # Not by xdist's environment variable: tests that start pytest hand it on, and the folder above
    # would be that of all sessions of this machine, with other backends' and yesterday's files.
    shared = base.parent if hasattr(pytestconfig, "workerinput") else base

    def made(name: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
        folder, partial = shared / name, shared / f"{name}.partial"
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                partial.mkdir()
                make(partial)
                partial.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def drawn_data(made_once):
    """TFDS folder with `drawn_aircraft/tiny`."""
    tfds = pytest.importorskip("tensorflow_datasets")

    def prepare(folder):
        import keras_haframe.data.builders  # noqa: F401 (registers the data set)

        tfds.builder("drawn_aircraft/tiny", data_dir=folder).download_and_prepare()

    return made_once("drawn", prepare)


@pytest.fixture
def golden():
    return load


@pytest.fixture
def benchmark_tree():
    return class_tree


@pytest.fixture
def tree():
    return trees.worked()


@pytest.fixture
def uneven_tree():
    return trees.uneven()
