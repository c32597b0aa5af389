"""What TensorBoard shows: curves of a run, and neural-collapse measurements with pictures."""

from __future__ import annotations

import io
import pathlib
import shutil
import time
from collections.abc import Mapping, Sequence

import keras
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from keras_haframe.training import distribution

INCHES, DPI = (3.3, 2.6), 120
SIZE = {"width": int(INCHES[0] * DPI), "height": int(INCHES[1] * DPI), "colorspace": 3}


class EpochScalars(keras.callbacks.Callback):
    """Metrics of every epoch as TensorBoard event files, on every backend.

    Unlike `keras.callbacks.TensorBoard` it needs no TensorFlow, and a run that was taken up again
    has each epoch exactly once: the files are written anew from the history when training starts.

    Args:
        folder: Where the runs `train` and `validation` go; what is in them is replaced.
        history: One dictionary per finished epoch, `"epoch"` from 0 and metrics by name, to which
            another callback before this one adds the epoch that ended (`Checkpoints.history`).
    """

    def __init__(self, folder, history: Sequence[dict]):
        super().__init__()
        self.folder, self.history, self.writers = pathlib.Path(folder), history, {}

    def on_train_begin(self, logs=None):
        if distribution.process()[0]:
            return
        for name in ("train", "validation"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            self.writers[name] = EventFileWriter(str(self.folder / name))
        for row in self.history:
            self._write(row)

    def on_epoch_end(self, epoch, logs=None):
        self._write(self.history[-1])

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()

    def _write(self, row: dict) -> None:
        for name, writer in self.writers.items():
            values = {
                key.removeprefix("val_"): value
                for key, value in row.items()
                if key != "epoch" and key.startswith("val_") == (name == "validation")
            }
            _add(writer, row["epoch"] + 1, values)


def write_measurements(log_dir, measurements: Sequence[dict], names: Sequence[str]) -> None:
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
    _add(writer, int(last["epoch"]), values)
    writer.close()


def _add(writer: EventFileWriter, step: int, values: Mapping[str, float | bytes]) -> None:
    """Write numbers and PNG images by tag."""
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
