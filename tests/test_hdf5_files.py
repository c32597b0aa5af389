"""HDF5 that would read other files is refused at every door, before anything is read."""

import contextlib
import pathlib
import zipfile

import keras
import numpy as np
import pytest

import keras_haframe as kh
from keras_haframe import cli
from keras_haframe.hdf5_files import check_hdf5
from keras_haframe.models import MAE, ViT, make_backbone, small_cnn

h5py = pytest.importorskip("h5py")
SECRET = 7.0
KINDS = ["ExternalLink", "group", "SoftLink", "storage", "virtual", "bomb"]


def tamper(path, kind: str) -> None:
    """Let a data set of a weights file be one of another file."""
    secret = path.with_name("secret.h5")
    with h5py.File(path, "a") as file:
        found: list[str] = []
        file.visititems(lambda n, o: found.append(n) if isinstance(o, h5py.Dataset) else None)
        name = next(n for n in found if file[n].ndim > 1)
        shape, group = file[name].shape, name.rsplit("/", 1)[0]
        with h5py.File(secret, "w") as other:
            other["x"] = other["group/0"] = np.full(shape, SECRET, "float32")
        del file[group if kind == "group" else name]
        if kind == "ExternalLink":
            file[name] = h5py.ExternalLink(secret.name, "x")
        elif kind == "group":
            file[group] = h5py.ExternalLink(secret.name, "group")
        elif kind == "SoftLink":
            file[name] = h5py.SoftLink("/x")
        elif kind == "storage":
            file.create_dataset(name, shape, "f4", external=[(secret.name, 0, 2**20)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, "f4")
            layout[...] = h5py.VirtualSource(secret.name, "x", shape)
            file.create_virtual_dataset(name, layout)
        else:
            file.create_dataset(name, (10**10,), "f4", chunks=(10**6,), compression="gzip")


def packed(weights: pathlib.Path, model: pathlib.Path) -> pathlib.Path:
    """A `.keras` file with other weights."""
    path = weights.with_name("tampered.keras")
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, weights.read_bytes() if name.endswith("h5") else old.read(name))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model and its file."""
    folder = tmp_path_factory.mktemp("files")
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    model = kh.build(small_cnn((8, 8, 3), (2, 3)), tree)
    model.save(folder / "m.keras")
    return model, folder / "m.keras"


@pytest.mark.filterwarnings("ignore:Skipping")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused(files, tmp_path, monkeypatch, kind):
    model, saved = files
    monkeypatch.chdir(tmp_path)  # names of files in HDF5 are relative to it, too
    weights = tmp_path / "t.weights.h5"
    model.save_weights(weights)
    check_hdf5(weights)
    tamper(weights, kind)
    before = [np.array(w) for w in model.get_weights()]
    for path in (weights, packed(weights, saved)):
        with pytest.raises(ValueError, match=f"{path.name} is damaged or not safe to read: "):
            model.load_weights(path)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
    # Keras itself, where the file goes to it: `keras.models.load_model`.
    with pytest.raises(ValueError, match="Not allowed|H5 dataset"):
        keras.models.load_model(packed(weights, saved))


def test_every_door(files, tree, tmp_path, capsys):
    model, saved = files
    weights = tmp_path / "t.weights.h5"
    model.save_weights(weights)
    tamper(weights, "ExternalLink")
    with pytest.raises(ValueError, match="has the ExternalLink"):
        make_backbone("small_cnn", (16, 16), str(weights))
    vit = ViT((8, 8, 3), (8, 1, 1), 4)
    with pytest.raises(ValueError, match="has the ExternalLink"):
        MAE(vit, decoder_width=8, decoder_depth=1, decoder_heads=1).load_weights(weights)
    assert cli.main(["export", str(packed(weights, saved)), str(tmp_path / "served")])
    assert "has the ExternalLink" in capsys.readouterr().err


def test_plain_files_pass(files, tmp_path):
    check_hdf5(files[1])
    check_hdf5(tmp_path / "none.h5")
    path = tmp_path / "loop.h5"
    with h5py.File(path, "w") as file:
        file["group/x"] = np.zeros(3)
        file["group/loop"] = file["/"]
        file["empty"] = h5py.Empty("f4")
    check_hdf5(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ValueError, match=r"loop\.h5 is damaged"):
        check_hdf5(path)


@pytest.mark.filterwarnings("ignore:Skipping")
def test_a_keras_file_writes_nothing_outside_and_runs_no_code(files, tmp_path):
    path = tmp_path / "deep" / "m.keras"
    path.parent.mkdir()
    path.write_bytes(files[1].read_bytes())
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("../evil.txt", "x")
        file.writestr("assets/../../evil.txt", "x")
        file.writestr(str(tmp_path / "evil.txt"), "x")
    # Keras warns and leaves them out, or refuses all; 3.12 fails at its own warning.
    with contextlib.suppress(ValueError, AttributeError):
        keras.models.load_model(path)
    assert not list(tmp_path.rglob("evil*"))
    code = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)])
    code.save(tmp_path / "code.keras")
    with pytest.raises(ValueError, match="Lambda.*(unsafe|untrusted|disallowed)"):
        keras.models.load_model(tmp_path / "code.keras")
