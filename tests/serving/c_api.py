"""TensorFlow's C API by ctypes: the loader that TF Serving uses, without importing tensorflow.

Needs the shared libraries of the installed tensorflow wheel, ctypes and NumPy, and nothing else:
`python c_api.py job.json` runs on its own, in a process that imports neither tensorflow nor keras.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import pathlib
import sys

if __name__ == "__main__":  # started with -S, so that no site hook imports anything
    sys.path += json.loads(sys.argv[2])

import numpy as np

DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 10: np.bool_}
STRING, STRING_SIZE = 7, 24
P = ctypes.c_void_p


class Output(ctypes.Structure):
    _fields_ = [("operation", P), ("index", ctypes.c_int)]


class Buffer(ctypes.Structure):
    _fields_ = [("data", P), ("length", ctypes.c_size_t), ("deallocator", P)]


def _libraries():
    folder = pathlib.Path(importlib.util.find_spec("tensorflow").origin).parent  # no import
    ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    pointers = (
        "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_NewBuffer TF_LoadSessionFromSavedModel "
        "TF_GraphOperationByName TF_AllocateTensor TF_TensorData TF_StringGetDataPointer"
    )
    for name in pointers.split():
        getattr(lib, name).restype = P
    lib.TF_Message.restype = ctypes.c_char_p
    lib.TF_StringGetSize.restype = ctypes.c_size_t
    lib.TF_Dim.restype = ctypes.c_int64
    lib.TF_TensorByteSize.restype = ctypes.c_size_t
    return lib


class Model:
    """A SavedModel loaded by `TF_LoadSessionFromSavedModel`."""

    def __init__(self, path):
        self.lib = _libraries()
        self.graph, status = P(self.lib.TF_NewGraph()), P(self.lib.TF_NewStatus())
        options = P(self.lib.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = P(
            self.lib.TF_LoadSessionFromSavedModel(
                options, None, str(path).encode(), tags, 1, self.graph, None, status
            )
        )
        self._check(status)
        self.lib.TF_DeleteSessionOptions(options)

    def run(self, feeds: dict, fetches: list[str]) -> list[np.ndarray]:
        """Feed tensors by graph name (`"op:0"`), return the fetched ones; raises on an error."""
        lib, status = self.lib, P(self.lib.TF_NewStatus())
        given = (P * len(feeds))(*(self._tensor(v) for v in feeds.values()))
        found = (P * len(fetches))()
        lib.TF_SessionRun(
            self.session, None, self._outputs(feeds), given, len(feeds),
            self._outputs(fetches), found, len(fetches), None, 0, None, status,
        )  # fmt: skip
        for tensor in given:
            lib.TF_DeleteTensor(P(tensor))
        self._check(status)
        return [self._array(P(tensor)) for tensor in found]

    def close(self):
        status = P(self.lib.TF_NewStatus())
        self.lib.TF_CloseSession(self.session, status)
        self.lib.TF_DeleteSession(self.session, status)
        self.lib.TF_DeleteGraph(self.graph)
        self._check(status)

    def _check(self, status):
        code, message = self.lib.TF_GetCode(status), self.lib.TF_Message(status).decode()
        self.lib.TF_DeleteStatus(status)
        if code:
            raise RuntimeError(f"TensorFlow error {code}: {message}")

    def _outputs(self, names):
        array = (Output * len(names))()
        for i, name in enumerate(names):
            operation, index = name.split(":")
            array[i].operation = self.lib.TF_GraphOperationByName(self.graph, operation.encode())
            array[i].index = int(index)
            assert array[i].operation, f"no operation {operation}"
        return array

    def _tensor(self, value) -> int:
        lib = self.lib
        strings = not isinstance(value, np.ndarray) or value.dtype == object
        shape = (len(value),) if isinstance(value, list) else value.shape
        dims = (ctypes.c_int64 * len(shape))(*shape)
        if not strings:
            value = np.ascontiguousarray(value)
            code = next(c for c, t in DTYPES.items() if value.dtype == t)
            size = value.nbytes
        else:
            items = list(value) if isinstance(value, list) else value.ravel().tolist()
            code, size = STRING, STRING_SIZE * len(items)
        tensor = lib.TF_AllocateTensor(code, dims, len(shape), ctypes.c_size_t(size))
        data = lib.TF_TensorData(P(tensor))
        if not strings:
            ctypes.memmove(data, value.ctypes.data, size)
            return tensor
        for i, item in enumerate(items):
            slot = P(data + i * STRING_SIZE)
            lib.TF_StringInit(slot)
            lib.TF_StringCopy(slot, item, ctypes.c_size_t(len(item)))
        return tensor

    def _array(self, tensor) -> np.ndarray:
        lib = self.lib
        shape = [lib.TF_Dim(tensor, i) for i in range(lib.TF_NumDims(tensor))]
        code, data = lib.TF_TensorType(tensor), lib.TF_TensorData(tensor)
        if code == STRING:
            array = np.empty(int(np.prod(shape)), object)
            for i in range(array.size):
                slot = P(data + i * STRING_SIZE)
                start, size = lib.TF_StringGetDataPointer(slot), lib.TF_StringGetSize(slot)
                array[i] = ctypes.string_at(start, size)
        else:
            array = np.empty(shape, DTYPES[code])
            ctypes.memmove(array.ctypes.data, data, lib.TF_TensorByteSize(tensor))
        lib.TF_DeleteTensor(tensor)
        return array.reshape(shape)


def main(job_file: str) -> None:
    """Run `[{"model", "runs": [{"feeds": {tensor: file}, "fetches": {name: tensor}, "to"}]}]`."""
    for job in json.loads(pathlib.Path(job_file).read_text()):
        model = Model(job["model"])
        for run in job["runs"]:
            feeds = {tensor: np.load(file) for tensor, file in run["feeds"].items()}
            found = model.run(feeds, list(run["fetches"].values()))
            np.savez(run["to"], **{k: _storable(v) for k, v in zip(run["fetches"], found)})
        model.close()
    imported = {"tensorflow", "keras", "keras_haframe"} & set(sys.modules)
    assert not imported, imported
    print("done without tensorflow and keras")


def _storable(array: np.ndarray) -> np.ndarray:
    """Byte strings in a fixed width, which NumPy writes without pickle."""
    if array.dtype != object:
        return array
    return np.array(array.ravel().tolist() or [b""], "S")[: array.size].reshape(array.shape)


if __name__ == "__main__":
    main(sys.argv[1])
