"""What `keras_haframe` shows: all rooms and names, none before it is needed, a quick command."""

import importlib
import os
import pathlib
import subprocess
import sys

import pytest

import keras_haframe as kh
from keras_haframe import rooms

ROOT = pathlib.Path(kh.__file__).parents[1]
ROOMS = sorted(p.parent.name for p in ROOT.glob("keras_haframe/*/__init__.py"))
HELPERS = {"tree_ops"}  # shared by the rooms, not for users


def test_every_room_is_shown():
    assert set(ROOMS) - HELPERS <= set(kh.__all__)
    assert dir(kh) == sorted(kh.__all__)


@pytest.mark.parametrize("name", ["", *(f".{room}" for room in ROOMS)])
def test_all_names_are_there_and_shown(name):
    package = importlib.import_module(f"keras_haframe{name}")
    for public in getattr(package, "__all__", []):
        assert hasattr(package, public) and public in dir(package)


def test_modules_are_opened_by_their_name():
    assert kh.data.cifar100.class_tree().num_classes == 100
    assert "cifar100" in dir(kh.data) and "distribution" in dir(kh.training)
    assert kh.methods.HAFrame is kh.methods.find("haframe")
    assert dir(kh.methods) == sorted(kh.methods.__all__) and "HAFrame" in dir(kh.methods)
    for package in (kh, kh.data, kh.training, kh.methods):
        with pytest.raises(AttributeError, match=r"keras_haframe.*has no attribute 'nothing'"):
            package.nothing  # noqa: B018
    with pytest.raises(ImportError, match="nothing"):
        from keras_haframe import nothing  # noqa: F401


@pytest.mark.parametrize("started", ["-m", "haframe"])
def test_the_command_helps_without_a_framework(started, tmp_path):
    """Keras and NumPy are replaced by modules that cannot be imported."""
    for name in ("keras", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported')")
    script = tmp_path / "haframe"  # as pip writes it
    script.write_text("import sys\nfrom keras_haframe.cli import main\nsys.exit(main())")
    start = ["-m", "keras_haframe"] if started == "-m" else [str(script)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    run = subprocess.run(
        [sys.executable, *start, "--help"], capture_output=True, text=True, env=env, cwd=tmp_path
    )
    assert run.returncode == 0 and "predict image files" in run.stdout, run.stderr


@pytest.mark.parametrize(
    "argv, orig, wanted",
    [
        (["/usr/bin/haframe", "report"], [], True),
        (["-m", "report"], ["python", "-m", "keras_haframe", "report"], True),
        (["-m"], ["python", "-m", "pytest"], False),
        (["haframe.py"], [], False),
        ([""], [], False),
    ],
)
def test_only_the_command_goes_without_keras(argv, orig, wanted, monkeypatch):
    """A script has all classes registered, so that `keras.models.load_model` finds them."""
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig)
    assert rooms.is_command() == wanted
