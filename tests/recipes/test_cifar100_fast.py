"""CIFAR-100 in minutes, in seconds: rows, table, nothing twice; what is scored."""

import csv

import numpy as np
import pytest

from tests.recipes import call


@pytest.mark.slow
def test_smoke_and_one_more_row(tmp_path):
    words = ("--smoke", "--output", tmp_path)
    first = call.recipe("cifar100_fast", *words)
    assert "HAFrame, seed 0" in first and "100 test images" in first and "| top-1 % |" in first
    more = ("HAFrame: haframe gamma=2 alpha=0.4", "soft_labels beta=4 network=I")
    again = call.recipe("cifar100_fast", *words, "--rows", *more)
    assert "HAFrame, seed 0" not in again and "soft_labels beta=4 network=I, seed 0" in again
    with open(tmp_path / "results.csv", newline="") as file:
        rows = {(row["method"], row["decision"]) for row in csv.DictReader(file)}
    assert rows == {(m, d) for m in ("cross-entropy", "HAFrame", more[1]) for d in ("", "CRM")}
    assert (tmp_path / "results.md").read_text() in again


def test_validation_images_are_not_trained_on(tmp_path):
    module = call.module("cifar100_fast")
    file = str(tmp_path / "cifar100.npz")
    np.savez(
        file,
        train_images=np.zeros((50_000, 32, 32, 3), "uint8"),
        train_labels=np.repeat(np.arange(100), 500),
        test_images=np.zeros((100, 32, 32, 3), "uint8"),
        test_labels=np.arange(100),
    )
    (images, _), (scored, labels) = module.load(module.Settings(tune=True, arrays=file))
    assert len(images) == 45_000 and (np.bincount(labels) == 50).all()
    (images, _), (scored, _) = module.load(module.Settings(arrays=file))
    assert len(images) == 50_000 and len(scored) == 100
