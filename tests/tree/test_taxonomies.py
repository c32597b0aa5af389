"""Trees from the files of iNaturalist, GBIF (Darwin Core) and SpeciesNet."""

import json

import pytest

import keras_haframe as kh

GULL = {"kingdom": "Animalia", "phylum": "Chordata", "class": "Aves", "order": "Charadriiformes",
        "family": "Laridae", "genus": "Larus"}  # fmt: skip
OWL = {**GULL, "order": "Strigiformes", "family": "Strigidae", "genus": "Bubo"}
MOSS = {"kingdom": "Plantae", "phylum": "B", "class": "C", "order": "D", "family": "E",
        "genus": "Larus"}  # fmt: skip
CATEGORIES = [
    {"id": 2, "name": "Bubo bubo", "common_name": "Eagle-Owl", "supercategory": "Birds", **OWL},
    {"id": 0, "name": "Larus canus", "common_name": "Gull", "supercategory": "Birds", **GULL},
    {"id": 1, "name": "Larus moss", "common_name": "Moss", "supercategory": "Plants", **MOSS},
]


# iNaturalist -------------------------------------------------------------------------------------


def inaturalist(tmp_path, content, name="categories.json", **options):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return kh.ClassTree.from_inaturalist(path, **options)


def test_inaturalist(tmp_path):
    made = inaturalist(tmp_path, CATEGORIES)
    assert made.leaves == ["Larus canus", "Larus moss", "Bubo bubo"] and made.height == 7
    assert made.path("Bubo bubo")[:2] == ["life", "Animalia"] and made.name == "categories"
    assert made.num_nodes - made.num_classes == 16  # a genus of one name in two kingdoms is two
    assert inaturalist(tmp_path, {"categories": CATEGORIES, "images": []}) == made
    titles = list(CATEGORIES[0])
    lines = [",".join(map(str, c.values())) for c in CATEGORIES]
    assert inaturalist(tmp_path, "\n".join([",".join(titles), *lines]), "categories.csv") == made
    assert "levels kingdom > phylum > class > order > family > genus > name" in made.source


def test_inaturalist_2017_has_supercategories_only(tmp_path):
    few = [{k: c[k] for k in ("id", "name", "supercategory")} for c in CATEGORIES]
    assert inaturalist(tmp_path, few).path("Bubo bubo") == ["life", "Birds", "Bubo bubo"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"images": []}, "holds no list of categories"),
        ([1, 2], "holds no list of categories"),
        ([{**CATEGORIES[0], "genus": ""}, CATEGORIES[1]], "every category must have .*genus"),
        ([{**CATEGORIES[0], "id": "x"}], "whole-number id"),
        ([CATEGORIES[0], CATEGORIES[0]], "two categories have the id 2"),
        ([{**CATEGORIES[0], "name": 3}], "name of category 2=3"),
        ("{", "not valid JSON"),
    ],
)
def test_refused_inaturalist(tmp_path, content, match):
    with pytest.raises(ValueError, match=match):
        inaturalist(tmp_path, content)


# Darwin Core -------------------------------------------------------------------------------------

TITLES = ["taxonID", "datasetID", "parentNameUsageID", "acceptedNameUsageID", "scientificName",
          "canonicalName", "taxonRank", "taxonomicStatus"]  # fmt: skip
ROWS = [
    ["30", "", "20", "", "Larus canus Linnaeus, 1758", "Larus canus", "species", "accepted"],
    ["1", "", "", "", "Animalia", "Animalia", "kingdom", "accepted"],
    ["31", "", "20", "", "Larus fuscus L.", "Larus fuscus", "species", "accepted"],
    ["32", "", "20", "30", 'Larus "minor" X', "Larus minor", "species", "synonym"],
    ["40", "", "31", "", "Larus fuscus graellsii", "", "subspecies", "accepted"],
    ["20", "", "1", "", "Larus L.", "Larus", "genus", "accepted"],
    ["50", "", "1", "", "BOLD:AAA1", "", "unranked", "doubtful"],
    ["2", "", "", "", "Plantae", "Plantae", "kingdom", "accepted"],
    ["21", "", "2", "", "Larus moss", "Larus", "genus", "doubtful"],
]  # fmt: skip


def darwin_core(tmp_path, taxa=None, rows=ROWS, titles=TITLES, separator="\t", **options):
    path = tmp_path / "Taxon.tsv"
    lines = [separator.join(f'"{c}"' if separator in c else c for c in r) for r in [titles, *rows]]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return kh.ClassTree.from_darwin_core(path, taxa, **options)


def test_darwin_core_by_name_and_id(tmp_path):
    made = darwin_core(tmp_path, ["Larus canus", 40, "BOLD:AAA1"])
    assert made.leaves == ["Larus canus", "Larus fuscus graellsii", "BOLD:AAA1"]
    assert made.root == "Animalia" and made.name == "Taxon"  # the parent of 40 is a species
    assert made.path(1) == ["Animalia", "Larus", "Larus fuscus", "Larus fuscus graellsii"]
    assert darwin_core(tmp_path, ["Larus canus Linnaeus, 1758", "40", "50"]) == made


def test_darwin_core_in_whole(tmp_path):
    made = darwin_core(tmp_path)
    assert made.leaves == ["Larus canus", "Larus fuscus graellsii", "BOLD:AAA1", "Larus"]
    assert made.root == "life" and made.height == 4


def test_darwin_core_with_commas_and_prefixes(tmp_path):
    rows = [[cell.replace('"', "") for cell in row] for row in ROWS]
    titles = [f"dwc:{title}" for title in TITLES]
    made = darwin_core(tmp_path, ["Larus canus", "50"], rows, titles, ",")
    assert made == darwin_core(tmp_path, ["Larus canus", "50"])


def test_a_cell_of_darwin_core_that_is_too_long(tmp_path):
    rows = [["1", "", "", "", "x" * 140_000, "", "", ""]]
    with pytest.raises(ValueError, match=r"Taxon.tsv: field larger than field limit"):
        darwin_core(tmp_path, None, rows, separator=",")


@pytest.mark.parametrize(
    ("taxa", "options", "match"),
    [
        (["Larus minor", "30"], {}, "'Larus minor' is a synonym of the taxon 30"),
        (["32", "30"], {}, "'32' is a synonym"),
        (["Larus", "30"], {}, r"several taxa are called 'Larus'.* 20 \(genus\), 21 \(genus\)"),
        (["Larus niger", "30"], {}, "'Larus niger' is not a taxon of the file"),
        ("Larus canus", {}, "`taxa` must be a list"),
        (["20", "30"], {}, "is an inner node"),
        (["30", "50"], {"rows": ROWS[:1] + ROWS[6:7]}, "parent 20 of 'Larus canus' .30. is not in"),
        (
            ["30", "50"],
            {"rows": [*ROWS[:5], [*ROWS[5][:2], "31", *ROWS[5][3:]], *ROWS[6:]]},
            r"'Larus' \(20\) lies above itself",
        ),
        (None, {"titles": ["id", *TITLES[1:]]}, "no column taxonID. Received: id, datasetID"),
        (None, {"rows": [["1", "2"]]}, "line 2 has 2 cells, the header 8"),
    ],
)
def test_refused_darwin_core(tmp_path, taxa, options, match):
    with pytest.raises(ValueError, match=match):
        darwin_core(tmp_path, taxa, **options)


# SpeciesNet --------------------------------------------------------------------------------------

LABELS = """\
a1;mammalia;carnivora;felidae;panthera;leo;lion
a2;mammalia;carnivora;felidae;;;cat family
a3;;;;;;vehicle
a4;aves;;;;;bird
a5;mammalia;carnivora;felidae;panthera;tigris;
a6;mammalia;carnivora;canidae;canis;lupus;wolf
a7;mammalia;carnivora;canidae;canis;rufus;wolf
"""


def speciesnet(tmp_path, text):
    path = tmp_path / "labels.txt"
    path.write_text(text, "utf-8")
    return kh.ClassTree.from_speciesnet(path)


def test_speciesnet(tmp_path):
    made = speciesnet(tmp_path, LABELS)
    assert made.leaves[:4] == ["lion", "cat family", "vehicle", "bird"]
    assert made.leaves[4:] == ["panthera tigris", "canis lupus", "canis rufus"]
    assert made.path("lion") == ["life", "mammalia", "carnivora", "felidae", "panthera", "lion"]
    assert made.path("cat family")[-2:] == ["felidae", "cat family"]
    assert made.path("vehicle") == ["life", "vehicle"] and made.path("bird")[1] == "aves"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a;b;c\n", "line 1 must be uuid;class;.*Received: 'a;b;c'"),
        (
            LABELS + LABELS.splitlines()[0].replace(";lion", ";") + "\n" * 2 + LABELS[:48],
            "Duplicate",
        ),
        ("", "edges. is empty"),
    ],
)
def test_refused_speciesnet(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        speciesnet(tmp_path, text)
