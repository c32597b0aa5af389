"""Runs that are killed again and again against one that is not; what saving costs.

    python benchmarks/resume.py kills    # 50 times SIGKILL at random steps; --kills, --seed
    python benchmarks/resume.py points   # SIGKILL before and after every file operation
    python benchmarks/resume.py cost     # about 3 minutes: time of a save, and what it takes away

kills, points: a network with batch normalization, dropout and momentum on augmented `ArrayBatches`,
2 steps from save to save, each start in a process of its own (forked from one that has imported
Keras). The final weights, optimizer, random states, metrics, history.csv and test scores must be
those of the undisturbed run, bit for bit; the first that is not ends the script with an error.

They fork, so they are for TensorFlow; tests/training/test_runner.py kills on every backend.

kills: a process is killed up to 30 ms after a random step, so that the writing thread is hit, too.

cost: `in the step` is the copy to the host, for which training waits; `in the thread` the writing,
with checksums and fsync, beside it; in brackets what of it is work of a core. `in all` is how much
longer 10 steps take with one save than without, median of rounds in turns; `share` the larger of
both sums, of a minute. To be run on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import keras
import machine
import numpy as np

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, Augmentation
from keras_haframe.training import Checkpoints, epoch_cosine, papers_sgd, run, snapshots

TREE = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
RUN = {"epochs": 4, "steps": 12}


# Killed runs --------------------------------------------------------------------------------------


def data(count: int):
    rng = np.random.default_rng(0)
    patterns, labels = rng.normal(size=(4, 8, 8, 3)), np.arange(count) % 4
    return (patterns[labels] + rng.normal(size=(count, 8, 8, 3))).astype("float32"), labels


def make_model() -> keras.Model:
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu")(images)
    x = keras.layers.Dropout(0.3)(keras.layers.BatchNormalization(momentum=0.9)(x))
    model = kh.build(keras.Model(images, x), TREE, "haframe", network="II")
    model.compile(papers_sgd(model, 0.05))
    return model


class KillAfter(keras.callbacks.Callback):
    """SIGKILL some seconds after a step of this process."""

    def __init__(self, step: int, delay: float) -> None:
        super().__init__()
        self.left, self.delay = step, delay

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            threading.Timer(self.delay, die).start()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def small_run(folder: pathlib.Path, callbacks=(), epochs: int = 4, steps: int = 12) -> None:
    images, labels = data(8 * steps + 32)
    train, held = (images[:-32], labels[:-32]), slice(-32, -16)
    crop = Augmentation("pad_and_crop", pad_mode="reflect")
    run(
        make_model, ArrayBatches(*train, 8, 0, crop).from_epoch, (images[-16:], labels[-16:]),
        epochs, folder, validation=(images[held], labels[held]), verbose=0, save_every=2,
        callbacks=lambda: [epoch_cosine(0.05, epochs), *callbacks],
    )  # fmt: skip


def in_a_process(work) -> int:
    """Run `work()` in a forked process; return 0, or the signal that ended it."""
    if not (child := os.fork()):
        try:
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a run ended with an error")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def check(one: pathlib.Path, two: pathlib.Path, epochs: int) -> None:
    """Raise unless two runs ended the same, bit for bit."""
    (state, arrays), (other, others) = (
        snapshots.read(f / "checkpoints" / snapshots.file_name(epochs)) for f in (one, two)
    )
    assert state == other and arrays.keys() == others.keys()
    differing = [name for name in arrays if not np.array_equal(arrays[name], others[name])]
    assert not differing, differing
    assert (one / "history.csv").read_text() == (two / "history.csv").read_text()
    with np.load(one / "scores.npz") as a, np.load(two / "scores.npz") as b:
        assert np.array_equal(a["scores"], b["scores"])


def kills(count: int, seed: int) -> None:
    draw, total = random.Random(seed), RUN["epochs"] * RUN["steps"]
    with tempfile.TemporaryDirectory() as top:
        whole = pathlib.Path(top, "whole")
        in_a_process(lambda: small_run(whole, **RUN))
        done, runs = 0, 0
        while done < count:
            folder, runs = pathlib.Path(top, f"run-{runs}"), runs + 1
            for _ in range(min(8, count - done)):
                kill = KillAfter(draw.randint(1, total // 4), draw.uniform(0, 0.03))
                if not in_a_process(lambda f=folder, k=kill: small_run(f, [k], **RUN)):
                    break  # it came to its end before
                done += 1
            in_a_process(lambda f=folder: small_run(f, **RUN))
            check(folder, whole, RUN["epochs"])
            print(f"{done} kills, {runs} runs, all ended as the undisturbed one", flush=True)


# Crash points -------------------------------------------------------------------------------------


def counted(die_at: int | None, names: list[str]) -> None:
    """Make every file operation count before and after; die at one of the counts."""

    def point(name: str) -> None:
        names.append(name)
        if len(names) - 1 == die_at:
            die()

    def around(module, name: str, cut: bool = False) -> None:
        call = getattr(module, name)

        def wrapped(*args, **kwargs):
            point(f"before {name}")
            result = call(*args, **kwargs)
            if cut:  # a file of which half is there
                names.append(f"amid {name}")
                if len(names) - 1 == die_at:
                    os.truncate(args[0], os.path.getsize(args[0]) // 2)
                    die()
            point(f"after {name}")
            return result

        setattr(module, name, wrapped)

    around(np, "savez", cut=True)
    for name in ("fsync", "replace", "unlink"):
        around(os, name)


def points() -> None:
    shape = {"epochs": 2, "steps": 5}
    with tempfile.TemporaryDirectory() as top:
        whole, list_file = pathlib.Path(top, "whole"), pathlib.Path(top, "points.txt")

        def count() -> None:
            names: list[str] = []
            counted(None, names)
            small_run(whole, **shape)
            list_file.write_text("\n".join(names))

        in_a_process(count)
        names, died = list_file.read_text().split("\n"), 0
        for number in range(len(names)):
            folder = pathlib.Path(top, f"run-{number}")

            def crash(number: int = number, folder: pathlib.Path = folder) -> None:
                counted(number, [])
                small_run(folder, **shape)

            died += in_a_process(crash) == signal.SIGKILL
            in_a_process(lambda f=folder: small_run(f, **shape))
            check(folder, whole, shape["epochs"])
            print(f"{number + 1} of {len(names)}, {died} reached", flush=True)
        each = {name: names.count(name) for name in dict.fromkeys(names)}
        print(", ".join(f"{n} {name}" for name, n in each.items()))
        print(f"{died} of {len(names)} crash points reached; all ended as the undisturbed one")


# Cost ---------------------------------------------------------------------------------------------


class Timed(Checkpoints):
    """Saves once every second call of `fit`; notes how long step and thread were busy."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder, None)
        self.in_step: list[tuple[float, float]] = []  # seconds, and those of a core
        self.in_thread: list[tuple[float, float]] = []
        self.times: list[float] = []
        self.wanted = False

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 2 and self.wanted:
            start, cpu = time.perf_counter(), time.thread_time()
            self._save(batch)
            self.in_step.append((time.perf_counter() - start, time.thread_time() - cpu))

    def _write(self, state, arrays):
        start, cpu = time.perf_counter(), time.thread_time()
        super()._write(state, arrays)
        self.in_thread.append((time.perf_counter() - start, time.thread_time() - cpu))

    def on_epoch_begin(self, epoch, logs=None):
        self.begin_time = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.wait()  # what is not hidden behind the steps counts in full
        self.times.append(time.perf_counter() - self.begin_time)


def networks():
    """Name, function that makes the compiled model, side of its images, batch."""

    def small() -> keras.Model:
        net = kh.models.wide_resnet((32, 32, 3), 16, 2)
        model = kh.build(net, TREE, network="II")
        model.compile(papers_sgd(model, 0.01))
        return model

    def large() -> keras.Model:
        net = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
        model = kh.build(net, TREE, network="II")
        model.compile(kh.training.GroupedAdamW(1e-4))
        return model

    return [("WideResNet-16-2, SGD", small, 32, 32), ("ResNet-50, AdamW", large, 64, 8)]


def cost(rounds: int) -> None:
    print(machine.about("keras", "tensorflow-cpu"), f"load {os.getloadavg()[0]:.1f}")
    print("| network | parameters | file | in the step | in the thread | in all | share |")
    print("|---|---|---|---|---|---|---|")
    for name, make, side, batch in networks():
        model, rng = make(), np.random.default_rng(0)
        images = rng.normal(size=(batch, side, side, 3)).astype("float32")
        batches = ArrayBatches(np.tile(images, (10, 1, 1, 1)), np.arange(10 * batch) % 4, batch)
        with tempfile.TemporaryDirectory() as top:
            timed, without, with_save = Timed(pathlib.Path(top)), [], []
            model.fit(batches, callbacks=[timed], verbose=0)  # compiles
            for _ in range(rounds):
                for timed.wanted, times in ((False, without), (True, with_save)):
                    model.fit(batches, callbacks=[timed], verbose=0)
                    times.append(timed.times[-1])
            size = sum(f.stat().st_size for f in list(pathlib.Path(top).glob("*.npz"))[:1])
        (step, step_cpu), (thread, thread_cpu) = (
            map(median, zip(*times, strict=True)) for times in (timed.in_step, timed.in_thread)
        )
        more = median(b - a for a, b in zip(without, with_save, strict=True))
        share = max(more, step + thread) / 60
        print(
            f"| {name} | {model.count_params() / 1e6:.1f} M | {size / 1e6:.0f} MB "
            f"| {step:.2f} s ({step_cpu:.2f}) | {thread:.2f} s ({thread_cpu:.2f}) "
            f"| {more:.2f} s of {median(without):.1f} s "
            f"| {share:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["kills", "points", "cost"])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3, help="of cost")
    args = parser.parse_args()
    if args.what == "kills":
        kills(args.kills, args.seed)
    elif args.what == "points":
        points()
    else:
        cost(args.rounds)
