"""Archives of others: whatever is wrong with one is a `ValueError` that names it."""

import io
import random
import warnings
import zipfile
import zlib

import numpy as np
import pytest

from keras_haframe.archives import read_json, read_npy, read_npz
from keras_haframe.evaluation import label_files
from keras_haframe.evaluation.read import read_table
from keras_haframe.models import read_torch_state

STATE = {
    "a.weight": np.arange(24, dtype="float32").reshape(2, 3, 4),
    "b": np.array([1.5, -2.0], "float16"),
    "c": np.array(7, "int64"),
    "d": np.zeros((0, 3), "float64"),
}


def header(text: str, version=b"\x01\x00") -> bytes:
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(body).to_bytes(2, "little") + body


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return path


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Cut, flipped, overwritten, inserted or removed bytes."""
    content, at = bytearray(data), draw.randrange(len(data))
    how = draw.randrange(5)
    if how == 0:
        return data[:at]
    if how == 1:
        content[at] ^= 1 << draw.randrange(8)
    elif how == 2:
        content[at : at + 4] = draw.choice([b"\xff" * 4, b"\0" * 4, b"((((", b"9999"])
    elif how == 3:
        content[at:at] = draw.randbytes(draw.choice([1, 50]))
    else:
        del content[at : at + draw.choice([1, 50])]
    return bytes(content)


def test_what_is_written_is_read(tmp_path):
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "s.npz", **STATE)
        for found in (read_npz(tmp_path / "s.npz"), read_npz(tmp_path / "s.npz", numbers=True)):
            assert list(found) == list(STATE)
            for name, value in STATE.items():
                np.testing.assert_array_equal(found[name], value)
                assert found[name].dtype == value.dtype and found[name].shape == value.shape
    assert list(read_npz(tmp_path / "s.npz", ["c", "x"])) == ["c"]
    np.save(tmp_path / "f.npy", np.asfortranarray(STATE["a.weight"]))
    np.testing.assert_array_equal(read_npy(tmp_path / "f.npy"), STATE["a.weight"])


@pytest.mark.parametrize("kind", ["npz", "packed.npz", "safetensors", "scores.npz", "npy", "csv"])
def test_damaged_files(tree, tmp_path, kind):
    """Of 200 files with random damage none gives another error; some are still whole."""
    good, bad = tmp_path / f"good.{kind}", tmp_path / f"bad.{kind}"
    read = read_torch_state
    if kind == "npz":
        np.savez(good, **STATE)
    elif kind == "packed.npz":
        np.savez_compressed(good, **STATE)
    elif kind == "safetensors":
        from safetensors.numpy import save_file

        save_file(STATE, good)
    else:
        read = lambda path: read_table(path, tree)  # noqa: E731
        if kind == "scores.npz":
            np.savez(good, scores=np.eye(4), labels=[0, 1, 2, 3], classes=tree.leaves)
        elif kind == "npy":
            np.save(good, np.eye(4))
        else:
            good.write_text("car,truck,jet,glider,label\n" + "0.1,0.2,0.3,0.4,car\n" * 5)
    read(good)
    draw, content, refused = random.Random(0), good.read_bytes(), 0
    for _ in range(200):
        bad.write_bytes(mutated(content, draw))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(bad)
        except ValueError as error:
            assert type(error) is ValueError and bad.name in str(error), error
            refused += 1
    assert 50 < refused


def test_a_header_that_claims_more_than_there_is_takes_no_memory(tmp_path):
    import resource

    huge = header("{'descr': '<f4', 'fortran_order': False, 'shape': (25000000000,), }")
    path = archive(tmp_path / "h.npz", w=huge + b"\0" * 100)
    (tmp_path / "h.npy").write_bytes(huge)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read, file in ((read_torch_state, path), (read_npy, tmp_path / "h.npy")):
        with pytest.raises(ValueError, match=r"h\.np.*float32 \(25000000000,\) by its header"):
            read(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # kB


def test_an_archive_that_unpacks_to_much_is_refused_unread(tmp_path):
    """8 GiB of zeros by its directory, with a header that fits."""
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (8589934592,), }"
    path = archive(tmp_path / "b.npz", w=header(text) + b"\0" * 1000)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")  # size, unpacked
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"b\.npz .* bytes would unpack to 4,294,967,294"):
        read_npz(path)
    with pytest.raises(ValueError, match="is not a Keras file: its .* would unpack"):
        read_json(path, "w.npy")


def test_pickles_texts_and_other_members_are_refused(tmp_path):
    file = io.BytesIO()
    np.save(file, np.array([{"any": "code"}], object), allow_pickle=True)
    archive(tmp_path / "pickle.npz", w=file.getvalue())
    archive(tmp_path / "raw_pickle.npz", w=zlib.compress(b"x"))
    np.savez(tmp_path / "text.npz", w=["a"])
    archive(tmp_path / "parens.npz", w=header("(" * 110))
    archive(tmp_path / "negative.npz", w=header(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1), }") + b"\0" * 4)  # fmt: skip
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as members:
        members.writestr("../w.txt", "x")
    for path in tmp_path.glob("*.npz"):
        with pytest.raises(ValueError, match=f"{path.name} is not a .npz file of plain arrays"):
            read_torch_state(path)
    assert read_npz(tmp_path / "text.npz")["w"].tolist() == ["a"]
    with pytest.raises(FileNotFoundError):
        read_torch_state(tmp_path / "none.npz")


def test_tables_of_text_and_labels_name_their_file(tree, tmp_path):
    path = tmp_path / "t.csv"
    for content, read in (
        (b"label\ncar\xff\n", lambda: label_files.read(path, tree)),
        (b"a,label\nx,car\ny\n", lambda: label_files.read(path, tree)),
        (b"label\n" + b"x" * 140_000, lambda: label_files.read(path, tree)),
        (b"car,truck,jet,glider,label\n1,0,0,0,car\n1,0,0,0\n", lambda: read_table(path, tree)),
        (b"car,truck,jet,glider\n\xff,0,0,0\n", lambda: read_table(path, tree)),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"t\.csv") as caught:
            read()
        assert caught.type is ValueError
    pytest.importorskip("pyarrow")
    (tmp_path / "p.parquet").write_bytes(b"PAR1" + b"\0" * 40 + b"PAR1")
    with pytest.raises(ValueError, match=r"p\.parquet is not a Parquet file"):
        read_table(tmp_path / "p.parquet", tree)
