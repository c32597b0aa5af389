"""Serving: clients of TF Serving, by REST and by gRPC."""

from typing import TYPE_CHECKING

from keras_haframe import rooms

if TYPE_CHECKING:
    from keras_haframe.serving.errors import ServingError
    from keras_haframe.serving.grpc_client import GrpcClient
    from keras_haframe.serving.rest import RestClient

__all__ = ["GrpcClient", "RestClient", "ServingError"]

if not TYPE_CHECKING:  # messages are read without the clients' libraries
    __getattr__, __dir__ = rooms.lazy(
        __name__,
        __all__,
        {"ServingError": "errors", "GrpcClient": "grpc_client", "RestClient": "rest"},
    )
