"""Texts from elsewhere do nothing to a terminal, a table or a page."""

import pytest

import keras_haframe as kh
from keras_haframe import cli
from keras_haframe.results import read_folder, table, write_report
from keras_haframe.results.html import text
from keras_haframe.text_table import LINES, UNFIT, aligned, visible
from tests.results.conftest import leave_only_results, run_dir  # noqa: F401 (fixture)

BAD = ["\x1b[31mred", "a\nb", "a\rb", "\x9b2J", "\u202eevil", "half \ud800", "nul\0"]


@pytest.mark.parametrize("name", BAD)
def test_control_characters_are_written_out(name):
    shown = visible(name)
    assert not UNFIT.search(shown) and "\\u" in shown
    assert shown.encode("utf-8").decode("unicode_escape").encode("utf-8", "surrogatepass") == (
        name.encode("utf-8", "surrogatepass")
    )
    for made in (aligned([name], [[name]]), table.lines([name], [[name]]), text(name)):
        assert not UNFIT.search("".join(c for c in made if c not in LINES))
    assert aligned([name], [[name]]).count("\n") == 1


@pytest.mark.parametrize("name", BAD)
def test_trees_refuse_them(name):
    for edges, options in (
        ([(name, "a"), (name, "b")], {}), ([("r", name), ("r", "b")], {}),
        ([("r", "a"), ("r", "b")], {"name": name}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="must not hold control characters") as error:
            kh.ClassTree(edges, **options)
        assert not UNFIT.search(str(error.value))


def test_a_name_is_one_cell_of_a_markdown_table():
    shown = table.markdown({"a|b\n<img src=x onerror=alert(1)>": [{"top1": 0.5}]})
    assert shown.splitlines()[2] == (
        r"| a\|b\u000a&lt;img src=x onerror=alert(1)> | 50.00 | 1 |"
    )  # fmt: skip


def test_the_source_of_a_tree(tmp_path):
    folder = tmp_path / "photos\x1b[2J"
    for name in "ab":
        (folder / name).mkdir(parents=True)
        (folder / name / "1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="control characters"):
        kh.ClassTree.from_folders(folder)
    tree = kh.ClassTree.from_folders(folder, name="photos")
    tree.source = str(folder)
    assert r"photos\u001b[2J" in str(tree)


def test_pages_and_notebooks(run_dir, tree):  # noqa: F811
    """No text of a run is an element of the page, whatever it is called."""
    evil = "<img src=x onerror=alert(1)>"
    root = kh.ClassTree([(evil, "a"), (evil, "b\"'><script>")], name=evil)
    assert "<img" not in root._repr_html_() and "<script" not in root._repr_html_()
    report = kh.evaluate([0, 1, 1], [[3.0, 1], [2, 1], [0, 1]], root, name=evil)
    for page in (report._repr_html_(), report.to_html(run_dir / "e.html").read_text()):
        assert "<img src=x" not in page and "&lt;img src=x" in page
    leave_only_results(run_dir)
    (run_dir / "results.csv").write_text(f'method,"{evil}",top1\n"{evil}",\x1b[2J,0.5\n')
    (run_dir / "settings.json").write_text('{"<img src=x>": "\\ud800\\u001b[2J<img src=x>"}')
    (run_dir / "history<img src=x>.csv").write_text("epoch,loss\n0,1\n")
    assert len(read_folder(run_dir).results) == 1
    page = write_report(run_dir, title=evil).read_text(encoding="utf-8")
    assert "<img src=x" not in page and not UNFIT.search("".join(c for c in page if c not in LINES))


def test_messages_of_commands(tmp_path, capsys):
    assert cli.main(["report", str(tmp_path / "no\x1b[2Jthing")]) == 1
    assert r"no\u001b[2Jthing holds no results" in capsys.readouterr().err
    file = tmp_path / "tree.json"
    file.write_text('{"a\\u001b[2J": ["b", "c"], "d": ["e"]}')
    assert cli.main(["tree", "doctor", str(file)]) == 1
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and "1b[2J" in out + err
