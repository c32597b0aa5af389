"""Configuration files of TF Serving beside the versions of a model."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Sequence

from keras_haframe.files import PathLike, whole

BATCH_SIZES = (1, 2, 4, 8, 16, 32)


def check_name(name: str) -> str:
    """Return a model name that fits URLs and container paths, or raise `ValueError`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(
            "`name` of the served model must be made of letters, digits, '_', '-' and '.'. "
            f"Received: {name!r}. Give one: export(model, directory, name='aircraft')."
        )
    return name


def models_config(name: str) -> str:
    """Text of `models.config`: one model, its newest version."""
    return f"""model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
"""


def batching_parameters(sizes: Sequence[int] = BATCH_SIZES, timeout_micros: int = 2000) -> str:
    """Text of `batching_parameters.txt`.

    The server pads a batch to the next allowed size, so that XLA compiles one program for each
    size and no other.

    Args:
        sizes: Allowed batch sizes, rising; the last is the largest batch.
        timeout_micros: How long a request waits for company.
    """
    lines = [
        f"max_batch_size {{ value: {sizes[-1]} }}",
        f"batch_timeout_micros {{ value: {timeout_micros} }}",
        "max_enqueued_batches { value: 100 }",
        f"num_batch_threads {{ value: {os.cpu_count() or 1} }}",
        *(f"allowed_batch_sizes: {size}" for size in sizes),
    ]
    return "\n".join(lines) + "\n"


def monitoring_config() -> str:
    """Text of `monitoring.config`: Prometheus metrics on the REST port."""
    return 'prometheus_config {\n  enable: true\n  path: "/monitoring/prometheus/metrics"\n}\n'


def docker_command(directory: PathLike, name: str) -> str:
    """Return the line that starts the stock TF Serving image on a model directory.

    Args:
        directory: The directory with the versions.
        name: Name of the model.

    Returns:
        A shell command; gRPC on port 8500, REST on port 8501.
    """
    inside = f"/models/{name}"
    source = f"source={pathlib.Path(directory).resolve()}"
    if re.search(r'[,"\r\n]', source):  # Docker reads the options as a line of CSV
        source = '"' + source.replace('"', '""') + '"'
    source = source.replace("'", "'\\''")
    return (
        "docker run --rm -p 8500:8500 -p 8501:8501 "
        f"--mount 'type=bind,{source},target={inside},readonly' "
        "tensorflow/serving "
        f"--model_config_file={inside}/models.config "
        f"--monitoring_config_file={inside}/monitoring.config "
        f"--enable_batching --batching_parameters_file={inside}/batching_parameters.txt"
    )


def write(directory: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Write the files that are not there yet; those that are may have been tuned, and stay.

    Returns:
        The files written.
    """
    texts = {
        "models.config": models_config(name),
        "batching_parameters.txt": batching_parameters(),
        "monitoring.config": monitoring_config(),
        "docker_run.sh": f'#!/bin/sh\nexec {docker_command(directory, name)} "$@"\n',
    }
    written = []
    for file_name, text in texts.items():
        file = directory / file_name
        if not file.exists():
            with whole(file) as partial:
                partial.write_text(text, encoding="utf-8")
                partial.chmod(0o755 if file_name.endswith(".sh") else 0o644)
            written.append(file)
    return written
