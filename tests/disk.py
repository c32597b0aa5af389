"""Disks that fill up: a small one in memory, or a largest size of files."""

import contextlib
import os
import resource
import shutil
import subprocess

import pytest


@contextlib.contextmanager
def file_size(most):
    """No file of this process gets larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def disk(folder, size):
    """A disk of its own in memory, of `size` bytes; only root may mount it."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() or not shutil.which("mount") or _mount(folder, f"size={size}"):
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(folder, size):
    """Make room."""
    assert _mount(folder, f"remount,size={size}") == 0


def _mount(folder, options):
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode
