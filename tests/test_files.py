"""Files are whole or absent, on a disk that fills up at any byte."""

import shutil

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_haframe.files import (
    clear_errors,
    read_object,
    reading,
    whole,
    write_text,
)
from tests.disk import disk, file_size

MESSAGE = r"could not be written \(.+\)\. Free some space and run the same command again\."


def make_model():
    model = keras.Sequential([keras.Input((16,)), *(keras.layers.Dense(64) for _ in range(3))])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def writers():
    """By ending, what writes a file of about 150 kB."""
    model, numbers = make_model(), np.random.default_rng(0).random((400, 45))

    def picture(path):
        figure = Figure()
        figure.figimage(numbers)
        figure.savefig(path, dpi=100)

    return {
        ".keras": model.save,
        ".npz": lambda path: np.savez_compressed(path, scores=numbers),
        ".png": picture,
        ".txt": lambda path: path.write_text("x" * 150_000),
    }


@pytest.mark.parametrize("ending", [".keras", ".npz", ".png", ".txt"])
def test_a_file_that_may_not_grow(tmp_path, writers, ending):
    """Whatever the library makes of the system's error; the file from before stays."""
    path, write = tmp_path / f"a{ending}", writers[ending]
    path.write_bytes(b"before")
    for most in (100, 9_000, 50_000):
        with pytest.raises(OSError, match=MESSAGE) as error, file_size(most):
            with whole(path) as partial:
                write(partial)
        assert str(path) in str(error.value)
        assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    with whole(path) as partial:
        write(partial)
    assert path.stat().st_size > 6


@pytest.mark.parametrize("ending", [".keras", ".npz", ".png", ".txt"])
def test_a_full_disk(tmp_path, writers, ending):
    """Twenty sizes: a whole file, or the message and no byte in use, not even of a closed file."""
    found = []
    for size in range(8_192, 20 * 8_192 + 1, 8_192):
        with disk(tmp_path / "disk", size) as folder:
            path = folder / f"a{ending}"
            try:
                with whole(path) as partial:
                    writers[ending](partial)
            except OSError as error:
                assert error.errno == 28
                assert shutil.disk_usage(folder).used == 0
            found.append(path.exists())
            assert len(list(folder.iterdir())) == found[-1]
    assert not found[0] and 3 <= found.count(False) < 20


def test_other_errors_stay_what_they_are(tmp_path):
    for kind in (KeyError, ValueError, FileNotFoundError, KeyboardInterrupt):
        with pytest.raises(kind, match="own"), whole(tmp_path / "a.txt") as partial:
            partial.write_text("half")
            raise kind("own")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_closed(tmp_path):
    """Not to be mended by free space."""
    with pytest.raises(PermissionError, match=r"Permission denied\). Choose or mend the folder"):
        with whole(tmp_path / "a.txt"):
            raise PermissionError(13, "Permission denied")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/a.txt could not be written"):
        write_text(tmp_path / "file" / "a.txt", "")


def test_what_is_safe_is_said():
    with pytest.raises(OSError, match=r"Epoch 3 could not be .*Epoch 2 is safe\. Free some") as e:
        with clear_errors("Epoch 3", "Epoch 2 is safe."):
            raise RuntimeError("Can't decrement id ref count (file write failed: errno = 28, buf")
    assert e.value.errno == 28


def test_the_outer_block_knows_more(tmp_path):
    with pytest.raises(OSError, match=r"^\[Errno 28\] Epoch 3 could not be written \(No") as e:
        with clear_errors("Epoch 3", "Epoch 2 is safe."), whole(tmp_path / "a.txt"):
            raise OSError(28, "No space left on device")
    assert str(e.value).count("could not be written") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is not JSON"), (b'{"a": ', "is not JSON"), (b"\xff\xfe", "is not JSON"),
     (b"[1]", "must hold a JSON object .* Received: list"), (b"[" * 99_999, "nested|Recursion")],
)  # fmt: skip
def test_damaged_json(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"a.json.*{message}|{message}.*a.json") as error:
        read_object(path, "Mend it so.")
    assert "Mend it so." in str(error.value)


def test_errors_that_name_the_file_stay(tmp_path):
    for kind, text in ((KeyError, f"{tmp_path} is odd"), (FileNotFoundError, "no such file")):
        with pytest.raises(kind, match=text), reading(tmp_path):
            raise kind(text)
