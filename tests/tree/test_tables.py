"""Trees from CSV files and data frames: separator, header, levels and their order."""

import warnings

import pytest

import keras_haframe as kh


def csv(tmp_path, text, encoding="utf-8", **options):
    path = tmp_path / "things.csv"
    path.write_text(text, encoding, newline="")
    return kh.ClassTree.from_csv(path, **options)


LEVELS = "variant,group\ncar,land\ntruck,land\njet,air\nglider,air\n"
EDGES = "parent,child\nvehicle,land\nvehicle,air\nland,car\nland,truck\nair,jet\nair,glider\n"
BIRDS = "order,family,species\nA,L,gull\nA,L,tern\nA,S,skua\nB,O,owl\n"


def turned(text):
    return "\n".join(",".join(line.split(",")[::-1]) for line in text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        LEVELS,
        EDGES,
        LEVELS.replace("\n", "\r\n"),
        LEVELS.replace("\n", "\n\n") + " , \n",  # blank lines
        LEVELS.replace(",", " , "),
        LEVELS.replace("jet", '"jet"'),
        EDGES.replace("parent,child", "Parent, CHILD"),
        "note," + EDGES.replace("\n", "\nx,").removesuffix("x,"),  # a further column
        turned(EDGES),
        EDGES.replace("vehicle,land", ",vehicle\nvehicle,land"),
        LEVELS.split("\n", 1)[1],
    ],
    ids=[
        "levels", "edges", "crlf", "blank", "spaces", "quotes", "case", "extra", "swapped", "top",
        "no header",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_forms(tmp_path, tree, text, encoding, separator):
    made = csv(tmp_path, text.replace(",", separator), encoding, root="vehicle")
    assert made == tree and made.name == "things"


# Order -------------------------------------------------------------------------------------------


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return csv(*args, **options)


def test_ranks_tell_the_order(tmp_path):
    """As in the tables of museums, GBIF and iNaturalist: it was built upside down."""
    for text in (BIRDS, turned(BIRDS), "species,order,family\nskua,A,S\nowl,B,O\n"):
        made = quietly(tmp_path, text)
        assert made.path("skua") == ["root", "A", "S", "skua"]
    assert made.source.endswith(
        "things.csv: separated by commas, with a header, levels order > family > species"
    )
    assert str(made).endswith(f"  read from {made.source}")


def test_values_tell_the_order(tmp_path):
    with pytest.warns(UserWarning, match="from the coarsest to the finest, levels group > variant"):
        made = csv(tmp_path, turned(LEVELS))
    assert made.path("jet") == ["root", "air", "jet"] and made.leaves[:2] == ["car", "truck"]


def test_ranks_against_the_values(tmp_path):
    """Here `class` is the class, and `order` a group."""
    made = csv(tmp_path, "class,order\ncar,land\ntruck,land\njet,air\n")
    assert made.path("jet") == ["root", "air", "jet"]


def test_said_order(tmp_path):
    text = "a,b\nx,p\ny,q\n"
    with pytest.raises(
        ValueError, match=r"cannot be told: either order fits.*columns=\['a', 'b'\]"
    ):
        csv(tmp_path, text)
    assert quietly(tmp_path, text, columns=["a", "b"]).leaves == ["p", "q"]
    assert quietly(tmp_path, text, columns=["b", "a"]).leaves == ["x", "y"]
    assert quietly(tmp_path, text, columns=[1]).leaves == ["p", "q"]
    made = quietly(tmp_path, text, header=False, columns=[0, 1])
    assert made.leaves == ["b", "p", "q"]


def test_columns_turned_around(tmp_path):
    with pytest.warns(UserWarning, match="are they turned around"):
        csv(tmp_path, BIRDS, columns=["species", "family"])


def test_neither_order_nests(tmp_path):
    text = "kind,region\nowl,north\nowl,south\ngull,north\n"
    with pytest.raises(ValueError, match="'owl' in 'kind' has two parents, 'north' and 'south'"):
        csv(tmp_path, text)
    with pytest.warns(UserWarning, match="read as two nodes"):
        made = csv(tmp_path, text, columns=["region", "kind"])
    assert made.leaves == ["north/owl", "south/owl", "gull"]


def test_columns_that_are_no_ranks_are_asked_about(tmp_path):
    text = "family,species,color\nL,gull,white\nL,tern,white\nO,owl,brown\n"
    with pytest.raises(ValueError, match=r"no ranks: 'color'.*columns=\['family', 'species'\]"):
        csv(tmp_path, text)


def test_a_list_of_edges_without_its_header(tmp_path):
    with pytest.raises(ValueError, match="looks like a list of edges: 'air' is in both columns"):
        csv(tmp_path, EDGES.split("\n", 1)[1])


def test_level_titles(tmp_path):
    made = quietly(tmp_path, "level 0,level_1,level-2\ntop,land,car\ntop,land,truck\ntop,air,jet\n")
    assert made.root == "top" and made.path("jet") == ["top", "air", "jet"]


# Missing ranks -----------------------------------------------------------------------------------


def test_missing_ranks(tmp_path):
    made = csv(tmp_path, "order,family,species\nA,,gull\nA,S,skua\n,,kite\nB,O,\n")
    assert made.path("gull") == ["root", "A", "gull"] and made.path("skua")[2] == "S"
    assert made.path("kite") == ["root", "kite"] and made.path("O") == ["root", "B", "O"]


def test_a_rank_missing_in_one_line_only_is_told(tmp_path):
    text = "order,family,genus,species\nA,L,Larus,canus\nA,,Larus,fuscus\n"
    with pytest.warns(UserWarning, match="'Larus' in 'genus' has two parents, 'L' and 'A'"):
        csv(tmp_path, text)


def test_levels_of_uneven_depth(tmp_path):
    made = csv(tmp_path, "c,group,top\ncar,land,move\nbus,land,move\nkite,,play\ndoll,,\n")
    assert made.path("car") == ["root", "move", "land", "car"]
    assert made.path("kite") == ["root", "play", "kite"] and made.path("doll") == ["root", "doll"]


# Tables of examples ------------------------------------------------------------------------------


def test_a_table_of_examples(tmp_path):
    """Every file name was a class."""
    lines = "file,species,family\n1.jpg,gull,L\n2.JPG,owl,O\n3.png,gull,L\n4.jpg,tern,L\n"
    made = quietly(tmp_path, lines)
    assert made.leaves == ["gull", "owl", "tern"] and made.path("tern") == ["root", "L", "tern"]
    assert "without 'file', 3 classes in 4 lines" in made.source
    assert (
        quietly(tmp_path, lines.split("\n", 1)[1]).leaves == made.leaves
    )  # known by their endings


@pytest.mark.parametrize("title", ["label", "id", "class_id", "Index", ""])
def test_a_column_of_labels_gives_the_order(tmp_path, title):
    lines = "1.jpg,2,owl,a\n2.jpg,0,cat,b\n3.jpg,1,fox,b\n4.jpg,2,owl,a\n"
    made = quietly(tmp_path, f"file,{title},kind,group\n{lines}")
    assert made.leaves == ["cat", "fox", "owl"] and "labels as in" in made.source
    assert made.source.count("without 'file', ") == 1


def test_two_labels_of_one_class(tmp_path):
    with pytest.raises(ValueError, match=r"line 3 repeats the levels group > kind with another"):
        csv(tmp_path, "label,kind,group\n0,owl,a\n1,owl,a\n2,cat,b\n3,fox,b\n")


def test_numbers_that_are_not_labels(tmp_path):
    made = csv(tmp_path, "taxon_id,family,species\n900,L,gull\n17,L,tern\n40,O,owl\n")
    assert made.leaves == ["gull", "tern", "owl"]


def test_numbers_or_names(tmp_path):
    with pytest.raises(ValueError, match="'code' may be a number of the class, or its name"):
        csv(tmp_path, "code,kind,group\n31,gull,L\n32,tern,L\n33,owl,O\n")
    made = quietly(tmp_path, "type,maker\n737,Boeing\n747,Boeing\n320,Airbus\n")
    assert made.leaves == ["737", "747", "320"]


def test_names_left_out(tmp_path):
    text = "kind,common_name,group\ngull,Gull,L\ntern,Tern,L\nowl,Owl,O\n"
    assert quietly(tmp_path, text).height == 2


def test_repeated_lines_are_told(tmp_path):
    with pytest.warns(UserWarning, match="1 lines repeat a class"):
        made = csv(tmp_path, LEVELS + "car,land\n")
    assert made.leaves == ["car", "truck", "jet", "glider"]


# Separator and header ----------------------------------------------------------------------------


def test_names_with_the_other_separator(tmp_path):
    text = "name;family\nLarus canus, L.;Laridae\nSterna, L.;Laridae\nBubo bubo, L.;Strigidae\n"
    assert csv(tmp_path, text).leaves[0] == "Larus canus, L."


def test_two_separators_that_fit(tmp_path):
    text = "a,b;c\nx,y;z\nu,v;w\n"
    with pytest.raises(ValueError, match="by commas or by semicolons. Say which: separator=','"):
        csv(tmp_path, text)
    assert csv(tmp_path, text, separator=";", columns=[0, 1]).leaves == ["z", "w"]


def test_name_and_text(tmp_path):
    text = 'c,g\n戦車,"land, dry"\nbus,"land, dry"\n"a ""b""",air\n'
    made = csv(tmp_path, text, name="n")
    assert made.leaves == ["戦車", "bus", 'a "b"'] and made.name == "n"
    assert made.path("戦車") == ["root", "land, dry", "戦車"]


def test_equal_names(tmp_path):
    made = csv(tmp_path, "variant,family\n747,747\n747-400,747\na320,a320\n")
    assert made.leaves == ["747", "747-400", "a320"]
    assert made.path("747") == ["root", "root/747", "747"]
    assert made.distances().tolist() == [[0, 1, 2], [1, 0, 2], [2, 2, 0]]


def test_one_column_is_flat(tmp_path):
    assert quietly(tmp_path, "class\na\nb\n").height == 1


def test_a_cell_that_occurs_again_is_no_title(tmp_path):
    """The first class would be lost."""
    assert "car" in csv(tmp_path, "car,land\ntruck,land\njet,air\n").leaves
    assert "car" not in csv(tmp_path, "car,land\ntruck,land\njet,air\n", header=True,
                            columns=["land", "car"]).leaves  # fmt: skip


@pytest.mark.parametrize("first", ["1.jpg,kite,play", "0,kite,play"])
def test_a_file_or_a_number_is_no_title(tmp_path, first):
    second = first.replace("kite", "doll").replace("1.", "2.").replace("0", "1")
    made = csv(tmp_path, f"{first}\n{second}\n", columns=[2, 1])
    assert made.leaves == ["kite", "doll"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("class,group\n", "no lines below its header"),
        ("", "no lines below its header"),
        ("class,group\ncar,land\njet\n", r"s.csv: line 3 has 1 cells, the header 2: \['jet'\]"),
        ("class,group\ncar,land\n\njet,air,x\n", "line 4 has 3 cells, the header 2"),
        ("class,group\ncar,land\nbus,land\n,air\n", "line 4 has no 'class', which would be"),
        ("parent,child\nr,a\nr,\n", r"non-empty strings. Received: edges\[1\]=''"),
        ("parent,child\nr,a\nr,b\ns,a\n", "'a' has two parents: 'r' and 's'"),
        ("parent,child\nr,a\n", "at least two classes"),
        ("parent,child\nr,a\nr,b\n,c\n", "line 4 gives 'c' no parent, and nothing lies below it"),
        ('kind,group\n"car,land\n', "things.csv: line 2: unexpected end of data"),
        (f"kind,group\n{'x' * 131073},land\n", "line 2: a cell has more than 131,072 characters"),
        ("kind,kind\ncar,land\n", "two columns have the title 'kind'"),
        ("file,split\na.jpg,train\n", r"no column of class names. It has 'file', 'split'"),
        ("kind,group\nca\x1b[31mr,land\nbus,land\n", r"control characters.*ca\\x1b\[31mr"),
        ("order,species\nA,gull\nA,\n", "'A' is an inner node"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_refused_csv(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        csv(tmp_path, text)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("kind,group\ncar,land\nMöwe,air\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a.csv: line 3 is not UTF-8. Save the file as UTF-8"):
        kh.ClassTree.from_csv(path)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"columns": "species"}, "`columns` must be a list"),
        ({"columns": []}, "`columns` must be a list"),
        ({"columns": ["spezies"]}, "'spezies' is not a column.*Did you mean 'species'"),
        ({"columns": [7]}, "'7' is not a column"),
        ({"columns": ["species", 2]}, "names a column twice"),
        ({"separator": "::"}, "`separator` must be one character"),
    ],
)
def test_refused_options(tmp_path, options, match):
    with pytest.raises(ValueError, match=match):
        csv(tmp_path, BIRDS, **options)


# Data frames -------------------------------------------------------------------------------------


class Frame:
    """What is needed of a pandas or Polars data frame."""

    def __init__(self, **columns):
        self.columns, self.data = list(columns), columns

    def __getitem__(self, name):
        return self.data[name]


@pytest.mark.parametrize("make", [dict, Frame])
def test_frames(make):
    table = make(family=["L", "L", "O"], species=["gull", "tern", "owl"])
    assert kh.ClassTree.from_table(table).path("owl") == ["root", "O", "owl"]
    made = kh.ClassTree.from_table(table, ["family"], root="birds", name="n")
    assert made.leaves == ["L", "O"] and made.root == "birds" and made.name == "n"


def test_cells_of_frames():
    table = Frame(order=["A", "A", "B"], family=[None, float("nan"), "O"], species=[1, 2, "owl"])
    made = kh.ClassTree.from_table(table)
    assert made.leaves == ["1", "2", "owl"] and made.path("1") == ["root", "A", "1"]


@pytest.mark.parametrize(
    ("table", "columns", "match"),
    [
        (7, None, "data frame or a dictionary of columns. Received: int"),
        ({}, None, "data frame or a dictionary"),
        ({"a": ["x"], "b": []}, None, r"one length, not empty. Received: \[1, 0\]"),
        ({"a": ["x", 2.5]}, ["a"], "text or integers. Received: 2.5 in the column 'a'"),
        ({"a": ["x", True]}, ["a"], "Received: True"),
        ({"a": ["x", "y"]}, ["b"], "'b' is not a column of the table"),
        (Frame(**{"1": ["x"]}) and {"1": ["x"], 1: ["x"]}, None, "two columns of one name"),
    ],
)
def test_refused_frames(table, columns, match):
    with pytest.raises(ValueError, match=match):
        kh.ClassTree.from_table(table, columns)
