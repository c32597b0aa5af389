"""The README's example runs as it is printed."""

import pathlib
import re

import keras
import numpy as np
import pytest

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the example exports")
def test_example_on_folders(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", README, re.S)[1]
    offline = code.replace("include_top=False", "include_top=False, weights=None")
    short = offline.replace("epochs=10", "epochs=1").replace("224", "64")
    assert short.count("weights=None") == 1 and "epochs=1)" in short
    rng = np.random.default_rng(0)
    for path in ("air/jet", "air/glider", "land/car", "land/truck"):
        folder = tmp_path / "photos" / path
        folder.mkdir(parents=True)
        for i in range(2):
            image = rng.integers(0, 255, (32, 32, 3)).astype("float32")
            keras.utils.save_img(folder / f"{i}.jpg", image)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(short, "README.md", "exec"), names)
    assert names["tree"].leaves == ["glider", "jet", "car", "truck"]
    assert names["scores"].shape == (8, 4)
    assert (tmp_path / "model.keras").exists() and (tmp_path / "serving/model/1").is_dir()
    assert "glider [0]" in capsys.readouterr().out


def test_the_two_commands_are_there():
    assert "python recipes/aircraft.py --demo" in README
    assert "python -m pytest" in README
    assert README.count("```python") == 1  # the example above
