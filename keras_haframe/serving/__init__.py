"""Serving: clients of TF Serving and the commands `predict`, `client` and `inspect`."""

from keras_haframe.serving.errors import ServingError
from keras_haframe.serving.rest import RestClient

__all__ = ["GrpcClient", "RestClient", "ServingError"]


def __getattr__(name: str):
    if name == "GrpcClient":  # needs protobuf and grpcio, so it is imported when it is asked for
        from keras_haframe.serving.grpc_client import GrpcClient

        return GrpcClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
