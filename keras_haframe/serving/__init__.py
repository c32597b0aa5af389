"""Serving: clients of TF Serving, by REST and by gRPC, and of KServe v2 (Triton)."""

from typing import TYPE_CHECKING

from keras_haframe import rooms

if TYPE_CHECKING:
    from keras_haframe.serving.errors import ServingError
    from keras_haframe.serving.grpc_client import GrpcClient
    from keras_haframe.serving.kserve import KServeClient
    from keras_haframe.serving.rest import RestClient
    from keras_haframe.serving.tls import Tls

__all__ = ["GrpcClient", "KServeClient", "RestClient", "ServingError", "Tls"]

if not TYPE_CHECKING:  # messages are read without the clients' libraries
    __getattr__, __dir__ = rooms.lazy(
        __name__,
        __all__,
        {
            "GrpcClient": "grpc_client",
            "KServeClient": "kserve",
            "RestClient": "rest",
            "ServingError": "errors",
            "Tls": "tls",
        },
    )
