"""Neural-collapse measurements as TensorBoard event files, with pictures of their curves."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping, Sequence

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

INCHES, DPI = (3.3, 2.6), 120
SIZE = {"width": int(INCHES[0] * DPI), "height": int(INCHES[1] * DPI), "colorspace": 3}


def write_measurements(
    log_dir: str | os.PathLike, measurements: Sequence[dict], names: Sequence[str]
) -> None:
    """Write the last measurement as scalars, and the curves of all so far as images.

    Args:
        log_dir: Folder of the event files.
        measurements: As `NeuralCollapseCallback.measurements` holds them, oldest first.
        names: Measures to draw, such as `"nc1"`; those without a value are left out.
    """
    last = measurements[-1]
    values = {f"collapse/{key}": value for key, value in last.items() if key != "epoch"}
    for name in names:
        if any(key.endswith(f"_{name}") for key in last):
            values[f"collapse/{name}"] = _curve(measurements, name)
    writer = EventFileWriter(str(log_dir))
    add_event(writer, int(last["epoch"]), values)
    writer.close()


def add_event(writer: EventFileWriter, step: int, values: Mapping[str, float | bytes]) -> None:
    """Write numbers and PNG images by tag.

    Args:
        writer: Writer of the event file.
        step: Step, or epoch, that they belong to.
        values: Numbers, or the bytes of PNG images of `SIZE`, by tag.
    """
    summary = Summary(
        value=[
            Summary.Value(tag=tag, image=Summary.Image(encoded_image_string=value, **SIZE))
            if isinstance(value, bytes)
            else Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items()
        ]
    )
    writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
    writer.flush()


def _curve(measurements: Sequence[dict], name: str) -> bytes:
    """PNG of a measure over the epochs, test data dashed."""
    from matplotlib.figure import Figure

    from keras_haframe import plots

    keys = {key for one in measurements for key in one}
    history = {key: [one.get(key, float("nan")) for one in measurements] for key in keys}
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    plots.plot_curves({"run": history}, name, ax=figure.subplots(), legend=False)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
