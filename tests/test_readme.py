"""The README's examples run as they are printed."""

import json
import pathlib
import re

import keras
import numpy as np
import pytest

from keras_haframe import cli

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


PHOTOGRAPHS, SCORES = re.findall(r"```python\n(.*?)```", README, re.S)


def run(code: str) -> dict:
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    return names


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the example exports")
def test_photographs_to_a_served_answer(tmp_path, monkeypatch, capsys):
    """As printed, but offline, smaller and shorter; then the command after it."""
    short = PHOTOGRAPHS.replace("include_top=False", "include_top=False, weights=None")
    short = short.replace("MobileNetV2", "MobileNet")  # half the layers
    short = re.sub(r"epochs=\d+", "epochs=1", short.replace("224", "64"))
    assert short.count("weights=None") == 1 and short.count("epochs=1)") == 2
    rng = np.random.default_rng(0)
    for path in ("air/jet", "air/glider", "land/car", "land/truck"):
        folder = tmp_path / "photos" / path
        folder.mkdir(parents=True)
        for i in range(10):
            image = rng.integers(0, 255, (32, 32, 3)).astype("float32")
            keras.utils.save_img(folder / f"{i + 1:03}.jpg", image)
    monkeypatch.chdir(tmp_path)
    names = run(short)
    tree, report = names["photos"].tree, names["report"]
    assert tree.leaves == ["glider", "jet", "car", "truck"] and report.examples == 8
    assert (tmp_path / "model.keras").exists() and (tmp_path / "serving/model/1").is_dir()
    printed = capsys.readouterr().out
    assert "glider [0]" in printed and "severity" in printed

    command = re.search(r"haframe (predict .*)", README)[1].split()
    assert cli.main([*command, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    served = {step["node"]: step["probability"] for step in row["path"]}
    image = keras.utils.load_img(command[-1])
    prepared = names["photos"].preprocessing(np.asarray(image))[None]
    p = names["model"].predict_proba(prepared, verbose=0)[0]
    assert row["class"] == tree.leaves[p.argmax()]
    assert served[row["class"]] == pytest.approx(p.max(), abs=1e-5)


def test_scores_of_any_classifier(tmp_path, monkeypatch, capsys):
    lines = ["kingdom,family,species", "birds,owls,barn owl", "birds,owls,tawny owl"]
    lines += ["birds,ducks,mallard", "birds,ducks,teal"]
    (tmp_path / "birds.csv").write_text("\n".join(lines))
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "scores.npz", scores=rng.normal(size=(20, 4)), labels=rng.integers(0, 4, 20)
    )
    monkeypatch.chdir(tmp_path)
    names = run(SCORES)
    assert names["tree"].leaves == ["barn owl", "tawny owl", "mallard", "teal"]
    assert names["report"].examples == 20
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "rolled up" in capsys.readouterr().out
    assert cli.main("evaluate scores.npz birds.csv".split()) == 0


def test_the_two_commands_are_there():
    assert "python recipes/aircraft.py --demo" in README
    assert "python -m pytest" in README
