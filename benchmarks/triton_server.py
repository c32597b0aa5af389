"""NVIDIA's stock Triton server from the wheel of nvidia-pytriton, on the loopback interface.

    python -m venv ~/triton
    ~/triton/bin/pip install "numpy<2" tensorflow-cpu onnxruntime
    ~/triton/bin/pip install --no-deps nvidia-pytriton==0.7.0

The wheel holds the server's binary and its Python backend, which runs on a machine without a GPU.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

VARIABLE = "KERAS_HAFRAME_TRITON"
FACTS = """import sys, sysconfig
print(sysconfig.get_path("purelib"), sysconfig.get_config_var("LIBDIR"), sep="\\n")
print(*sys.version_info[:2], sep=".")"""


class Triton:
    """A server of a model repository; a context manager.

    Args:
        repository: The model repository.
        python: Python of the environment above; the environment variable KERAS_HAFRAME_TRITON
            by default.
        longest: Seconds to wait until the models are loaded.

    Attributes:
        url: Where it listens.
    """

    def __init__(self, repository, python: str | None = None, longest: float = 120.0):
        self.repository, self.longest = pathlib.Path(repository), longest
        self.python = pathlib.Path(python or os.environ[VARIABLE]).expanduser()

    def __enter__(self) -> Triton:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="triton"))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        facts = subprocess.run(
            [self.python, "-c", FACTS], capture_output=True, text=True, check=True
        )
        site, libraries, version = facts.stdout.splitlines()
        libraries += f"{os.pathsep}{site}/nvidia_pytriton.libs"
        server = pathlib.Path(site) / "pytriton" / "tritonserver"
        backends = self.folder / "backends"
        shutil.copytree(server / "backends", backends)
        stub = backends / "python" / "triton_python_backend_stub"
        shutil.copy(server / "python_backend_stubs" / version / stub.name, stub)
        stub.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"  # the stub asks for python3
        self.log = (self.folder / "log.txt").open("w+")
        self.process = subprocess.Popen(
            [
                server / "bin" / "tritonserver", f"--model-repository={self.repository}",
                f"--backend-directory={backends}", "--http-address=127.0.0.1",
                f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false",
            ],
            stdout=self.log, stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
            | {"PATH": path, "LD_LIBRARY_PATH": libraries, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        end = time.monotonic() + self.longest
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise RuntimeError(f"Triton did not start:\n{self.log.read()[-3000:]}")
            time.sleep(0.2)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/v2/health/ready", timeout=1):
                return True
        except OSError:
            return False

    def __exit__(self, *_) -> None:
        if hasattr(self, "process"):
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:  # it waits in vain for a backend that was killed
                self.process.kill()
                self.process.wait()
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
