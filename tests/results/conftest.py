"""A run folder with everything in it."""

import matplotlib

matplotlib.use("Agg")
import json
import shutil

import numpy as np
import pytest
from matplotlib import pyplot as plt

from keras_haframe.results import run_folder, table, write_images, write_scores
from keras_haframe.results.run import SCORES, write_result


@pytest.fixture(autouse=True)
def _coarse_and_closed(monkeypatch):
    """Figures in few pixels, for speed; none stays open."""
    monkeypatch.setattr("keras_haframe.results.figure.DPI", 30)
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
    for method in ("cross-entropy", "HAFrame"):
        for seed in (0, 1):
            run = run_folder(folder, method, seed)
            write_scores(run, rng.normal(size=(30, 4)), labels, "test")
            write_result(run, {"method": method, "seed": seed, "top1": 0.5})
    write_images(folder, rng.integers(0, 256, (30, 8, 8, 3)).astype("uint8"))
    return folder


def change(folder, method="HAFrame", **arrays):
    """Replace (or, with None, drop) arrays of the kept scores of a method's first seed."""
    path = run_folder(folder, method, 0) / SCORES
    with np.load(path) as file:
        kept = {**{k: file[k] for k in file.files}, **arrays}
    np.savez(path, **{k: v for k, v in kept.items() if v is not None})


def leave_only_results(folder):
    """Remove everything but `results.csv` from a folder of results."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "results.csv":
            path.unlink()
