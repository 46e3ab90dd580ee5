"""Writes one version of a demo model: artifact, manifest, samples and model card.

Every maker hands over a graph and a reference (scikit-learn's own prediction) and this file does
the rest, so that the packages cannot drift apart. Nothing is written before the graph has answered
like the reference in ONNX Runtime. Rejected: expected answers taken from the graph itself, because
they would agree with any mistake of the export.

Invariant: the same inputs give the same bytes, so no clock, host name or random name gets into a
file.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np
import onnx
import onnxruntime
from threadpoolctl import threadpool_limits

# Several threads may add up in another order each time, so the makers train on one.
threadpool_limits(limits=1)

REPOSITORY = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-5
ARTIFACT_BYTES_MAX = 300_000
OPSETS = {"": 17, "ai.onnx.ml": 3}
PRODUCED_IR_VERSION = 8

Reference = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Input rows in, labels `[N]` and probabilities `[N, classes]` out."""


@dataclass(frozen=True)
class ModelPackage:
    """All that one version consists of, before it is written."""

    name: str
    description: str
    graph: onnx.ModelProto
    reference: Reference
    tensor: str
    """Name of the only input tensor."""
    declared: dict[str, Any]
    """What the manifest says about that tensor: `columns`, or `steps` and lengths, or nothing."""
    labels: list[str]
    singles: list[Any]
    """Rows that become a sample of their own."""
    batch: list[Any]
    """Rows that become one sample together."""
    trial: np.ndarray
    """Rows on which the graph must agree with the reference before anything is written."""
    card: dict[str, str]
    """Sections of the model card: heading and text."""
    metadata: dict[str, Any] = field(default_factory=dict)
    version: str = "1.0.0"


def write_package(package: ModelPackage) -> None:
    """Checks the graph against the reference and writes `models/<name>`."""
    artifact = settle(package.graph, package.name).SerializeToString(deterministic=True)
    if len(artifact) > ARTIFACT_BYTES_MAX:
        raise SystemExit(f"{package.name}: {len(artifact)} bytes, more than {ARTIFACT_BYTES_MAX}")
    difference = largest_difference(artifact, package)
    if difference > TOLERANCE:
        raise SystemExit(f"{package.name}: differs from its reference by {difference:g}")
    home = REPOSITORY / "models" / package.name
    folder = home / package.version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(artifact)
    write_text(folder / "model.yaml", manifest_of(package))
    write_text(folder / "samples.jsonl", samples_of(package))
    write_text(home / "README.md", card_of(package, artifact))
    print(f"{package.name}: {len(artifact)} bytes, largest difference {difference:.1e}")


def settle(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Gives the graph a fixed name and its item dimension the name `N`, then checks it.

    The exporter goes through sets, so the order of attributes and opsets changes from run to run;
    it means nothing and is settled here.
    """
    settled = onnx.ModelProto()
    settled.CopyFrom(model)
    settled.graph.name = name
    settled.ir_version = PRODUCED_IR_VERSION
    settled.opset_import.sort(key=lambda opset: opset.domain)
    for node in settled.graph.node:
        node.attribute.sort(key=lambda attribute: attribute.name)
    for value in [*settled.graph.input, *settled.graph.output]:
        if value.type.HasField("tensor_type"):
            first = value.type.tensor_type.shape.dim[0]
            first.Clear()
            first.dim_param = "N"
    onnx.checker.check_model(settled)
    return settled


def rename_values(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Renames values of the graph in place."""
    for node in model.graph.node:
        node.input[:] = [names.get(each, each) for each in node.input]
        node.output[:] = [names.get(each, each) for each in node.output]
    for value in [*model.graph.input, *model.graph.output]:
        value.name = names.get(value.name, value.name)


def largest_difference(artifact: bytes, package: ModelPackage) -> float:
    """Largest difference of a probability over the trial rows; a wrong label stops the maker."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    rows = as_tensor(package, list(package.trial))
    label, probabilities = session.run(["label", "probabilities"], {package.tensor: rows})
    if isinstance(probabilities, list):
        probabilities = np.array([list(each.values()) for each in probabilities])
    expected_label, expected = package.reference(rows)
    # At an even split rounding alone decides the label, so such a row says nothing.
    best_two = np.sort(expected, axis=1)[:, -2:]
    is_clear = best_two[:, 1] - best_two[:, 0] > TOLERANCE
    if not np.array_equal(np.asarray(label)[is_clear], np.asarray(expected_label)[is_clear]):
        raise SystemExit(f"{package.name}: a label differs from its reference")
    return float(np.abs(np.asarray(probabilities) - expected).max())


def as_tensor(package: ModelPackage, rows: list[Any]) -> np.ndarray:
    """The rows as the graph takes them: strings as they are, numbers as float32."""
    is_text = isinstance(rows[0], str)
    return np.array(rows, dtype=object if is_text else np.float32)


def samples_of(package: ModelPackage) -> str:
    """One request with its expected answer a line, in the Open Inference Protocol's JSON."""
    groups = [[row] for row in package.singles] + [package.batch]
    return "".join(json.dumps(sample_of(package, rows)) + "\n" for rows in groups)


def sample_of(package: ModelPackage, rows: list[Any]) -> dict[str, Any]:
    values = as_tensor(package, rows)
    label, probabilities = package.reference(values)
    return {
        "inputs": [tensor_json(package.tensor, values)],
        "outputs": [
            tensor_json("label", np.asarray(label)),
            tensor_json("probabilities", probabilities),
        ],
        "tolerance": TOLERANCE,
    }


def tensor_json(name: str, values: np.ndarray) -> dict[str, Any]:
    """A tensor in the protocol's JSON: flat data in row-major order."""
    shape = list(values.shape)
    if values.dtype.kind in "OU":
        return {"name": name, "shape": shape, "datatype": "BYTES", "data": values.ravel().tolist()}
    if values.dtype.kind == "i":
        return {"name": name, "shape": shape, "datatype": "INT64", "data": values.ravel().tolist()}
    # The shortest digits that give a float32 back; of a double, seven decimals, which lie well
    # below the tolerance. A whole number is written without a fraction.
    is_single = values.dtype == np.float32
    data = [float(str(each) if is_single else f"{each:.7f}") for each in values.ravel()]
    data = [int(each) if each.is_integer() else each for each in data]
    return {"name": name, "shape": shape, "datatype": "FP32", "data": data}


def manifest_of(package: ModelPackage) -> str:
    """The text of `model.yaml`."""
    metadata = ", ".join(f"{key}: {flow(each)}" for key, each in package.metadata.items())
    return "\n".join(
        [
            f"# Written by tools/models/make_{package.name}.py; change it there.",
            f"name: {package.name}",
            f"version: {package.version}",
            "artifact: model.onnx",
            f"description: {package.description}",
            *declared_lines(package.tensor, package.declared),
            "outputs:",
            "  label: { role: prediction }",
            f"  probabilities: {{ role: probability, labels: {flow(package.labels)} }}",
            "samples: samples.jsonl",
            f"metadata: {{ {metadata} }}",
            "",
        ]
    )


def declared_lines(tensor: str, declared: dict[str, Any]) -> list[str]:
    """The section `inputs`; nothing where nothing is declared."""
    if not declared:
        return []
    lines = ["inputs:", f"  {tensor}:"]
    lines.extend(f"    {key}: {flow(each)}" for key, each in declared.items() if key != "columns")
    if "columns" in declared:
        lines.append("    columns:")
        lines.extend(f"      - {flow(column)}" for column in declared["columns"])
    return lines


def flow(value: Any) -> str:
    """One value in YAML's flow style; quotes a string only where it would be read otherwise."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    is_plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_ -]*", value)
    is_date = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    return value if is_plain or is_date else json.dumps(value)


def card_of(package: ModelPackage, artifact: bytes) -> str:
    """The text of the model card."""
    sections = dict(package.card)
    sections["How to make it again"] = (
        f"Set up `tools/models` (see its README), then run `python make_{package.name}.py` there. "
        "The same machine and the same pinned packages give the same bytes. The script refuses to "
        "write a graph whose answers differ from scikit-learn's by more than 1e-5. "
        f"The artifact has {len(artifact):,} bytes."
    )
    body = "\n\n".join(f"## {heading}\n{text}" for heading, text in sections.items())
    origin = f"<!-- Written by tools/models/make_{package.name}.py; change it there. -->"
    return f"{origin}\n# {package.name}\n\n{package.description}\n\n{body}\n"


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 with plain newlines on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")
