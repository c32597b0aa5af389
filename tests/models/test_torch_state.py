"""Readers of .npz and .safetensors files."""

import json
import sys

import numpy as np
import pytest

from keras_haframe.models import read_torch_state
from tests.models.safetensors_file import write_safetensors

ARRAYS = {
    "a.weight": np.arange(24, dtype="float32").reshape(2, 3, 4),
    "b": np.array([1.5, -2.0], "float16"),
    "c": np.array(7, "int64"),
    "d": np.zeros((0, 3), "float64"),
}


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_round_trip(tmp_path, kind):
    path = tmp_path / f"s.{kind}"
    if kind == "npz":
        np.savez(path, **ARRAYS)
    else:
        write_safetensors(path, ARRAYS, {"__metadata__": {"format": "pt"}})
    found = read_torch_state(path)
    assert set(found) == set(ARRAYS)
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype and found[name].shape == value.shape


def test_bfloat16_becomes_float32(tmp_path):
    """Values that bfloat16 holds exactly: 1, -2.5 and 0.15625 are their upper 16 bits."""
    values = np.array([1.0, -2.5, 0.15625], "float32")
    upper = (values.view(np.uint32) >> 16).astype("uint16")
    write_safetensors(tmp_path / "s.safetensors", {"w": upper})
    found = read_torch_state(tmp_path / "s.safetensors")["w"]
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float32


def test_what_the_safetensors_package_writes(tmp_path):
    from safetensors.numpy import save_file

    save_file(ARRAYS, tmp_path / "s.safetensors")
    found = read_torch_state(tmp_path / "s.safetensors")
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(found[name], value)


def test_pickles_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a \.pth file is a pickle.*weights.pth"):
        read_torch_state(tmp_path / "weights.pth")
    np.savez(tmp_path / "o.npz", a=np.array([{"any": "code"}], object))
    with pytest.raises(ValueError, match=r"not a \.npz file of plain arrays"):
        read_torch_state(tmp_path / "o.npz")


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "s.safetensors"
    write_safetensors(path, ARRAYS)
    whole = path.read_bytes()
    for content in (whole[:-2], b"", b"\xff" * 40, whole[:20], (3).to_bytes(8, "little") + b"[1]"):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"s\.safetensors is no \.safetensors file, or damaged"
        ):
            read_torch_state(path)
    header = json.dumps({"q": {"dtype": "F9", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"0")
    with pytest.raises(ValueError, match=r"s\.safetensors"):
        read_torch_state(path)
    (tmp_path / "n.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ValueError, match=r"n\.npz is not a .npz file"):
        read_torch_state(tmp_path / "n.npz")


def test_says_which_package_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ModuleNotFoundError, match=r"keras_haframe\[safetensors\]"):
        read_torch_state(tmp_path / "s.safetensors")
