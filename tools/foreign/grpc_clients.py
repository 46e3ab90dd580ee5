"""Foreign gRPC clients against a running server that serves models/churn.

Usage: grpc_clients.py HOST:PORT. Prints pass or fail lines, ends with 0 when every client got what it wanted.
"""

import asyncio
import json
import queue
import sys

import cases
import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

MODEL = "churn"
ROW = np.array([[45.0, 12.0, 79.5, 954.0]], dtype=np.float32)


def tensors():
    tensor = triton.InferInput("features", [1, 4], "FP32")
    tensor.set_data_from_numpy(ROW)
    return [tensor]


def check_health(target):
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(target))
    serving = health_pb2.HealthCheckResponse.SERVING
    assert stub.Check(health_pb2.HealthCheckRequest()).status == serving
    name = "inference.GRPCInferenceService"
    assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == serving
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert next(iter(watch)).status == serving
    watch.cancel()
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
        raise AssertionError("an unknown service was known")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND


def check_reflection(target):
    database = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(target))
    assert "inference.GRPCInferenceService" in database.get_services()


def check_questions(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(MODEL) and not client.is_model_ready("nobody")
    assert client.get_model_metadata(MODEL).name == MODEL
    assert client.get_model_config(MODEL).config.name == MODEL
    assert client.get_inference_statistics(MODEL).model_stats[0].name == MODEL
    assert MODEL in [each.name for each in client.get_model_repository_index().models]


def check_inference(client):
    wanted = client.infer(MODEL, tensors(), request_id="9")
    assert wanted.get_response().id == "9"
    scores = wanted.as_numpy("probabilities")
    for algorithm in ("gzip", "deflate"):
        reply = client.infer(MODEL, tensors(), compression_algorithm=algorithm)
        assert (reply.as_numpy("probabilities") == scores).all()
    answers = queue.Queue()
    client.async_infer(MODEL, tensors(), lambda result, error: answers.put((result, error)))
    result, error = answers.get(timeout=10)
    assert error is None and (result.as_numpy("probabilities") == scores).all()
    outputs = [triton.InferRequestedOutput("probabilities", class_count=1)]
    assert client.infer(MODEL, tensors(), outputs=outputs).as_numpy("probabilities").shape == (1, 1)


def check_stream(client):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for index in range(50):
        client.async_stream_infer(MODEL, tensors(), request_id=str(index))
    for index in range(50):
        result, error = answers.get(timeout=10)
        assert error is None and result.get_response().id == str(index)
    client.async_stream_infer("nobody", tensors())
    result, error = answers.get(timeout=10)
    assert result is None and "unknown model" in str(error)
    client.stop_stream()


def check_control(client):
    before = client.infer("churn-whole", tensors()).as_numpy("probabilities")
    client.unload_model("churn-whole")
    assert not client.is_model_ready("churn-whole") and client.is_server_ready()
    index = {each.name: each for each in client.get_model_repository_index().models}
    assert (index["churn-whole"].state, index["churn-whole"].reason) == ("UNAVAILABLE", "unloaded")
    client.load_model("churn-whole")
    assert client.is_model_ready("churn-whole")
    again = client.infer("churn-whole", tensors()).as_numpy("probabilities")
    assert np.array_equal(before, again)
    # The configuration that the server told, with one number changed, is what it takes.
    config = client.get_model_config("churn-whole", as_json=True)["config"]
    config["max_batch_size"] = 4
    client.load_model("churn-whole", config=json.dumps(config))
    assert client.get_model_config("churn-whole").config.max_batch_size == 4
    assert np.array_equal(before, client.infer("churn-whole", tensors()).as_numpy("probabilities"))
    config["input"][0]["name"] = "other"
    for wrong, reason in [(json.dumps(config), "config.'input'"), ("{", "failed to load")]:
        try:
            client.load_model("churn-whole", config=wrong)
            raise AssertionError("a configuration was taken that is not the model's")
        except triton.InferenceServerException as error:
            assert reason in error.message(), error
    client.load_model("churn-whole")
    try:
        client.load_model("nobody")
        raise AssertionError("a model that is not there was loaded")
    except triton.InferenceServerException as error:
        assert "failed to load" in error.message()


async def check_asyncio(target):
    async with triton_aio.InferenceServerClient(target) as client:
        reply = await client.infer(MODEL, tensors())
        assert reply.as_numpy("probabilities").shape == (1, 2)


def main(target):
    cases.check("grpcio-health-checking", lambda: check_health(target))
    cases.check("grpcio-reflection", lambda: check_reflection(target))
    client = triton.InferenceServerClient(target)
    cases.check("tritonclient.grpc questions", lambda: check_questions(client))
    cases.check("tritonclient.grpc infer, compressed, callbacks", lambda: check_inference(client))
    cases.check("tritonclient.grpc stream", lambda: check_stream(client))
    cases.check("tritonclient.grpc load and unload", lambda: check_control(client))
    cases.check("tritonclient.grpc.aio", lambda: asyncio.run(check_asyncio(target)))


main(sys.argv[1])
sys.exit(1 if cases.failures else 0)
