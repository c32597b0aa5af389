"""Configuration files of TF Serving."""

import csv
import subprocess

import pytest

from keras_haframe.saving import serving_config


def test_files_are_written_once_and_tuned_ones_stay(tmp_path):
    written = serving_config.write(tmp_path, "aircraft")
    assert {f.name for f in written} == {f.name for f in tmp_path.iterdir()}
    (tmp_path / "batching_parameters.txt").write_text("max_batch_size { value: 7 }\n")
    assert serving_config.write(tmp_path, "aircraft") == []
    assert "7" in (tmp_path / "batching_parameters.txt").read_text()


def test_texts_are_what_the_server_parses():
    """Read with the official messages, where they are installed."""
    pytest.importorskip("tensorflow_serving", reason="needs tensorflow-serving-api")
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    models = text_format.Parse(
        serving_config.models_config("aircraft"), model_server_config_pb2.ModelServerConfig()
    )
    (config,) = models.model_config_list.config
    assert (config.name, config.base_path) == ("aircraft", "/models/aircraft")
    assert config.model_platform == "tensorflow"
    assert config.model_version_policy.latest.num_versions == 1


def test_monitoring():
    """The message of this file is not in tensorflow-serving-api."""
    text = serving_config.monitoring_config()
    assert "enable: true" in text and text.count("{") == text.count("}") == 1


def test_batches():
    text = serving_config.batching_parameters((1, 4, 12), 500)
    assert "max_batch_size { value: 12 }" in text and "batch_timeout_micros { value: 500 }" in text
    sizes = [int(x.split(":")[1]) for x in text.splitlines() if x.startswith("allowed")]
    assert sizes == [1, 4, 12]  # the largest must be max_batch_size, or the server refuses to start


def words_of(line: str) -> list[str]:
    """What a shell makes of a line that calls docker."""
    run = subprocess.run(
        ["sh", "-c", f'docker() {{ printf "%s\\n" "$@"; }}; {line}'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout.splitlines()


def test_the_docker_line_survives_a_shell(tmp_path):
    folder = tmp_path / "it's a model"
    folder.mkdir()
    words = words_of(serving_config.docker_command(folder, "m"))
    assert words[0] == "run" and "tensorflow/serving" in words
    assert f"type=bind,source={folder},target=/models/m,readonly" in words
    assert "--model_config_file=/models/m/models.config" in words
    serving_config.write(folder, "m")
    script = folder / "docker_run.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_a_comma_in_a_folder_adds_no_option(tmp_path):
    """Docker reads the value of --mount as CSV."""
    folder = tmp_path / 'a "b",target=c'
    words = words_of(serving_config.docker_command(folder, "m"))
    (mount,) = csv.reader([words[words.index("--mount") + 1]])
    assert mount == ["type=bind", f"source={folder}", "target=/models/m", "readonly"]


@pytest.mark.parametrize("name", ["", "a/b", "é", ".hidden", "a b"])
def test_names(name):
    with pytest.raises(ValueError, match="letters, digits"):
        serving_config.check_name(name)
    assert serving_config.check_name("fgvc-aircraft_2.1") == "fgvc-aircraft_2.1"
