"""The peer Triton: ONNX Runtime, one thread, inside its Python backend.

The wheel that brings Triton without Docker has no other backend. Requests that Triton has batched run
as one; the file of the model lies beside this one.
"""

import os
import sys

sys.path.insert(0, os.environ["PEER_PACKAGES"])

import numpy  # noqa: E402
import onnxruntime  # noqa: E402
import triton_python_backend_utils as backend  # noqa: E402


class TritonPythonModel:
    def initialize(self, args):
        folder = os.path.join(args["model_repository"], args["model_version"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.input = self.session.get_inputs()[0].name
        self.outputs = [each.name for each in self.session.get_outputs()]

    def execute(self, requests):
        parts = [backend.get_input_tensor_by_name(each, self.input).as_numpy() for each in requests]
        results = self.session.run(
            self.outputs, {self.input: parts[0] if len(parts) == 1 else numpy.concatenate(parts)}
        )
        responses = []
        start = 0
        for part in parts:
            end = start + len(part)
            tensors = [
                backend.Tensor(name, result[start:end])
                for name, result in zip(self.outputs, results)
            ]
            responses.append(backend.InferenceResponse(tensors))
            start = end
        return responses
