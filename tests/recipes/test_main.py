"""Every recipe is called alike: `main(argv)`, from the command line or from a test."""

import keras
import pytest

from tests.recipes import call

pytest.importorskip("tensorflow", reason="some recipes read their data with TensorFlow Datasets")
if keras.backend.backend() != "tensorflow":
    pytest.skip("some recipes need TensorFlow's backend", allow_module_level=True)

SHARED = {"photographs", "mae_data"}  # what several recipes have in common; no commands
NAMES = sorted(path.stem for path in (call.ROOT / "recipes").glob("*.py"))


@pytest.mark.parametrize("name", sorted(set(NAMES) - SHARED))
def test_main_takes_the_words_of_the_command_line(name, capsys, monkeypatch):
    said = []
    for words in (["--help"], None):
        monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
        with pytest.raises(SystemExit) as end:
            call.module(name).main(words)
        said.append(capsys.readouterr().out)
        assert not end.value.code
    assert said[0] == said[1] and "--learning-rate" in said[0] and "--smoke" in said[0]
    first = call.module("compare" if name == "cifar100_features" else name).__doc__.split("\n")[0]
    assert first[:40] in said[0]


SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in ("aircraft", "cifar100", "cifar100_fast")]


@pytest.mark.parametrize("name", ["catalogue", *SLOW])
def test_shards_are_not_forgotten(name, tmp_path):
    words = ("--demo",) if name == "aircraft" else ()
    with pytest.raises(ValueError, match="A model is split over devices on JAX alone"):
        call.recipe(name, *words, "--smoke", "--model-shards", 2, "--output", tmp_path)
