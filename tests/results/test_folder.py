"""What an experiment's folder keeps of its runs."""

from keras_haframe.results import read_folder, run_folder
from keras_haframe.results.folder import add_results


def test_results_are_added_by_row_rule_and_seed(tmp_path):
    add_results(tmp_path, [{"method": "a", "decision": "", "seed": 0, "top1": 0.1}])
    add_results(
        tmp_path,
        [
            {"method": "a", "decision": "", "seed": 0, "top1": 0.2},
            {"method": "b", "decision": "CRM", "seed": 0, "top1": 0.3, "new": 1},
        ],
    )
    rows = read_folder(tmp_path).results
    assert [(r["method"], r["top1"], r["new"]) for r in rows] == [
        ("a", "0.2", ""),
        ("b", "0.3", "1"),
    ]


def test_names_of_runs_are_file_names(tmp_path):
    assert run_folder("r", "HXE 0.1 + x/y", 3).as_posix() == "r/HXE_0.1___x_y_seed3"
