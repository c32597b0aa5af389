"""Settings from the command line, and files that are whole or absent."""

import dataclasses
import json
import pathlib

import keras
import pytest

from keras_haframe.training import settings


@dataclasses.dataclass
class Settings:
    data_dir: pathlib.Path
    method: str = dataclasses.field(default="haframe", metadata={"choices": ["haframe", "etf_dr"]})
    epochs: int = 100
    rate: float = 0.1
    smoke: bool = False
    max_minutes: float | None = dataclasses.field(default=None, metadata={"help": "time limit"})


def parse(*argv):
    return settings.from_command_line(Settings, ["--data-dir", "d", *argv])


def test_defaults():
    assert parse() == Settings(pathlib.Path("d"))


def test_every_kind():
    made = parse(
        "--method", "etf_dr", "--epochs", "3", "--rate", "1e-2", "--smoke", "--max-minutes", "2.5"
    )  # fmt: skip
    assert made == Settings(pathlib.Path("d"), "etf_dr", 3, 0.01, True, 2.5)
    assert parse("--no-smoke").smoke is False


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--epoch-count", "3"], "unrecognized arguments"),
        (["--epochs", "many"], "invalid int value"),
        (["--method", "x"], "invalid choice"),
    ],
)
def test_bad_arguments_end_with_a_message(argv, message, capsys):
    with pytest.raises(SystemExit):
        parse(*argv)
    assert message in capsys.readouterr().err


def test_required(capsys):
    with pytest.raises(SystemExit):
        settings.from_command_line(Settings, [])
    assert "--data-dir" in capsys.readouterr().err


def test_keep_refuses_other_facts(tmp_path):
    path = tmp_path / "a" / "settings.json"
    facts = dataclasses.asdict(parse())
    settings.keep(path, facts)
    settings.keep(path, facts)
    assert json.loads(path.read_text())["epochs"] == 100
    with pytest.raises(ValueError, match="epochs=100; now it is epochs=5"):
        settings.keep(path, {**facts, "epochs": 5})
    with pytest.raises(ValueError, match="extra=None; now it is extra=1"):
        settings.keep(path, {**facts, "extra": 1})


def test_write_leaves_no_half_file(tmp_path):
    path = tmp_path / "x.json"
    settings.write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        settings.write(path, "\ud800")
    assert path.read_text() == "old"


def test_start_sets_the_precision_and_says_what_runs(capsys):
    settings.RunSettings(mixed=True, method="etf_dr").start()
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert "method='etf_dr'" in capsys.readouterr().out


def test_start_wants_a_coordinator():
    with pytest.raises(ValueError, match="3 processes need `coordinator`"):
        settings.RunSettings(processes=3).start()


def test_facts_are_what_defines_a_run():
    one = settings.RunSettings(output="a", seeds=2, max_minutes=1.0, processes=2, index=1)
    assert one.facts() == settings.RunSettings(coordinator="x:1").facts()
    assert one.facts() != settings.RunSettings(rate=0.2).facts()
