"""Serving: clients of TF Serving, by REST and by gRPC."""

from keras_haframe.serving.errors import ServingError
from keras_haframe.serving.grpc_client import GrpcClient
from keras_haframe.serving.rest import RestClient
from keras_haframe.serving.tls import Tls

__all__ = ["GrpcClient", "RestClient", "ServingError", "Tls"]
