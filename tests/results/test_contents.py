import os
import shutil

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.results import read_folder, run_folder, write_images, write_scores
from tests.results.conftest import change, leave_only_results


def test_everything_is_read(run_dir, tree):
    run = read_folder(run_dir)
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
    leave_only_results(run_dir)
    run = read_folder(str(run_dir))
    assert run.tree is run.predictions is None
    assert not run.settings and not run.histories and not run.figures and not run.notes


def test_no_results_says_what_is_needed(tmp_path, tree):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match="holds no results") as error:
            read_folder(folder)
        for word in ("results.csv", "`method`", "scores.npz", "`scores` [n, K]", "tree.json"):
            assert word in str(error.value)
    tree.to_json(tmp_path / "tree.json")  # alone it is not enough, nor are scores
    write_scores(tmp_path / "other", np.eye(4), np.arange(4))
    for folder in (tmp_path / "other", tmp_path / "no"):
        with pytest.raises(ValueError, match="holds no results"):
            read_folder(folder)


def test_scores_of_any_classifier(tmp_path, tree):
    """Without results.csv and result.json the metrics are those of the scores."""
    scores, labels = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 4
    tree.to_json(tmp_path / "tree.json")
    write_scores(tmp_path, scores, labels)
    found = read_folder(tmp_path)
    (row,) = found.results
    assert row.pop("method") == tmp_path.name
    expected = kh.metrics.summary(labels, scores, tree)
    assert {k: float(v) for k, v in row.items()} == pytest.approx(expected)
    np.testing.assert_array_equal(found.predictions.scores, scores)
    assert found.predictions.baseline is None


def test_scores_of_several_classifiers(tmp_path, tree):
    """A folder per model; the last by name is compared with the first."""
    labels = np.arange(20) % 4
    tree.to_json(tmp_path / "tree.json")
    write_scores(tmp_path / "b net", np.eye(4)[labels], labels)
    write_scores(tmp_path / "a net", np.eye(4)[3 - labels], labels)
    found = read_folder(tmp_path)
    assert [(r["method"], float(r["top1"])) for r in found.results] == [("a net", 0), ("b net", 1)]
    assert found.predictions.names == ("b net", "a net")
    assert found.predictions.baseline is not None
    write_scores(tmp_path / "a net", np.eye(4)[:, :3], np.arange(4) % 3)
    with pytest.raises(ValueError, match=r"a net/scores\.npz must be finite, \[4, 4\]"):
        read_folder(tmp_path)


@pytest.mark.parametrize("text", ["", "method,top1\n", "name,top1\na,1\n", "method\na,1\n"])
def test_wrong_results(run_dir, text):
    (run_dir / "results.csv").write_text(text)
    with pytest.raises(ValueError, match=r"results\.csv must have a header with the column"):
        read_folder(run_dir)


def test_short_rows_have_empty_cells(run_dir):
    (run_dir / "results.csv").write_text("method,top1,severity\na,0.5\n")
    assert read_folder(run_dir).results == [{"method": "a", "top1": "0.5", "severity": ""}]


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("[1]", "a JSON object")])
def test_wrong_settings(run_dir, text, message):
    (run_dir / "settings.json").write_text(text)
    with pytest.raises(ValueError, match=f"settings.json.*{message}"):
        read_folder(run_dir)


def test_pictures_that_are_none(run_dir):
    whole = (run_dir / "drawn_curve.png").read_bytes()
    damaged = bytes([*whole[:80], whole[80] ^ 1, *whole[81:]])
    for content in (b"<svg/>", b"", whole[:20], whole[: len(whole) // 2], whole[:-13], damaged):
        (run_dir / "broken.png").write_bytes(content)
        run = read_folder(run_dir)
        assert [path.name for path in run.figures] == ["drawn_curve.png"]
        assert run.notes == ["broken.png is not a whole PNG file and is left out."]


def test_a_run_alone(run_dir, tree):
    """One run is a folder like an experiment: result.json in place of results.csv."""
    run = run_folder(run_dir, "HAFrame", 1)
    tree.to_json(run / "tree.json")
    (run / "history.csv").write_text("epoch,loss\n0,1.5\n")
    found = read_folder(run)
    assert found.results == [{"method": "HAFrame", "seed": "1", "top1": "0.5"}]
    assert list(found.histories) == ["HAFrame, seed 1"] and found.tree == tree
    assert found.predictions.baseline is None and found.predictions.names[0] == "HAFrame"


def test_histories_of_the_runs(run_dir):
    """By row and seed, rows in the order of the table, unfinished runs by their folder at last."""
    runs = ["HAFrame_seed0", "HAFrame_seed1", "cross-entropy_seed1", "going_on_seed0"]
    for name in runs:
        (run_dir / name).mkdir(exist_ok=True)
        (run_dir / name / "history.csv").write_text("epoch,loss\n0,1.5\n")
    assert list(read_folder(run_dir).histories) == [
        "history", "nc_haframe", "cross-entropy, seed 1", "HAFrame, seed 0", "HAFrame, seed 1",
        "going_on_seed0",
    ]  # fmt: skip


def test_finished_runs_without_results_csv(run_dir):
    (run_dir / "results.csv").unlink()
    assert len(read_folder(run_dir).results) == 4


def test_scores_need_the_tree(run_dir):
    (run_dir / "tree.json").unlink()
    run = read_folder(run_dir)
    assert run.predictions is None
    assert run.notes == ["scores.npz is left out: it needs tree.json beside it."]


def test_scores_without_images_and_baseline(run_dir):
    (run_dir / "images.npz").unlink()
    for seed in (0, 1):
        shutil.rmtree(run_folder(run_dir, "cross-entropy", seed))
    data = read_folder(run_dir).predictions
    assert data.images is data.baseline is None and data.names == ("HAFrame", "HAFrame")


def test_a_baseline_of_other_test_data_is_left_out(run_dir):
    change(run_dir, "cross-entropy", labels=np.zeros(30, int))
    assert read_folder(run_dir).predictions.baseline is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": None}, r"Missing: \['labels'\]"),
        ({"scores": None}, r"Missing: \['scores'\]"),
        ({"scores": np.zeros((30, 3))}, r"`scores` .* must be finite, \[30, 4\].*\(30, 3\)"),
        ({"labels": np.full(30, 4)}, r"from 0 to 3.*Received label 4 in .*scores\.npz"),
        ({"labels": np.zeros(30)}, r"dtype float64 in .*scores\.npz"),
    ],
)
def test_wrong_scores(run_dir, arrays, message):
    change(run_dir, **arrays)
    with pytest.raises(ValueError, match=message):
        read_folder(run_dir)


@pytest.mark.parametrize("images", [np.zeros((30, 8, 8, 3)), np.zeros((29, 8, 8, 3), np.uint8)])
def test_wrong_images(run_dir, images):
    write_images(run_dir, images)
    with pytest.raises(ValueError, match=r"`images` .* must be uint8 \[30, H, W, 3\]"):
        read_folder(run_dir)


def test_pickled_objects_are_not_loaded(run_dir):
    change(run_dir, scores=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_folder(run_dir)


def test_tree_of_a_run_is_that_of_its_model(run_dir):
    assert isinstance(read_folder(run_dir).tree, kh.ClassTree)


def test_a_folder_that_may_not_be_read(run_dir, monkeypatch):
    """It is told of: `glob` passes it over without a word."""
    monkeypatch.setattr(os, "access", lambda path, mode: path.name != "HAFrame_seed0")
    assert read_folder(run_dir).notes == ["HAFrame_seed0 may not be read and is left out."]


def test_tables_that_end_within_a_line(run_dir):
    for name in ("results.csv", "history.csv", "nc_haframe.csv"):
        content = (run_dir / name).read_bytes()
        (run_dir / name).write_bytes(content[:-2])
        assert read_folder(run_dir).notes == [
            f"{name} ends within a line: its last values may be cut."
        ]
        (run_dir / name).write_bytes(content)
