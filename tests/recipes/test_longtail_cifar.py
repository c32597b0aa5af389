"""The long-tailed CIFAR recipe in seconds, and its parts."""

import importlib.util
import json

import keras
import numpy as np
import pytest

from tests.recipes import call


@pytest.fixture(scope="module")
def recipe():
    return call.module("longtail_cifar")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "data", "method"),
    [("tensorflow", "cifar100", "etf_dr"), ("jax", "cifar10", "haframe_dr")],
)
def test_smoke(backend, data, method, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    words = ("--smoke", "--dataset", data, "--method", method, "--output", tmp_path)

    def run():
        if backend == keras.backend.backend():
            return call.recipe("longtail_cifar", *words)
        done = call.process("longtail_cifar", *words, KERAS_BACKEND=backend)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    text = run()
    name = f"{data}_0.01_{method}_I"
    assert f"| {name} |" in text and "top1_rare: " in text
    most = {"cifar100": 10, "cifar10": 100}[data]
    assert f"{most} to 1 per class" in text
    result = json.loads((tmp_path / f"{name}_seed0/result.json").read_text())
    with np.load(tmp_path / f"{name}_seed0/scores.npz") as file:
        assert file["scores"].shape == (200, 100 if data == "cifar100" else 10)
        assert result["top1"] == pytest.approx((file["scores"].argmax(1) == file["labels"]).mean())
    history = (tmp_path / f"{name}_seed0/history.csv").read_text().splitlines()
    rates = [float(line.split(",")[history[0].split(",").index("learning_rate")])
             for line in history[1:]]  # fmt: skip
    assert rates == pytest.approx([0.1, 0.001])  # two epochs: the first, and one beyond 0.9
    if backend == keras.backend.backend():  # the second call only prints
        assert run().endswith(text[text.index("| method") :])


def test_a_method_without_a_fixed_classifier_is_refused(capsys):
    with pytest.raises(SystemExit):
        call.recipe("longtail_cifar", "--smoke", "--method", "devise")
    assert "invalid choice" in capsys.readouterr().err


def test_rates_of_the_paper(recipe):
    rates = [recipe.rate_of(epoch, recipe.Settings()) for epoch in range(200)]
    assert rates[:6] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1, 0.1])
    assert rates[5:160] == pytest.approx([0.1] * 155)
    assert rates[160:180] == pytest.approx([0.01] * 20)  # epochs 161 to 180, counted from 1
    assert rates[180:] == pytest.approx([0.001] * 20)


def test_counts_are_the_published_ones(recipe):
    """10,847 of CIFAR-100 and 12,406 of CIFAR-10 at ratio 0.01."""
    for data, total in (("cifar100", 10_847), ("cifar10", 12_406)):
        classes = recipe.DATA[data].class_tree().num_classes
        labels = np.arange(50_000) % classes
        kept = recipe.long_tail_indices(labels, recipe.Settings().ratio)
        counts = np.bincount(labels[kept])
        assert len(kept) == total and (counts[0], counts[-1]) == (50_000 // classes, 500 // classes)
        frequent, rare = recipe.BOUNDS[data]
        assert 0 < frequent < rare < classes


def test_crops_come_from_a_black_frame(recipe):
    """Every crop is one of the 81 windows, or its mirror image, and all places occur."""
    rng = np.random.default_rng(0)
    image = rng.integers(1, 256, (32, 32, 3), "uint8")  # no black of its own
    framed = np.pad(image, ((4, 4), (4, 4), (0, 0)))
    windows = {}
    for y in range(9):
        for x in range(9):
            window = framed[y : y + 32, x : x + 32]
            for mirrored in (False, True):
                cut = window[:, ::-1] if mirrored else window
                windows[recipe.PREPROCESSING(cut).tobytes()] = (y, x, mirrored)
    drawn = recipe.PREPROCESSING.train_batch(
        np.random.default_rng(1), np.repeat(image[None], 1500, 0)
    )
    assert drawn.shape == (1500, 32, 32, 3) and drawn.dtype == np.float32
    places = {windows[one.tobytes()] for one in drawn}
    assert len(places) == 162


def test_accuracy_by_frequency(recipe):
    labels = np.array([0, 0, 2, 3, 6, 7, 9, 9])
    guesses = np.array([0, 1, 2, 3, 0, 7, 9, 0])
    parts = recipe.by_frequency(np.eye(10)[guesses], labels, recipe.BOUNDS["cifar10"])
    assert parts == pytest.approx(
        {"top1_frequent": 2 / 3, "top1_medium": 1 / 2, "top1_rare": 2 / 3}
    )


def test_arrays_and_smoke_images(recipe, tmp_path):
    arrays = {f"{s}_{k}": np.arange(3) for s in ("train", "test") for k in ("images", "labels")}
    np.savez(tmp_path / "a.npz", **arrays)
    loaded = recipe.load(recipe.Settings(arrays=str(tmp_path / "a.npz")))
    assert len(loaded) == 4 and all((part == np.arange(3)).all() for part in loaded)
    images, labels, test_images, test_labels = recipe.load(recipe.Settings(smoke=True))
    assert len(images) == len(labels) == 1000 and len(test_images) == len(test_labels) == 200
