"""Packaging of keras_haframe. Tool settings are in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "keras_haframe/version.py").read_text())[1]

ONNX = ["onnx>=1.16", "tf2onnx>=1.16", "onnxscript>=0.5"]  # of TensorFlow and of PyTorch
SAFETENSORS = ["safetensors>=0.4"]
TEST = [
    "pytest>=8",
    "hypothesis>=6.100",
    "pytest-xdist>=3",
    "ruff>=0.9",
    "mypy>=1.15",
    "onnxruntime>=1.17",
    "openvino>=2025.0",  # 59 MB
    "pillow",
    *ONNX,
    *SAFETENSORS,
]

setup(
    name="keras_haframe",
    version=VERSION,
    description="Hierarchy-aware image classification in Keras 3: mistakes that are near misses",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["keras_haframe", "keras_haframe.*"]),
    package_data={
        "keras_haframe": ["py.typed"],
        "keras_haframe.results": ["*.js"],
        "keras_haframe.data.tiered_imagenet_h": ["*.txt"],
    },
    python_requires=">=3.11",
    install_requires=[
        # The versions without known holes in reading model files (CVE-2026-0897 and relatives).
        "keras>=3.12.4,!=3.13.*,!=3.14.*,!=3.15.0",
        "numpy>=1.26",
        "scipy>=1.11",
        "simple-parsing>=0.1.6",
        "matplotlib>=3.8",
        "tensorboard>=2.16",
        "grpcio>=1.60",  # these two come with tensorboard
        "protobuf>=4.25",
        "urllib3>=2.2",  # comes with tensorflow-datasets, by requests
        "tensorflow-datasets>=4.9.7",
        "importlib_resources",  # tensorflow-datasets 4.9.10 needs it and does not declare it
    ],
    extras_require={
        "tensorflow": ["tensorflow>=2.18"],
        "tensorflow-cpu": ["tensorflow-cpu>=2.18"],
        "gpu": ["tensorflow[and-cuda]>=2.18"],
        "jax": ["jax>=0.4.35"],
        "torch": ["torch>=2.5"],
        "safetensors": SAFETENSORS,
        "onnx": ONNX,
        "onnx-jax": ["onnx>=1.16", "jax2onnx>=0.17"],  # brings 30 packages, 180 MB
        "cv": ["keras-cv>=0.9"],
        "hub": ["keras-hub>=0.20"],
        "test": TEST,
    },
    entry_points={"console_scripts": ["haframe=keras_haframe.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
