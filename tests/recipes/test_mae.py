"""MAE's recipes in their short mode: pre-trained once, tuned in every way."""

import csv

import keras
import numpy as np
import pytest

from keras_haframe.models import save_vit_weights
from tests.recipes import call

pytest.importorskip("tensorflow", reason="recipes read their data with TensorFlow Datasets")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, drawn_data):
    output = tmp_path_factory.mktemp("mae")
    text = call.recipe("mae_pretrain", "--smoke", "--output", output, "--data-dir", drawn_data)
    return output / "mae_seed0", text


def test_pretraining_writes_model_and_picture(pretrained):
    from matplotlib import pyplot as plt

    folder, text = pretrained
    assert "seed 0: loss" in text
    assert plt.imread(folder / "reconstructions.png")[..., :3].std() > 0.05
    mae = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    assert mae.encoder.output_shape == (None, 64) and mae.visible == 16


def tuned(folder, output, drawn_data, *arguments):
    text = call.recipe(
        "mae_finetune", "--smoke", "--output", output, "--data-dir", drawn_data, *arguments
    )
    with open(output / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["decision"] for row in rows] == ["", "CRM"]
    assert all(0 <= float(row["top1"]) <= 1 for row in rows)
    return rows[0]["method"], text


@pytest.mark.parametrize(
    "tune,method", [("full", "haframe"), ("2", "hier_cos"), ("probe", "cross_entropy"),
                    ("cached", "haframe")]
)  # fmt: skip
def test_tuned_in_every_way(pretrained, tmp_path, drawn_data, tune, method):
    model = pretrained[0] / "model.keras"
    name, _ = tuned(
        *(pretrained[0], tmp_path, drawn_data),
        *("--pretrained", model, "--tune", tune, "--method", method),
    )
    assert name == f"mae_{tune}_{method}"


def test_from_a_state_file(pretrained, tmp_path, drawn_data):
    mae = keras.saving.load_model(pretrained[0] / "model.keras")
    save_vit_weights(mae.encoder, tmp_path / "vit.npz")
    name, text = tuned(
        *(pretrained[0], tmp_path / "state", drawn_data),
        *("--pretrained", tmp_path / "vit.npz", "--tune", "cached"),
    )
    assert name == "mae_cached_haframe"
    assert "0 missing" in text


def test_any_tfds_data_set_that_carries_its_tree(tmp_path, drawn_data):
    text = call.recipe(
        "mae_pretrain", "--smoke", "--output", tmp_path, "--data-dir", drawn_data, "--dataset",
        "drawn_aircraft/tiny", "--image-size", "32", "--patch-size", "8",
    )  # fmt: skip
    assert "seed 0: loss" in text
    assert (tmp_path / "mae_seed0" / "model.keras").exists()
    name, _ = tuned(  # mixed, with all changes of the published fine-tuning
        *(None, tmp_path / "tuned", drawn_data),
        *("--pretrained", tmp_path / "mae_seed0" / "model.keras", "--method", "cross_entropy"),
        *("--dataset", "drawn_aircraft/tiny", "--image-size", "32", "--patch-size", "8"),
    )
    assert name == "mae_full_cross_entropy"


def test_cifar100_from_an_array_file_and_from_scratch(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 40), ("test", 10)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, 32, 32, 3), "uint8")
        arrays[f"{split}_labels"] = rng.integers(0, 100, count)
    np.savez(tmp_path / "cifar.npz", **arrays)
    common = ("--smoke", "--dataset", "cifar100", "--arrays", tmp_path / "cifar.npz")
    text = call.recipe("mae_finetune", *common, "--output", tmp_path / "f", "--plain")
    assert "| scratch_full_haframe |" in text


@pytest.mark.parametrize("pretrained,slowest", [("none", 1.0), ("model.keras", 0.75**5)])
def test_only_weights_trained_before_are_held_back(pretrained, slowest):
    recipe = call.module("mae_finetune")
    optimizer = recipe.optimizer(recipe.Settings(pretrained=pretrained, epochs=2), 3, depth=4)
    assert min(optimizer.multipliers.values()) == pytest.approx(slowest)
