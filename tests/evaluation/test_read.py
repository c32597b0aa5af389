"""Scores in files and tables: whatever the order of the columns, the same numbers."""

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.evaluation import read_table
from keras_haframe.metrics import summary
from tests.brute_force import softmax
from tests.evaluation.test_evaluate import case
from tests.tables import Frame

ORDER = [2, 0, 3, 1]  # of the columns of a table


@pytest.fixture
def data(tree):
    labels, z = case(tree, 60)
    return labels, softmax(z).astype(np.float32), [tree.leaves[k] for k in labels]


def columns(tree):
    return [tree.leaves[k] for k in ORDER]


def write(path, head, rows, separator=","):
    lines = [separator.join(map(str, row)) for row in ([head] if head else []) + list(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def same(report, tree, data):
    labels, p, _ = data
    np.testing.assert_allclose(report.probabilities, p, atol=1e-5)
    np.testing.assert_array_equal(report.labels, labels)


def test_numpy_files(tree, data, tmp_path):
    labels, p, names = data
    np.save(tmp_path / "p.npy", p)
    np.save(tmp_path / "labels.npy", labels)
    same(kh.evaluate(labels, tmp_path / "p.npy", tree), tree, data)
    same(kh.evaluate(str(tmp_path / "labels.npy"), str(tmp_path / "p.npy"), tree), tree, data)
    np.savez(tmp_path / "a.npz", scores=p, labels=labels)
    same(kh.evaluate(None, tmp_path / "a.npz", tree), tree, data)
    np.savez(tmp_path / "b.npz", probabilities=p[:, ORDER], y=names, classes=columns(tree))
    report = kh.evaluate("y", tmp_path / "b.npz", tree)
    same(report, tree, data)
    assert "put in the order" in report.notes[0] and report.kind == "probabilities"
    # Numbers in a file that names its columns are those of its columns.
    np.savez(tmp_path / "c.npz", logits=np.log(p[:, ORDER]), labels=np.argsort(ORDER)[labels],
             classes=columns(tree))  # fmt: skip
    report = kh.evaluate(None, tmp_path / "c.npz", tree)
    same(report, tree, data)
    assert "those of its own columns" in report.notes[1]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text(tree, data, tmp_path, separator):
    labels, p, names = data
    head = ["file", *columns(tree), "label"]
    rows = [[f"{i}.jpg", *p[i, ORDER], names[i]] for i in range(60)]
    report = kh.evaluate(None, write(tmp_path / "a.csv", head, rows, separator), tree)
    same(report, tree, data)
    assert "not read: 'file'" in " ".join(report.notes)
    if separator != ",":
        comma = [[r[0], *(str(v).replace(".", ",") for v in r[1:5]), r[5]] for r in rows]
        same(
            kh.evaluate("label", write(tmp_path / "b.csv", head, comma, separator), tree),
            tree,
            data,
        )
    numbered = [[*p[i, ORDER], np.argsort(ORDER)[labels[i]]] for i in range(60)]
    path = write(tmp_path / "c.csv", [*columns(tree), "y_true"], numbered, separator)
    same(kh.evaluate(None, path, tree), tree, data)
    same(kh.evaluate(labels, write(tmp_path / "d.csv", None, p, separator), tree), tree, data)
    for name, rows in (("n.txt", [[n] for n in names]), ("i.csv", [[k] for k in labels])):
        same(kh.evaluate(write(tmp_path / name, None, rows), p, tree), tree, data)
    path = write(tmp_path / "e.csv", ["file", "label"], [["x", n] for n in names])
    same(kh.evaluate(path, p, tree), tree, data)


def test_frames(tree, data):
    labels, p, names = data
    table = Frame(p[:, ORDER], columns(tree))
    report = kh.evaluate(labels, table, tree)
    same(report, tree, data)
    assert "put in the order" in report.notes[0]
    with_labels = Frame(np.c_[p[:, ORDER], np.argsort(ORDER)[labels]], [*columns(tree), "label"])
    with_labels.values = with_labels.values.astype(object)
    with_labels.values[:, -1] = names
    report = kh.evaluate("label", with_labels, tree)
    np.testing.assert_array_equal(report.labels, labels)
    numbered = Frame(p[:, ORDER], ORDER)
    same(kh.evaluate(labels, numbered, tree), tree, data)


def test_pandas_and_polars(tree, data, tmp_path):
    labels, p, names = data
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(p[:, ORDER], columns=columns(tree)).assign(label=names)
    same(kh.evaluate("label", frame, tree), tree, data)
    same(kh.evaluate(frame.label, frame.drop(columns="label"), tree), tree, data)
    same(kh.evaluate(frame.label.astype("category"), pandas.DataFrame(p), tree), tree, data)
    assert summary(labels, frame[columns(tree)], tree) == summary(labels, p, tree)
    polars = pytest.importorskip("polars")
    same(kh.evaluate("label", polars.DataFrame(frame.to_dict("list")), tree), tree, data)


def test_parquet(tree, data, tmp_path, monkeypatch):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    labels, p, names = data
    made = {name: p[:, k] for name, k in zip(columns(tree), ORDER)}
    table = arrow.table({**made, "label": names})
    parquet.write_table(table, tmp_path / "a.parquet")
    same(kh.evaluate(None, tmp_path / "a.parquet", tree), tree, data)
    same(kh.evaluate("label", table, tree), tree, data)
    parquet.write_table(arrow.table(made), tmp_path / "b.parquet")
    same(kh.evaluate(labels, tmp_path / "b.parquet", tree), tree, data)
    (tmp_path / "c.parquet").write_text("no")
    with pytest.raises(ValueError, match="c.parquet is not a Parquet file"):
        read_table(tmp_path / "c.parquet", tree)


def test_parquet_without_pyarrow(tree, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_text("")
    with pytest.raises(ValueError, match="needs pyarrow, which is not installed: pip install"):
        read_table(tmp_path / "a.parquet", tree)


def test_summary_honors_names(tree, data):
    labels, p, _ = data
    right, wrong = summary(labels, p, tree), summary(labels, p[:, ORDER], tree)
    assert right["top1"] != wrong["top1"]
    assert summary(labels, Frame(p[:, ORDER], columns(tree)), tree) == right
    with pytest.raises(ValueError, match="Every class of the tree needs a column of its name"):
        summary(labels, Frame(p, ["car", "truck", "jet", "glidr"]), tree)


def test_tables_are_refused_where_there_are_no_names_to_match(tree, data):
    _, p, _ = data
    table = Frame(p[:, ORDER], columns(tree))
    with pytest.raises(ValueError, match=r"Give `table\[tree.leaves\].to_numpy\(\)`"):
        kh.decisions.roll_up(table, tree)


def broken(tree, data, tmp_path):
    """Name to (a table that is wrong, what is said)."""
    p = data[1]
    head, nothing = columns(tree), np.zeros((3, 4))
    (tmp_path / "odd.xyz").write_text("")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "no.npz").write_text("no")
    np.savez(tmp_path / "keys.npz", s=p)
    np.savez(tmp_path / "wide.npz", scores=p, classes=["a"])
    np.savez(tmp_path / "strange.npz", scores=np.c_[p, p[:, 0]], classes=[*tree.leaves, "sky"])
    return {
        "misspelled": (Frame(p, ["car", "trcuk", "jet", "glider"]), "'trcuk' is not a class"),
        "few": (Frame(p[:, :3], tree.leaves[:3]), "the tree has more classes than the table"),
        "twice": (Frame(np.c_[p, p[:, :1]], [*tree.leaves, "car"]), "'car' twice"),
        "sky": (Frame(np.c_[p, p[:, :1]], [*tree.leaves, "sky"]), "Columns of numbers must be"),
        "numbers": (Frame(p[:, :3], range(3)), "3 numbered columns"),
        "ending": ("odd.xyz", "must be one of .npz"),
        "absent": ("absent.csv", "No such file"),
        "empty": ("empty.csv", "holds no rows"),
        "no npz": ("no.npz", "is not a .npz file of plain arrays"),
        "keys": ("keys.npz", "must hold one array of 'scores'"),
        "wide": ("wide.npz", "names 1 columns"),
        "strange": ("strange.npz", "'sky' of .* are not classes"),
        "long": (write(tmp_path / "long.csv", head, [[0, 0, 0, 0], [0, 0, 0]]), "long.csv: every"),
        "short": (write(tmp_path / "short.csv", head, [[0, 0, 0]]), "line 2 has 3 cells"),
        "word": (write(tmp_path / "word.csv", head, [[0, 0, 0, 0], [0, "x", 0, 0]]), "be a number"),
        "header": (write(tmp_path / "header.csv", None, np.c_[nothing, nothing]), "has no header"),
    }  # fmt: skip


NAMES = ["misspelled", "few", "twice", "sky", "numbers", "ending", "absent", "empty", "no npz",
         "keys", "wide", "strange", "long", "short", "word", "header"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_are_one_clear_error(tree, data, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    table, message = broken(tree, data, tmp_path)[name]
    with pytest.raises(ValueError, match=message):
        kh.evaluate(data[0], table, tree)


def test_a_column_of_labels_that_is_not_there(tree, data):
    table = Frame(data[1], tree.leaves)
    with pytest.raises(ValueError, match="no column 'truth' of labels"):
        kh.evaluate("truth", table, tree)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("none.txt", None, "No such file"),
        ("empty.csv", "\n", "holds no labels"),
        ("two.csv", "a.jpg,car\nb.jpg,jet\n", "one column, or a header with one of"),
        ("odd.csv", "car\nplane\n", "'plane'"),
        ("long.csv", "car\njet\n", "one label per row of scores. Received: 2 labels, 60"),
    ],
)
def test_files_of_labels_that_are_none(tree, data, tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        kh.evaluate(tmp_path / name, data[1], tree)
