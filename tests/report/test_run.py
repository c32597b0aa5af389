import numpy as np
import pytest

from keras_haframe.report import read_run
from tests.report.conftest import change


def test_everything_is_read(run_dir, tree):
    run = read_run(run_dir)
    assert [row["method"] for row in run.results] == ["cross-entropy"] * 2 + ["HAFrame"] * 2
    assert run.settings == {"gamma": 1.0, "nested": {"a": [1, 2]}}
    assert sorted(run.histories) == ["history", "nc_haframe"]
    np.testing.assert_array_equal(run.histories["nc_haframe"]["train_nc1"], [np.nan, 0.5])
    assert [path.name for path in run.figures] == ["drawn_curve.png"]
    assert run.tree == tree and run.notes == []
    data = run.predictions
    assert data.scores.shape == data.baseline.shape == (30, 4)
    assert data.images.shape == (30, 8, 8, 3) and data.names == ("HAFrame", "cross-entropy")


def test_results_alone_are_enough(run_dir):
    for path in run_dir.iterdir():
        if path.name != "results.csv":
            path.unlink()
    run = read_run(str(run_dir))
    assert run.tree is run.predictions is None
    assert not run.settings and not run.histories and not run.figures and not run.notes


def test_no_results(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match=r"needs a file results\.csv with the columns method"):
            read_run(folder)


@pytest.mark.parametrize("text", ["", "method,top1\n", "name,top1\na,1\n", "method\na,1\n"])
def test_wrong_results(run_dir, text):
    (run_dir / "results.csv").write_text(text)
    with pytest.raises(ValueError, match=r"results\.csv must have a header with the column"):
        read_run(run_dir)


def test_short_rows_have_empty_cells(run_dir):
    (run_dir / "results.csv").write_text("method,top1,severity\na,0.5\n")
    assert read_run(run_dir).results == [{"method": "a", "top1": "0.5", "severity": ""}]


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("[1]", "a JSON object")])
def test_wrong_settings(run_dir, text, message):
    (run_dir / "settings.json").write_text(text)
    with pytest.raises(ValueError, match=f"settings.json.*{message}"):
        read_run(run_dir)


def test_pictures_that_are_none(run_dir):
    (run_dir / "broken.png").write_bytes(b"<svg/>")
    run = read_run(run_dir)
    assert [path.name for path in run.figures] == ["drawn_curve.png"]
    assert run.notes == ["broken.png is not a PNG file and is left out."]


def test_predictions_need_the_tree(run_dir):
    (run_dir / "tree.json").unlink()
    run = read_run(run_dir)
    assert run.predictions is None
    assert run.notes == ["predictions.npz is left out: it needs tree.json beside it."]


def test_predictions_without_the_optional_arrays(run_dir):
    change(run_dir, images=None, baseline=None, names=None)
    data = read_run(run_dir).predictions
    assert data.images is data.baseline is None and data.names == ("model", "baseline")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": None}, r"Missing: \['labels'\]"),
        ({"scores": None}, r"Missing: \['scores'\]"),
        ({"scores": np.zeros((30, 3))}, r"`scores` .* must be finite, \[30, 4\].*\(30, 3\)"),
        ({"baseline": np.full((30, 4), np.nan)}, "`baseline` .* must be finite"),
        ({"labels": np.full(30, 4)}, r"predictions\.npz: `labels` must be from 0 to 3"),
        ({"labels": np.zeros(30)}, r"predictions\.npz: `labels` must be class indices"),
        ({"images": np.zeros((30, 8, 8, 3))}, r"`images` .* must be uint8 .* float64"),
        ({"images": np.zeros((29, 8, 8, 3), np.uint8)}, r"`images` .*\(29, 8, 8, 3\)"),
    ],
)
def test_wrong_predictions(run_dir, arrays, message):
    change(run_dir, **arrays)
    with pytest.raises(ValueError, match=message):
        read_run(run_dir)


def test_pickled_objects_are_not_loaded(run_dir):
    np.savez(run_dir / "predictions.npz", scores=np.array([{}], object), labels=np.zeros(1, int))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_run(run_dir)
