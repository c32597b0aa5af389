"""Recipes called in the process as their command lines would, or in a process of their own."""

import contextlib
import importlib
import io
import os
import pathlib
import subprocess
import sys

import keras
import matplotlib.pyplot as plt

ROOT = pathlib.Path(__file__).parents[2]


def module(name: str):
    """A recipe as a module; recipes import each other by their plain names."""
    if str(ROOT / "recipes") not in sys.path:
        sys.path.insert(0, str(ROOT / "recipes"))
    return importlib.import_module(name)


def recipe(name: str, *arguments) -> str:
    """Run a recipe in this process; return what it printed."""
    made, out = module(name), io.StringIO()
    argv = [str(a) for a in arguments]
    policy = keras.config.dtype_policy()
    with contextlib.redirect_stdout(out):
        made.main(argv)
    keras.config.set_dtype_policy(policy)
    plt.close("all")  # as the end of a process does
    return out.getvalue()


def process(name: str, *arguments, **env) -> subprocess.CompletedProcess:
    """Run a recipe in a process of its own, as a user does."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **{k: str(v) for k, v in env.items()}}
    return subprocess.run(
        [sys.executable, str(ROOT / "recipes" / f"{name}.py"), *map(str, arguments)],
        env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def without_tensorflow(folder: pathlib.Path) -> dict[str, str]:
    """Environment of a machine with JAX and no TensorFlow."""
    (folder / "tensorflow.py").write_text(
        "raise ModuleNotFoundError('No module named tensorflow', name='tensorflow')"
    )
    return {"PYTHONPATH": f"{folder}:{ROOT}", "KERAS_BACKEND": "jax"}
