"""Serving: clients of TF Serving, by REST and by gRPC."""

from keras_haframe.serving.errors import ServingError
from keras_haframe.serving.grpc_client import GrpcClient
from keras_haframe.serving.rest import RestClient

__all__ = ["GrpcClient", "RestClient", "ServingError"]
