"""`haframe client`: image files through a running server: TF Serving or KServe v2 (Triton)."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from keras_haframe.cli import rows
from keras_haframe.serving import GrpcClient, KServeClient, RestClient, ServingError, Tls
from keras_haframe.text_table import LINES, visible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe client`."""
    parser.add_argument(
        "server",
        help="TF Serving: http://localhost:8501 for REST, localhost:8500 for gRPC; with --kserve "
        "http://localhost:8000",
    )
    parser.add_argument("model", help="name of the served model")
    rows.add_image_arguments(parser)
    parser.add_argument("--tree", help="the model's assets/tree.json, for --allowed")
    parser.add_argument("--version", type=int, help="version (default: the server's newest)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds per attempt")
    parser.add_argument("--retries", type=int, default=3, help="further attempts")
    parser.add_argument("--kserve", action="store_true", help="KServe v2, as Triton speaks it")
    parser.add_argument("--tls", action="store_true", help="encrypted gRPC (REST: https://)")
    parser.add_argument("--ca", metavar="FILE", help="authorities to trust, PEM")
    parser.add_argument("--certificate", metavar="FILE", help="certificate to show, PEM")
    parser.add_argument("--key", metavar="FILE", help="its key, PEM")


Client: TypeAlias = RestClient | GrpcClient | KServeClient


def connect(server: str, model: str, kserve: bool = False, **options: Any) -> Client:
    """Return a `RestClient` for an address with `http`, a `GrpcClient` for `host:port`.

    Args:
        server: The address.
        model: Name of the served model.
        kserve: Whether the server speaks KServe v2: a `KServeClient`.
        options: Arguments of the client.
    """
    if kserve:
        return KServeClient(server, model, **options)
    if server.startswith(("http://", "https://")):
        return RestClient(server, model, **options)
    return GrpcClient(server, model, **options)


def predict_files(
    client: Client,
    files: Sequence[pathlib.Path],
    threshold: float = 0.5,
    batch_size: int = 16,
    allowed: np.ndarray | None = None,
) -> list[dict]:
    """Ask a server about image files; rows as `predict.predict_files` returns them."""
    found = []
    for batch in rows.batches(list(files), batch_size):
        request = rows.request([file.read_bytes() for file in batch], threshold, allowed)
        found += rows.to_rows(batch, client.predict(*request))
    return found


def run(args: argparse.Namespace) -> int:
    """Print the answers; 1 if the server failed or an image could not be read."""
    files = rows.image_files(args.images)
    files_given = any((args.ca, args.certificate, args.key))
    tls = Tls(args.ca, args.certificate, args.key) if args.tls or files_given else None
    try:
        client = connect(
            args.server, args.model, args.kserve, version=args.version, timeout=args.timeout,
            retries=args.retries, tls=tls,
        )  # fmt: skip
        allowed = rows.allow_list(args.allowed, args.tree)
        found = predict_files(client, files, args.threshold, args.batch_size, allowed)
    except ServingError as error:
        print(f"{error} (attempts: {error.attempts})", file=sys.stderr)
        return 1
    print(visible(rows.render(found, args.json), keep=LINES))
    return 0 if all(row["ok"] for row in found) else 1
