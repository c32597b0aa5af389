"""Encryption: which certificates a client trusts and which it shows."""

from __future__ import annotations

import dataclasses
import pathlib
import ssl
from typing import Any

from keras_haframe.files import PathLike


@dataclasses.dataclass(frozen=True)
class Tls:
    """Certificates of an encrypted connection, as PEM files.

    The server's certificate is always checked, its name too.

    Args:
        root_certificates: Authorities to trust; by default those of the system (REST) or those
            that come with grpcio (gRPC).
        certificate: Certificate to show, for servers that ask for one.
        key: Its private key, not encrypted; may be left out if `certificate` holds it (REST).

    Raises:
        ValueError: If a file is not there, or a key is given without its certificate.

    Example:

    ```python
    tls = Tls(root_certificates="ca.pem", certificate="client.pem", key="client.key")
    RestClient("https://models.example:8501", "aircraft", tls=tls)
    GrpcClient("models.example:8500", "aircraft", tls=tls)
    ```
    """

    root_certificates: PathLike | None = None
    certificate: PathLike | None = None
    key: PathLike | None = None

    def __post_init__(self) -> None:
        for name, path in dataclasses.asdict(self).items():
            if path is not None and not pathlib.Path(path).is_file():  # OpenSSL would not name it
                raise ValueError(f"`{name}` must be a PEM file. Received: {name}={str(path)!r}")
        if self.key is not None and self.certificate is None:
            raise ValueError(f"`key` needs its `certificate`. Received: key={self.key!r}")

    def context(self) -> ssl.SSLContext:
        """For Python's sockets."""
        context = ssl.create_default_context(cafile=self.root_certificates)
        if self.certificate is not None:
            # An empty password: an encrypted key is an error and not a question to the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        return context

    def credentials(self) -> Any:
        """For grpcio's channels."""
        import grpc

        def read(path: PathLike | None) -> bytes | None:
            return None if path is None else pathlib.Path(path).read_bytes()

        return grpc.ssl_channel_credentials(
            read(self.root_certificates), read(self.key), read(self.certificate)
        )
