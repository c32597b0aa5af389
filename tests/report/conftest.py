"""A run folder with everything in it."""

import matplotlib

matplotlib.use("Agg")
import json

import numpy as np
import pytest
from matplotlib import pyplot as plt

from keras_haframe.training import table


@pytest.fixture(autouse=True)
def _coarse_and_closed(monkeypatch):
    """Figures in few pixels, for speed; none stays open."""
    monkeypatch.setattr("keras_haframe.report.figures.DPI", 30)
    yield
    assert plt.get_fignums() == []


@pytest.fixture
def run_dir(tmp_path, tree):
    """Folder of a made-up run on the worked tree."""
    folder = tmp_path / "my run"
    folder.mkdir()
    rows = [
        {"method": m, "seed": s, "top1": 0.5 + 0.1 * i + 0.02 * s, "severity": 1.5 - 0.1 * i}
        for i, m in enumerate(("cross-entropy", "HAFrame"))
        for s in (0, 1)
    ]
    table.write_csv(rows, folder / "results.csv")
    (folder / "settings.json").write_text(json.dumps({"gamma": 1.0, "nested": {"a": [1, 2]}}))
    (folder / "history.csv").write_text("epoch,loss,top1,val_loss\n0,2,0.1,2.5\n1,1,0.4,NA\n")
    (folder / "nc_haframe.csv").write_text(
        "epoch,train_nc1,test_nc1,train_nc2_etf\n0,nan,nan,nan\n1,0.5,0.75,0.25\n"
    )
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, 1])
    figure.savefig(folder / "drawn_curve.png", dpi=50)
    plt.close(figure)
    tree.to_json(folder / "tree.json")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 30)
    scores = rng.normal(size=(30, 4))
    np.savez(
        folder / "predictions.npz",
        scores=scores,
        labels=labels,
        images=rng.integers(0, 256, (30, 8, 8, 3)).astype("uint8"),
        baseline=rng.normal(size=(30, 4)),
        names=np.array(["HAFrame", "cross-entropy"]),
    )
    return folder


def change(folder, **arrays):
    """Replace (or, with None, drop) arrays of predictions.npz."""
    with np.load(folder / "predictions.npz") as file:
        kept = {**{k: file[k] for k in file.files}, **arrays}
    np.savez(folder / "predictions.npz", **{k: v for k, v in kept.items() if v is not None})
