"""Tables of photographs as data sets."""

import os

import numpy as np
import pytest
from PIL import Image

import keras_haframe as kh
from keras_haframe.data import image_table
from tests.data.archives import CORRUPT

tf = pytest.importorskip("tensorflow")

# family, genus, species of every image; the gray level says the species.
SPECIES = [("gulls", "Larus", "canus"), ("gulls", "Larus", "fuscus"), ("owls", "Strix", "aluco")]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of nine images, in no order, and the files below the working folder."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("pictures")
    columns = {"file": [], "family": [], "genus": [], "species": [], "part": []}
    for i in range(9):
        names = SPECIES[i * 2 % 3]
        file = f"pictures/{i}.png"
        Image.fromarray(np.full((5, 5, 3), 10 * SPECIES.index(names), "uint8")).save(file)
        part = ("train", "train", "val")[i // 3]
        for column, value in zip(columns.values(), (file, *names, part)):
            column.append(value)
    return columns


class Frame:
    """What is asked of a pandas DataFrame."""

    def __init__(self, columns):
        self.columns, self._columns = list(columns), columns

    def __getitem__(self, name):
        return self._columns[name]


def write(table, path="birds.csv", delimiter=",", encoding="utf-8"):
    lines = [table.keys(), *zip(*table.values())]
    with open(path, "w", encoding=encoding) as file:
        file.writelines(delimiter.join(line) + "\n" for line in lines)
    return path


def labels_of(data, split="train"):
    """Label of every row, after a look at its picture."""
    images, labels = zip(*[(x.numpy(), y.numpy()) for x, y in data.in_order(split)])
    labels = np.concatenate(labels)
    gray = np.concatenate(images)[:, 0, 0, 0]
    names = [SPECIES[int(g) // 10][-1] for g in gray]
    assert [data.class_names[label] for label in labels] == names
    return labels


@pytest.mark.parametrize("levels", [("family", "genus", "species"), ("species", "genus", "family")])
@pytest.mark.parametrize("as_", [write, Frame, dict])
def test_levels_in_either_order_from_any_table(table, levels, as_):
    data = image_table(as_(table), "file", levels, (5, 5), 4, validation=0)
    assert data.class_names == ["canus", "fuscus", "aluco"]
    assert data.tree.path("fuscus")[1:] == ["gulls", "Larus", "fuscus"]
    assert np.bincount(labels_of(data)).tolist() == [3, 3, 3]


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-8")])
def test_other_delimiters(table, delimiter, encoding):
    path = write(table, delimiter=delimiter, encoding=encoding)
    assert image_table(path, "file", ["family", "species"], (5, 5)).tree.height == 2


def test_shares_and_splits(table):
    drawn = image_table(table, "file", "species", (5, 5), validation=0.34)
    assert np.bincount(drawn.labels["validation"]).tolist() == [1, 1, 1]
    given = image_table(table, "file", "species", (5, 5), split="part")
    assert given.files["validation"] == ["pictures/6.png", "pictures/7.png", "pictures/8.png"]
    assert len(labels_of(given, "validation")) == 3 and len(labels_of(given)) == 6
    table["part"][4] = "other"
    with pytest.raises(ValueError, match=r"Column 'part' must be one of .*'other'"):
        image_table(table, "file", "species", (5, 5), split="part")


def test_a_tree_of_ones_own(table):
    tree = kh.ClassTree.from_nested({"owls": ["aluco", "bubo"], "gulls": ["fuscus", "canus"]})
    with pytest.warns(UserWarning, match="1 of 4 classes have no image in the train split: bubo"):
        data = image_table(table, "file", "species", (5, 5), validation=0, tree=tree)
    assert data.tree is tree and set(labels_of(data)) == {0, 2, 3}
    with pytest.raises(ValueError, match="must be classes of `tree`. Received a group of it"):
        image_table(table, "file", "family", (5, 5), tree=tree)
    with pytest.raises(ValueError, match="'Larus' is not a node of this tree"):
        image_table(table, "file", "genus", (5, 5), tree=tree)
    with pytest.raises(ValueError, match="With `tree`, `labels` must be the class alone"):
        image_table(table, "file", ["family", "species"], (5, 5), tree=tree)


def test_names_that_repeat_in_other_groups_are_asked_for(table):
    table["species"] = ["other" if s != "canus" else s for s in table["species"]]
    levels = ["family", "species"]
    message = r"'other' in 'species' has two parents, 'owls' and 'gulls'.*coarse_first=True"
    with pytest.raises(ValueError, match=message):
        image_table(table, "file", levels, (5, 5))
    data = image_table(table, "file", levels, (5, 5), coarse_first=True)
    assert data.class_names == ["canus", "gulls/other", "owls/other"]
    again = image_table(table, "file", levels[::-1], (5, 5), coarse_first=False)
    assert again.tree == data.tree


def test_an_order_that_cannot_be_told_is_asked_for(table):
    """Each class alone in its group: either order fits the values."""
    kinds = {s: f"kind of {s}" for s in table["species"]}
    table = {"file": table["file"], "kind": [kinds[s] for s in table["species"]],
             "sort": table["species"]}  # fmt: skip
    message = r"either order fits.*labels=\['kind', 'sort'\], coarse_first=True"
    with pytest.raises(ValueError, match=message):
        image_table(table, "file", ["kind", "sort"], (5, 5))
    data = image_table(table, "file", ["kind", "sort"], (5, 5), coarse_first=False)
    assert data.tree.path(0)[1] == data.tree.path(0)[2].removeprefix("kind of ")


def test_blank_cells_and_numbers(table):
    table["genus"] = [None if g == "Strix" else g for g in table["genus"]]
    table["species"] = [{"canus": 1.0, "fuscus": 2.0, "aluco": 3}[s] for s in table["species"]]
    data = image_table(Frame(table), "file", ["family", "genus", "species"], (5, 5), validation=0)
    assert data.class_names == ["1", "2", "3"]
    assert data.tree.path("3") == ["root", "owls", "3"]
    table["species"][4] = float("nan")
    with pytest.raises(ValueError, match=r"pictures/4\.png has no class: its 'species' is blank"):
        image_table(Frame(table), "file", ["species", "family"], (5, 5))


def test_the_folder_of_the_files(table, tmp_path, monkeypatch):
    path = write(table)
    monkeypatch.chdir(tmp_path / "pictures")
    data = image_table(tmp_path / path, "file", "species", (5, 5))  # beside the CSV file
    assert data.check(verbose=False) == {}
    with pytest.raises(ValueError, match=r"9 of 9 files are not there, pictures/0\.png first"):
        image_table(table, "file", "species", (5, 5))
    assert image_table(table, "file", "species", (5, 5), root=tmp_path).check(False) == {}


def test_missing_and_damaged_files(table):
    os.remove("pictures/0.png")
    with open("pictures/1.png", "wb") as file:
        file.write(CORRUPT)
    with pytest.raises(ValueError, match=r"1 of 9 files are not there, pictures/0\.png first"):
        image_table(table, "file", "species", (5, 5))
    with pytest.warns(UserWarning, match="left out 2 images that cannot be read"):
        data = image_table(table, "file", "species", (5, 5), validation=0, on_corrupt="skip")
    assert len(labels_of(data)) == 7 and list(data.skipped) == ["pictures/0.png", "pictures/1.png"]


def change(column, row, value):
    return lambda table: table[column].__setitem__(row, value)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (change("file", 3, "pictures/1.png"), r"more than once.*First: pictures/1\.png"),
        (change("file", 3, " "), "Row 3 of the table, from 0, names no file"),
        (lambda table: [column.clear() for column in table.values()], "The table has no rows"),
        (
            lambda table: table.update(kind=table.pop("species")),
            "'species' is not a column.*Columns:",
        ),
    ],
)
def test_refused_tables(table, spoil, match):
    spoil(table)
    with pytest.raises(ValueError, match=match):
        image_table(table, "file", "species", (5, 5))


def test_refused_csv_files(table):
    with pytest.raises(ValueError, match=r"'path' is not a column.*Columns: .'file', 'family'"):
        image_table(write(table), "path", "species", (5, 5))
    with pytest.raises(
        ValueError, match=r"'specie' is not a column of the table\. Did you mean 'species'"
    ):
        image_table("birds.csv", "file", "specie", (5, 5))
    with open("birds.csv", "a") as file:
        file.write("pictures/9.png,gulls\n")
    with pytest.raises(ValueError, match="line 11 has 2 cells, the header 5"):
        image_table("birds.csv", "file", "species", (5, 5))
    table["family"] = ["goélands"] * 9
    with pytest.raises(ValueError, match="is not UTF-8"):
        image_table(write(table, encoding="latin-1"), "file", "species", (5, 5))
