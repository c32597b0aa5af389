"""Settings from the command line: one field, one option."""

import dataclasses

import keras
import pytest
import simple_parsing

from keras_haframe.training import RunSettings, options_of, parse, place, row_of


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of a recipe."""

    method: str = simple_parsing.choice("haframe", "etf_dr", default="haframe")  # the method
    batch_size: int = 256  # images at a time
    data_dir: str | None = place(None)  # where the data are


def of(*argv):
    return parse(Settings, "What it does.\n\nMore.", argv)


def test_defaults():
    assert of() == Settings()


def test_every_kind():
    made = of(
        "--method", "etf_dr", "--epochs", "3", "--learning-rate", "1e-2", "--smoke",
        "--max-minutes", "2.5", "--data-dir", "d",
    )  # fmt: skip
    assert made == Settings(
        method="etf_dr", epochs=3, learning_rate=0.01, smoke=True, max_minutes=2.5, data_dir="d"
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--epoch-count", "3"], "unrecognized arguments"),
        (["--epoch", "3"], "unrecognized arguments"),  # no abbreviations
        (["--epochs", "many"], "invalid int value"),
        (["--method", "x"], "invalid choice"),
    ],
)
def test_bad_arguments_end_with_a_message(argv, message, capsys):
    with pytest.raises(SystemExit):
        of(*argv)
    assert message in capsys.readouterr().err


def test_help_has_the_comments_and_the_defaults(capsys):
    with pytest.raises(SystemExit):
        of("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "What it does." in text and "More." not in text
    assert "images at a time (default: 256)" in text and "--learning-rate" in text


def test_start_sets_the_precision_and_says_what_runs(capsys):
    RunSettings(mixed=True, batch_size=7).start()
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert "batch_size=7" in capsys.readouterr().out


def test_start_wants_a_coordinator():
    with pytest.raises(ValueError, match="3 processes need `coordinator`"):
        RunSettings(processes=3).start()


def test_what_defines_a_run():
    one = Settings(output="a", seeds=2, max_minutes=1.0, processes=2, index=1, data_dir="d")
    assert one.defining() == Settings(coordinator="x:1").defining()
    assert one.defining() != Settings(learning_rate=0.2).defining()
    assert "method" in one.defining() and "output" not in one.defining()


def test_help_shows_no_names_of_python(capsys):
    with pytest.raises(SystemExit):
        of("--help")
    text = capsys.readouterr().out
    assert "settings:" in text and "Settings [" not in text and "<locals>" not in text


def test_flags_are_turned_off_by_no(capsys):
    assert of("--smoke").smoke and not of("--smoke", "--no-smoke").smoke


def test_options_keep_their_types():
    found = options_of(
        ["a=1", "b=0.5", "c=true", "d=null", "e=[2, 3]", "f=low_rank", "g=a=b", "h="]
    )
    assert found == {
        "a": 1, "b": 0.5, "c": True, "d": None, "e": [2, 3], "f": "low_rank", "g": "a=b", "h": "",
    }  # fmt: skip
    for word in ("gamma", "=3"):
        with pytest.raises(ValueError, match=f"name=value. Received: '{word}'"):
            options_of([word])


def test_rows_of_a_table_as_words():
    assert row_of("flamingo", 7) == ("flamingo", ("flamingo", {}))
    options = {"hidden_units": 7, "frame": "dense"}
    text = "haframe hidden_units=K frame=dense"
    assert row_of(text, 7) == (text, ("haframe", options))
    assert row_of(f"a, b:  {text}", 7) == ("a, b", ("haframe", options))
    with pytest.raises(ValueError, match="name=value. Received: 'gamma'"):
        row_of("haframe gamma", 7)
