"""Every file of a run's folder cut short, flipped and foreign: a clear error, or a note; no other.

What cannot be told without a checksum is a digit that became another in a text file.
"""

import collections
import pathlib
import random

import numpy as np
import pytest

from keras_haframe.evaluation import evaluate
from keras_haframe.files import read_object
from keras_haframe.results import read_folder, read_scores, run_folder
from keras_haframe.results.run import keep_settings, read_result

FOREIGN = {
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "archive": b"PK\x03\x04" + bytes(60),
    "text": b'[1, "\n', "zeros": bytes(100), "list": b"[[1]]", "deep": b"[" * 99_999,
    "long": b"a," + b"x" * 200_000,
}  # fmt: skip


def damages(content, flips):
    """The content of a file as it should not be, by what was done to it."""
    size, draw = len(content), random.Random(0)
    made = {"empty": b"", "half": content[: size // 2], "but one": content[:-1], **FOREIGN}
    for i in range(flips):
        at = draw.randrange(size)
        flipped = content[at] ^ (1 << draw.randrange(8))
        made[f"flip {i}"] = content[:at] + bytes([flipped]) + content[at + 1 :]
    return made


@pytest.fixture
def folder(run_dir):
    for row in ("cross-entropy", "HAFrame"):
        keep_settings(run_folder(run_dir, row, 0), {"epochs": 2}, {"backend": "tensorflow"})
        (run_folder(run_dir, row, 0) / "history.csv").write_text("epoch,loss\n0,1.5\n")
    return run_dir


def used(path):
    """Read a file as `run` and `compare` do."""
    if path.name == "settings.json" and path.parent.name == "HAFrame_seed0":
        keep_settings(path.parent, {"epochs": 2}, {"backend": "tensorflow"})
    elif path.name == "result.json":
        read_result(path.parent)
    elif path.name == "scores.npz":
        read_scores(path.parent, 4)


def test_a_folder_of_results(folder):
    """The readers of the report, of runs and of comparisons."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len({path.name for path in files}) == 9
    told, least = collections.Counter(), {"empty", "archive", "picture", "zeros", "deep"}
    for path in files:
        if "seed1" in path.parent.name:
            continue
        content = path.read_bytes()
        for kind, made in damages(content, 6).items():
            path.write_bytes(made)
            found = []
            for read in (lambda: read_folder(folder).notes, lambda path=path: used(path)):
                try:
                    found.append(bool(read()))
                except (ValueError, OSError) as error:  # whatever else is a defect
                    assert path.name in str(error) or str(path.parent) in str(error), (path, kind)
                    found.append(True)
            told[any(found)] += 1
            read_by_all = path.name != "settings.json" or path.parent == folder
            assert any(found) or kind not in least or not read_by_all, (path, kind)
        path.write_bytes(content)
    assert read_folder(folder).notes == []
    assert told[True] > 3 * told[False]


def test_files_of_scores_and_labels(tmp_path, tree):
    """What `haframe evaluate` reads."""
    labels = np.arange(4)
    np.savez(tmp_path / "scores.npz", scores=np.eye(4))
    np.save(tmp_path / "scores.npy", np.eye(4))
    np.savetxt(tmp_path / "scores.csv", np.eye(4), "%g", ",", header=",".join(tree.leaves))
    np.savez(tmp_path / "labels.npz", labels=labels)
    np.save(tmp_path / "labels.npy", labels)
    np.savetxt(tmp_path / "labels.csv", labels, "%d")
    for path in sorted(tmp_path.iterdir()):
        for made in damages(path.read_bytes(), 4).values():
            path.write_bytes(made)
            try:
                if path.stem == "scores":
                    evaluate(labels, path, tree)
                else:
                    evaluate(path, np.eye(4), tree)
            except (ValueError, OSError):  # whatever else is a defect
                pass


@pytest.mark.parametrize("kind", ["empty", "half", "picture"])
def test_what_is_to_be_done(folder, kind):
    """The message says what to do, of those that a run is taken up with."""
    run = run_folder(folder, "HAFrame", 0)
    for name, mend, read in (
        ("settings.json", "give the very command", lambda: keep_settings(run, {})),
        ("result.json", "made anew from the checkpoint", lambda: read_result(run)),
        ("scores.npz", "made anew from the checkpoint", lambda: read_scores(run, 4)),
    ):
        path = pathlib.Path(run / name)
        content = path.read_bytes()
        path.write_bytes(damages(content, 0)[kind])
        with pytest.raises(ValueError, match=f"{name}.*Remove it.*{mend}|{name}.*: remove.*{mend}"):
            read()
        path.write_bytes(content)
        if name.endswith("json"):
            assert read_object(path)
