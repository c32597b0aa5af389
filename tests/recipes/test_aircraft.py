"""The demo in its short mode: every promised output is there and whole."""

import csv
import os

import keras
import numpy as np
import pytest

from keras_haframe.results import write_report
from tests.recipes import call

pytest.importorskip("tensorflow", reason="the demo exports a SavedModel")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the demo exports a SavedModel", allow_module_level=True)

pytestmark = pytest.mark.slow  # CI also runs the demo in a process of its own, as users start it
METHODS = ["HAFrame", "HAFrame + CRM", "cross-entropy", "cross-entropy + CRM"]
FIGURES = ["samples.png", "gram.png", "mistakes.png", "predictions.png"]


@pytest.fixture(scope="module")
def demo(made_once):
    """Printed text and folder of one short run."""

    def make(home):
        text = call.recipe("aircraft", "--demo", "--smoke", "--output", home / "results")
        assert os.listdir(home) == ["results"]  # nothing written elsewhere
        (home / "text").write_text(text)

    home = made_once("demo_smoke", make)
    return (home / "text").read_text(), home / "results"


def test_prints_the_tree_and_what_gamma_leaves(demo):
    text, _ = demo
    assert "drawn_aircraft" in text and "36" in text
    assert "s_min" in text


def test_prints_one_table_of_four_rows(demo):
    text, _ = demo
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == [
        "method", "top-1 %", "severity", "HierDist@1", "HierDist@5", "HierDist@20",
        "HOPS", "HOPS@20", "HOPS@5", "order right %", "seeds",
    ]  # fmt: skip
    assert sorted(row[0] for row in cells[2:]) == METHODS
    assert all(0 <= float(row[1]) <= 100 and row[-1] == "1" for row in cells[2:])


def test_results_agree_with_the_printed_table(demo):
    text, output = demo
    with open(output / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 and {row["decision"] for row in rows} == {"", "CRM"}
    for row in rows:
        row["method"] += " + CRM" if row["decision"] else ""
    assert sorted(row["method"] for row in rows) == METHODS
    for row in rows:
        top1, first = float(row["top1"]), float(row["hier_dist_1"])
        assert first == pytest.approx((1 - top1) * float(row["severity"]), rel=1e-4)
        assert all(0 <= float(row[f"hier_dist_{k}"]) <= 3 for k in (1, 5, 20))
        assert f"| {row['method']} | {100 * top1:.2f} |" in text


@pytest.mark.parametrize("name", FIGURES)
def test_figures(demo, name):
    from matplotlib import pyplot as plt

    pixels = plt.imread(demo[1] / name)
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.02  # not an empty page


def test_models(demo):
    import tensorflow as tf

    output = demo[1]
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
    model = keras.saving.load_model(output / "haframe.keras", safe_mode=True)
    scores = model.predict(images, verbose=0)
    assert scores.shape == (2, 36) and np.isfinite(scores).all()
    served = tf.saved_model.load(str(output / "serving" / "1")).signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    found = served(**{name: tf.constant(images)})["probabilities"].numpy()
    softmax = keras.ops.convert_to_numpy(keras.ops.softmax(scores))
    np.testing.assert_allclose(found, softmax, rtol=1e-3, atol=1e-5)


def test_prints_a_few_predicted_paths(demo):
    text, output = demo
    lines = [line.split("predicted as") for line in text.splitlines() if "predicted as" in line]
    tree = keras.saving.load_model(output / "haframe.keras").tree
    assert len(lines) == 5
    for label, path in lines:
        *_, leaf = names = [name.strip() for name in path.split(">")]
        assert label.strip() in tree.leaves and leaf in tree.leaves
        assert names == tree.path(tree.index(leaf))[1:]


def test_the_folder_makes_a_report(demo, tmp_path):
    page = write_report(demo[1], tmp_path / "page.html").read_text(encoding="utf-8")
    for title in ("Mistakes by LCA height", "Worst mistakes", "Operating curve", "Loss"):
        assert title in page
