"""What a run's folder keeps and refuses."""

import json

import numpy as np
import pytest

from keras_haframe.results import read_scores, write_scores
from keras_haframe.results.run import (
    keep_settings,
    read_result,
    read_settings,
    read_split,
    write_result,
)


def test_settings_are_kept_and_others_refused(tmp_path):
    facts = {"epochs": 100, "lengths": np.array([1.0, 2.0]), "folder": tmp_path}
    keep_settings(tmp_path / "a", facts)
    keep_settings(tmp_path / "a", facts)
    with pytest.raises(ValueError, match="epochs=100; now it is epochs=5"):
        keep_settings(tmp_path / "a", {**facts, "epochs": 5})
    with pytest.raises(ValueError, match="extra=None; now it is extra=1"):
        keep_settings(tmp_path / "a", {**facts, "extra": 1})


def test_settings_are_read_as_they_were_kept(tmp_path):
    assert read_settings(tmp_path) == {}
    keep_settings(tmp_path, {"lengths": np.array([1.0, 2.0]), "folder": tmp_path})
    assert read_settings(tmp_path) == {"lengths": [1.0, 2.0], "folder": str(tmp_path)}


def test_scores_and_labels(tmp_path):
    scores, labels = np.eye(3, dtype="float32"), [2, 1, 0]
    write_scores(tmp_path / "new", scores, labels)
    kept, numbers = read_scores(tmp_path / "new", 3)
    np.testing.assert_array_equal(kept, scores)
    assert kept.dtype == "float32" and numbers.tolist() == labels
    with pytest.raises(ValueError, match=r"scores\.npz must be finite, \[3, 4\].*\(3, 3\)"):
        read_scores(tmp_path / "new", 4)
    assert read_split(tmp_path / "new") == ""
    write_scores(tmp_path / "new", scores, labels, "validation")
    assert read_split(tmp_path / "new") == "validation"


def test_a_run_with_a_result_is_finished(tmp_path):
    assert read_result(tmp_path) is None
    write_result(tmp_path, {"method": "a", "top1": 0.5})
    assert read_result(tmp_path) == json.loads((tmp_path / "result.json").read_text())
    assert read_result(tmp_path) == {"method": "a", "top1": 0.5}
