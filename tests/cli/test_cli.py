import subprocess
import sys
import types

import pytest

from keras_haframe import cli
from keras_haframe.version import __version__


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for name, (_, summary) in cli.COMMANDS.items():
        assert name in out and summary.split()[0] in out


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0 and __version__ in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["fly"], ["report"], ["report", "a", "b"]])
def test_wrong_usage(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2 and "usage: haframe" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0 and f"usage: haframe {name}" in capsys.readouterr().out


def test_only_the_command_that_is_named_is_imported(monkeypatch):
    imported = []
    module = types.SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--x", type=int), run=lambda args: args.x
    )
    monkeypatch.setattr(cli, "COMMANDS", {"one": ("a.one", "first"), "two": ("a.two", "second")})
    monkeypatch.setattr(
        cli.importlib, "import_module", lambda name: imported.append(name) or module
    )
    assert cli.main(["two", "--x", "3"]) == 3
    assert cli.main(["one"]) == 0  # None is success
    assert imported == ["a.two", "a.one"]


def test_errors_are_one_line(tmp_path, capsys):
    assert cli.main(["report", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("haframe report: ") and err.count("\n") == 1 and not out


def test_a_backend_that_is_not_installed_is_one_line(monkeypatch, capsys):
    def run(args):
        raise ModuleNotFoundError("No module named 'tensorflow'")

    module = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(cli, "COMMANDS", {"one": ("a.one", "first")})
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: module)
    assert cli.main(["one"]) == 1
    assert capsys.readouterr().err == "haframe one: No module named 'tensorflow'\n"


def test_report(tmp_path, capsys):
    (tmp_path / "results.csv").write_text("method,top1\nHAFrame,0.5\n")
    page = tmp_path / "page.html"
    assert cli.main(["report", str(tmp_path), "--output", str(page), "--title", "My run"]) == 0
    assert "<title>My run</title>" in page.read_text(encoding="utf-8")
    assert str(page) in capsys.readouterr().out


@pytest.mark.slow
def test_as_a_process(tmp_path):
    command = [sys.executable, "-m", "keras_haframe", "report", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 1 and "results.csv" in found.stderr
    assert "Traceback" not in found.stderr
