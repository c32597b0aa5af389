import base64
import hashlib
import html.parser
import os
import re
import shutil

import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe.results import (
    contents,
    explorer,
    page,
    read_folder,
    run_folder,
    score_figures,
    write_report,
    write_scores,
)
from keras_haframe.results.html import CSS, every_run, results_table, settings_list, text
from keras_haframe.results.run import write_result
from keras_haframe.results.table import by_method
from tests.results.conftest import change, leave_only_results

VOID = {"meta", "img", "br", "input"}


class Page(html.parser.HTMLParser):
    """Tags, attributes and text of a page; fails on tags that do not nest."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def shown(self):
        """Text that a reader sees."""
        code = (explorer.SCRIPT, CSS)
        return " ".join(w for w in self.words if w not in code and not w.startswith('{"names"'))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def read(path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def drawn(run_dir):
    return read(write_report(run_dir))


def test_everything_is_on_the_page(drawn):
    words = " ".join(drawn.words)
    for expected in (
        "my run", "2 methods · 4 runs · 4 classes, tree of height 2 · 30 test images",
        "Results", "Accuracy and severity", "Settings", "gamma", "Training", "Loss",
        "Top-1 accuracy", "Neural collapse", "NC1: within-class variability",
        "NC2: class means to ETF", "Mistakes by LCA height", "Confusion: children of the root",
        "Worst mistakes", "Operating curve", "Reliability by level", "Class tree",
        "Levels of the tree", "Most confused pairs", "Classes, worst first", "Explore the tree",
        "drawn curve",
    ):  # fmt: skip
        assert expected in words, expected
    assert len(drawn.all("img")) == 12


def test_nothing_is_fetched_and_one_script_runs(drawn):
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in drawn.tags}
    data, script = drawn.all("script")
    assert data["type"] == "application/json" and not script
    for _, attrs in drawn.tags:
        assert not [a for a in attrs if a.startswith("on")]
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("#", "data:image/png;base64,"))
    policy = next(m["content"] for m in drawn.all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    digest = hashlib.sha256(drawn.words[drawn.words.index(explorer.SCRIPT)].encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "fetch" not in explorer.SCRIPT and "innerHTML" not in explorer.SCRIPT
    assert "url(" not in CSS and "@import" not in CSS


def test_pictures_are_whole_and_described(drawn, run_dir):
    found = []
    for image in drawn.all("img"):
        data = base64.b64decode(image["src"].split(",")[1], validate=True)
        assert data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")
        assert image["alt"] and int(image["width"]) > 0
        found.append(data)
    assert (run_dir / "drawn_curve.png").read_bytes() in found


def test_links_lead_to_sections(drawn):
    targets = [a["href"].removeprefix("#") for a in drawn.all("a")]
    sections = [s["id"] for s in drawn.all("section")]
    assert targets == sections and len(set(sections)) == len(sections) > 5


def test_page_is_made_for_phones_and_dark_screens(drawn):
    assert any(m.get("name") == "viewport" for m in drawn.all("meta"))
    assert "prefers-color-scheme: dark" in CSS and "@media (max-width" in CSS
    assert drawn.all("html")[0]["lang"] == "en" and len(drawn.all("title")) == 1


def test_all_text_is_escaped(run_dir):
    bad = '<script>alert("1")</script>&amp;'
    quoted = bad.replace('"', '""')
    (run_dir / "results.csv").write_text(
        f'method,top1,severity,"{quoted}"\n"{quoted}",0.5,1.5,"{quoted}"\nb,0.6,1.4,x\n'
    )
    (run_dir / "settings.json").write_text('{"<b>": "<i>\\" onload=\\"x"}')
    (run_dir / "history.csv").rename(run_dir / "history<u>.csv")
    (run_dir / "drawn_curve.png").rename(run_dir / "a<s>&.png")
    (run_dir / "c<s>.png").write_bytes(b"")
    for run, name in (("HAFrame", bad), ("cross-entropy", "<em>")):
        write_result(run_folder(run_dir, run, 0), {"method": name, "seed": 0})
    found = read(write_report(run_dir, title=bad))
    assert not {"b", "i", "u", "s", "em"} & {tag for tag, _ in found.tags}
    assert len(found.all("script")) == 2
    assert found.words.count(bad) >= 3  # title, heading, table
    assert not [a for _, attrs in found.tags for a in attrs if a == "onload"]


def test_results_alone(run_dir):
    leave_only_results(run_dir)
    found = read(write_report(run_dir))
    assert [" ".join(found.words).count(w) for w in ("Settings", "Training")] == [0, 0]
    assert len(found.all("img")) == 1


def test_one_method_without_metrics(tmp_path):
    (tmp_path / "results.csv").write_text("method\nHAFrame\n")
    found = read(write_report(tmp_path))
    assert "1 method · 1 run" in " ".join(found.words) and not found.all("img")


def test_no_mistakes_and_one_level(run_dir):
    labels = np.arange(4)
    (run_dir / "images.npz").unlink()
    for method in ("HAFrame", "cross-entropy"):
        change(run_dir, method, scores=np.eye(4), labels=labels)
    words = read(write_report(run_dir)).shown()
    assert "Worst mistakes" not in words and "Most confused pairs" not in words
    assert "Mistakes by LCA height" in words


def test_probabilities_are_taken_as_they_are(run_dir):
    from keras_haframe.results.score_figures import to_probabilities

    p = np.array([[0.5, 0.25, 0.25, 0.0]])
    np.testing.assert_array_equal(to_probabilities(p), p)
    scores = np.array([[1000.0, 0.0, 0.0, -1000.0], [0.0, 0.0, 0.0, 0.0]], "float32")
    np.testing.assert_allclose(to_probabilities(scores), [[1, 0, 0, 0], [0.25] * 4], atol=1e-12)


@pytest.mark.slow
def test_many_histories_are_drawn_in_groups(run_dir):
    line = (run_dir / "nc_haframe.csv").read_text()
    for i in range(8):
        (run_dir / f"nc_{i}.csv").write_text(line)
    words = " ".join(read(write_report(run_dir)).words)
    assert words.count("NC1: within-class variability") == 2
    assert "NC1: within-class variability (1 of 2)" in words


@pytest.mark.slow
def test_the_page_is_replaced_at_once(run_dir, monkeypatch):
    path = write_report(run_dir)
    assert path == run_dir / "report.html" and path.stat().st_mode & 0o777 == 0o644
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(run_dir, title="other")
    assert path.read_bytes() == before
    assert not [p for p in run_dir.iterdir() if "partial" in p.name]


@pytest.mark.slow
def test_output_elsewhere(run_dir, tmp_path):
    path = write_report(run_dir, tmp_path / "new" / "page.html", title="A title")
    assert path == tmp_path / "new" / "page.html"
    assert "<title>A title</title>" in path.read_text(encoding="utf-8")
    assert not (run_dir / "report.html").exists()


def test_results_table_by_hand():
    rows = [
        {"method": "a", "seed": str(s), "top1": str(t), "note": "x"}
        for s, t in enumerate((0.5, 0.6))
    ]
    found = Page(results_table(rows))
    cells = [w for w in found.words if w.strip()]
    # half-width: t(0.975, 1) * std / sqrt(2) = 12.706 * 7.0711 / 1.4142
    assert cells[:7] == ["method", "top-1 %", "seeds", "a", "55.00 ", "± 63.53", "2"]
    assert "".join(cells[7:]).startswith("top-1 %: share of right answers")


def test_results_under_rules_are_one_run(run_dir):
    """Lines of results.csv for several decision rules belong to one run."""
    leave_only_results(run_dir)
    (run_dir / "results.csv").write_text("method,decision,seed,top1\na,,0,0.5\na,CRM,0,0.6\n")
    words = " ".join(read(write_report(run_dir)).words)
    assert "1 method · 1 run" in words and "All columns: 2 results" in words


@pytest.mark.slow
def test_captions_name_the_models(run_dir):
    words = " ".join(read(write_report(run_dir)).words)
    assert "in %, against cross-entropy. One run each" in words
    assert "HAFrame, seed 0, 30 test images: rows are labels and sum to 100 %" in words
    for seed in (0, 1):
        shutil.rmtree(run_folder(run_dir, "cross-entropy", seed))
    assert "in %, against" not in " ".join(read(write_report(run_dir)).words)


def test_tables_without_numbers():
    rows = [{"method": "a", "top1": ""}, {"method": "b", "top1": "0.5"}]
    assert by_method(rows) == {"a": [{}], "b": [{"top1": 0.5}]}
    assert "<td>–</td>" in results_table(rows)
    assert "<td>nan</td>" in every_run([{"method": "a", "severity": "nan"}])


def test_every_run_has_all_columns():
    found = Page(every_run([{"seed": "0", "method": "a<", "top1": "0.123456", "note": "&"}]))
    assert found.words == ["method", "seed", "top1", "note", "a<", "0", "0.1235", "&"]


def test_settings_show_nested_values():
    source = settings_list({"a": {"b": [1, None]}, "c": "ü", "d": 0.1})
    assert Page(source).words == ["a", '{"b": [1, null]}', "c", "ü", "d", "0.1"]


@pytest.mark.slow
def test_captions_name_the_data(run_dir):
    """Validation data are not called test data, and data that nobody named are neither."""
    (run_dir / "history.csv").write_text("epoch,loss,top1\n0,2,0.1\n1,1,0.4\n")
    text = (run_dir / "nc_haframe.csv").read_text()
    (run_dir / "nc_haframe.csv").write_text(text.replace("test_nc1", "validation_nc1"))
    with np.load(run_folder(run_dir, "HAFrame", 0) / "scores.npz") as file:
        kept = file["scores"], file["labels"]
    for split, expected in (("validation", "30 validation images"), (None, "30 images")):
        for method in ("HAFrame", "cross-entropy"):
            write_scores(run_folder(run_dir, method, 0), *kept, split)
        words = read(write_report(run_dir)).shown()
        assert expected in words and not re.search(r"\btest\b", words)
        assert "Dashed (hollow): validation data" in words
        assert "after the epoch" not in words  # nothing was logged


def test_matrices_stay_small(monkeypatch):
    """The finest level of so few nodes in place of the parents of the classes."""
    tree = kh.ClassTree.from_paths([f"{i // 8}/{i // 4}/{i // 2}/{i}" for i in range(32)])
    labels = np.arange(32)
    data = contents.TestScores(np.eye(32), labels)
    titles = [f.title for f in score_figures.mistake_figures(data, tree, 1)][1:]
    assert titles == ["Confusion: parents of the classes", "Confusion: children of the root"]
    monkeypatch.setattr(score_figures, "MATRIX", 8)
    titles = [f.title for f in score_figures.mistake_figures(data, tree, 1)][1:]
    assert titles == ["Confusion: nodes of level 2", "Confusion: children of the root"]
    monkeypatch.setattr(score_figures, "MATRIX", 3)
    assert len(list(score_figures.mistake_figures(data, tree, 1))) == 1


def test_text_is_safe_in_attributes():
    assert re.search("[<>\"']", text("<a href='x'>\"")) is None


def test_render_takes_a_run(run_dir):
    assert page.render(read_folder(run_dir), "t").startswith("<!doctype html>")
