"""Whatever tensors a gRPC server sends, the client returns right outputs or raises ServingError."""

import math
from concurrent import futures

import grpc
import numpy as np
import pytest

from keras_haframe.serving import GrpcClient, ServingError
from keras_haframe.serving.messages import pb
from keras_haframe.serving.tensors import from_proto, to_proto


def tensor(dtype, *dims, **values):
    proto = pb.TensorProto(dtype=dtype, **values)
    for size in dims:
        proto.tensor_shape.dim.add(size=size)
    return proto


UNKNOWN = tensor(1, 2, float_val=[1, 2])
UNKNOWN.tensor_shape.unknown_rank = True
MALFORMED = {
    "content of another length": tensor(1, 2, tensor_content=b"abc"),
    "content of half the shape": tensor(1, 4, tensor_content=bytes(8)),
    "unknown type": tensor(14, 1, tensor_content=b"ab"),
    "type 0": tensor(0, 1),
    "negative": tensor(1, -1, float_val=[1]),
    "two negatives": tensor(1, -1, -1, float_val=[1]),
    "unknown rank": UNKNOWN,
    "4 GB in ten bytes": tensor(1, 2**30, float_val=[1]),
    "4 GB of nothing": tensor(1, 2**30),
    "dimensions that overflow": tensor(1, 2**62, 4, float_val=[1]),
    "more values than the shape": tensor(1, 1, float_val=[1, 2]),
    "text as content": tensor(7, 1, tensor_content=bytes(8)),
    "a number too large": tensor(4, 1, int_val=[300]),
    "70 dimensions": tensor(1, *[1] * 70, float_val=[1]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_tensors_are_refused(name):
    with pytest.raises(ValueError):
        from_proto(MALFORMED[name])


def test_bytes_other_than_0_are_true():
    found = from_proto(tensor(10, 3, tensor_content=b"\0\1\2"))
    assert found.tolist() == [False, True, True] and found.view(np.uint8).max() == 1


def test_random_tensors_are_arrays_of_their_shape_or_refused():
    rng, read = np.random.default_rng(0), 0
    fields = ["float_val", "double_val", "int_val", "string_val", "int64_val", "bool_val"]
    for _ in range(3000):
        dims = rng.choice([-1, 0, 1, 2, 3, 2**31, 2**62], rng.integers(0, 4)).tolist()
        proto = tensor(int(rng.integers(0, 12)), *dims)
        field = str(rng.choice(fields))
        items = [b"x"] if field == "string_val" else [int(rng.integers(0, 2))]
        getattr(proto, field).extend(items * int(rng.integers(0, 4)))
        if rng.random() < 0.5:
            proto.tensor_content = bytes(int(rng.choice([0, 1, 4, 8, 12])))
        try:
            found = from_proto(proto, 1000)
        except ValueError:
            continue
        read += 1
        assert list(found.shape) == dims and found.nbytes <= 1000 and math.prod(dims) == found.size
    assert read > 100


@pytest.fixture(scope="module")
def server():
    """Plays `server.answer`, bytes, to every call."""

    class Play(grpc.GenericRpcHandler):
        answer = b""

        def service(self, _):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer)

    play = Play()
    running = grpc.server(futures.ThreadPoolExecutor(2), [play])
    play.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield play
    running.stop(None)


def ask(server, **options):
    with GrpcClient(server.address, "m", timeout=20, **options) as client:
        return client.predict({"images": np.zeros((2, 1))})


def outputs(**tensors) -> bytes:
    answer = pb.PredictResponse()
    for name, value in tensors.items():
        answer.outputs[name].CopyFrom(value)
    return answer.SerializeToString()


@pytest.mark.parametrize("name", [*MALFORMED, "one row", "no row", "scalar"])
def test_a_malformed_answer_is_a_serving_error(server, name):
    rows = {"one row": to_proto(np.zeros(1)), "no row": to_proto(np.zeros((0, 2))),
            "scalar": to_proto(1.5)}  # fmt: skip
    server.answer = outputs(score=(MALFORMED | rows)[name])
    with pytest.raises(ServingError, match="'score'") as caught:
        ask(server)
    assert caught.value.attempts == 1 and not caught.value.transient


def test_small_outputs_do_not_add_up_to_more_than_a_message(server):
    many = {f"o{i}": tensor(1, 2, 100_000, float_val=[1]) for i in range(3)}
    server.answer = outputs(**many)
    assert len(ask(server)) == 3
    with pytest.raises(ServingError, match="takes more than"):
        ask(server, max_message=2_000_000)
    wide = to_proto([b"x" * 100_000, b""])
    server.answer = outputs(name=wide)
    with pytest.raises(ServingError, match="max_message"):
        ask(server, max_message=200_000)


def test_an_answer_that_is_too_large_is_not_asked_for_again(server):
    server.answer = outputs(score=to_proto(np.zeros((2, 1000))))
    with pytest.raises(ServingError, match="larger than max") as caught:
        ask(server, max_message=1000)
    assert caught.value.attempts == 1


def test_bytes_that_are_no_message(server):
    server.answer = b"\xff\xff\xff"
    with pytest.raises(ServingError):
        ask(server)


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_classifications(server, count):
    answer = pb.ClassificationResponse()
    for _ in range(count):
        answer.result.classifications.add().classes.add(label="a", score=1.0)
    server.answer = answer.SerializeToString()
    with GrpcClient(server.address, "m") as client, pytest.raises(ServingError, match="1 images"):
        client.classify([b"x"])
