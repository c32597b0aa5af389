"""The ResNet-50 recipes in seconds: all train on drawn images and say what they lack."""

import importlib.util
import json

import keras
import numpy as np
import pytest

from keras_haframe.results import write_report
from tests.recipes import call

pytest.importorskip("tensorflow", reason="recipes read their data with TensorFlow Datasets")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the input pipelines are TensorFlow's", allow_module_level=True)


@pytest.mark.slow
def test_smoke_and_once_more(tmp_path, drawn_data):
    """The second call finds the run finished and only prints its table."""
    words = ("--smoke", "--data-dir", drawn_data, "--output", tmp_path)
    first = call.recipe("aircraft", *words)
    result = json.loads((tmp_path / "haframe_II_seed0/result.json").read_text())
    assert result["best_epoch"] == 1 and result["mistakes"] <= 32
    again = call.recipe("aircraft", *words)
    table = first[first.index("| method") :]
    assert "haframe_II + CRM" in table and again.endswith(table)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "Mistakes by LCA height" in page and "Loss" in page


@pytest.mark.parametrize(
    "name", ["aircraft", "inaturalist2019", "inaturalist2021", "tiered_imagenet"]
)
def test_weights_are_asked_for_before_anything_else(name, tmp_path):
    with pytest.raises(SystemExit, match="--weights FILE"):
        call.recipe(name, "--data-dir", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "method", "network", "more"),
    [
        ("inaturalist2019", "cross_entropy", "I", ()),
        ("inaturalist2021", "haframe", "II", ("--options", "frame=structured", "bottleneck=8")),
        ("tiered_imagenet", "flamingo", "I", ()),
    ],
)
@pytest.mark.slow
def test_smoke_of_the_others(name, method, network, more, tmp_path, drawn_data):
    text = call.recipe(
        name, "--smoke", "--method", method, "--network", network, "--data-dir", drawn_data,
        "--output", tmp_path, *more,
    )  # fmt: skip
    assert f"| {method}_{network} + CRM |" in text
    kept = json.loads((tmp_path / f"{method}_{network}_seed0/settings.json").read_text())
    if more:
        assert kept["options"] == {"frame": "structured", "bottleneck": 8, "seed": 0}


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.slow
def test_arrays_where_tensorflow_is_not_installed(tmp_path, drawn_data):
    """Written here, trained on by JAX with an installation that has no TensorFlow."""
    file = tmp_path / "drawn.npz"
    call.recipe("aircraft", "--smoke", "--write-arrays", file, "--data-dir", drawn_data)
    with np.load(file) as arrays:
        assert arrays["train_images"].shape == (32, 32, 32, 3)
        assert arrays["test_images"].dtype == np.uint8 and arrays["test_images"].std() > 20
    words = ("--smoke", "--arrays", file, "--output", tmp_path / "runs")
    done = call.process("aircraft", *words, **call.without_tensorflow(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| haframe_II + CRM |" in done.stdout


def test_arrays_of_images_of_any_size_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="does not fit into memory"):
        call.recipe("inaturalist2019", "--write-arrays", tmp_path / "a.npz")


def test_help_tells_the_settings_of_the_paper(capsys):
    with pytest.raises(SystemExit):
        call.module("inaturalist2019").main(["--help"])
    text = capsys.readouterr().out
    assert "256" in text and "runs/inaturalist2019" in text
