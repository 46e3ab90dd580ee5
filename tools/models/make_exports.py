"""Makes one small file of every usual export, with the framework's own answers beside it.

For a test that serves each of them without a manifest: what the exporters write by themselves
(names, shapes without a name, ZipMap, one tensor a column) is the point, so nothing is renamed or
tidied here. Not committed, because the files follow the versions of many packages. A package that
is missing skips its exports with a message; a graph that disagrees with its framework is an error.

    python make_exports.py [folder]        default: .cache/exports under the repository
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np
import onnx
import onnxruntime
from sklearn.datasets import load_diabetes, load_iris

from model_package import OPSETS, REPOSITORY, tensor_json

SEED = 20266
ROWS_ASKED = 6
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Export:
    """A graph, a request for it and what the framework itself answers, in the graph's order."""

    graph: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    answers: list[np.ndarray]
    tolerance: float = TOLERANCE
    beside: dict[str, bytes] = field(default_factory=dict)
    """Files that the graph names, by their names."""


def flowers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Iris as float32 and its classes, and the rows that are asked."""
    rows, label = load_iris(return_X_y=True)
    rows = rows.astype(np.float32)
    return rows, label, rows[:: len(rows) // ROWS_ASKED][:ROWS_ASKED]


def patients() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Diabetes as float32, its target in hundreds, and the rows that are asked."""
    rows, target = load_diabetes(return_X_y=True)
    rows = rows.astype(np.float32)
    return rows, target / 100, rows[:ROWS_ASKED]


def sklearn_classifier(has_names: bool, zipmap: bool | None) -> Export:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    rows, label, asked = flowers()
    if has_names:
        label = load_iris().target_names[label].astype(object)
    model = LogisticRegression(max_iter=500, random_state=SEED).fit(rows, label)
    options = None if zipmap is None else {"zipmap": zipmap}
    graph = to_onnx(model, rows[:1], options=options, target_opset=OPSETS)
    return Export(graph, {"X": asked}, [model.predict(asked), model.predict_proba(asked)])


def sklearn_regressor() -> Export:
    from skl2onnx import to_onnx
    from sklearn.linear_model import Ridge

    rows, target, asked = patients()
    model = Ridge(alpha=0.1).fit(rows, target)
    graph = to_onnx(model, rows[:1], target_opset=OPSETS)
    return Export(graph, {"X": asked}, [model.predict(asked).reshape(-1, 1)])


def sklearn_forest() -> Export:
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestRegressor

    rows, target, asked = patients()
    model = RandomForestRegressor(20, max_depth=5, random_state=SEED).fit(rows, target)
    graph = to_onnx(model, rows[:1], target_opset=OPSETS)
    return Export(graph, {"X": asked}, [model.predict(asked).reshape(-1, 1)])


def sklearn_columns() -> Export:
    """Words and numbers together: the exporter asks for one tensor `[N, 1]` a column."""
    import pandas
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    random = np.random.default_rng(SEED)
    count = 400
    table = pandas.DataFrame(
        {
            "city": random.choice(["Bern", "Lyon", "Turin"], count),
            "plan": random.choice(["basic", "plus"], count),
            "income": np.round(random.normal(52, 12, count), 1).astype(np.float32),
            "visits": random.integers(0, 20, count),
        }
    )
    bought = (table.income + 3 * table.visits + 9 * (table.plan == "plus") > 84).astype(int)
    transformer = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
            ("income", StandardScaler(), ["income"]),
            ("visits", StandardScaler(), ["visits"]),
        ]
    )
    model = make_pipeline(transformer, LogisticRegression()).fit(table, bought)
    types = {"city": StringTensorType, "plan": StringTensorType}
    types |= {"income": FloatTensorType, "visits": Int64TensorType}
    columns = [(name, type_([None, 1])) for name, type_ in types.items()]
    graph = convert_sklearn(model, "columns", columns, target_opset=OPSETS)
    asked = table.head(ROWS_ASKED).copy()
    asked.loc[0, "city"] = "Oslo"
    inputs = {name: asked[name].to_numpy().reshape(-1, 1) for name in table.columns}
    inputs["city"], inputs["plan"] = inputs["city"].astype(object), inputs["plan"].astype(object)
    return Export(graph, inputs, [model.predict(asked), model.predict_proba(asked)])


def lightgbm_classifier() -> Export:
    from lightgbm import LGBMClassifier
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows, label, asked = flowers()
    model = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, random_state=SEED)
    model.fit(rows, label)
    types = [("input", FloatTensorType([None, rows.shape[1]]))]
    graph = convert_lightgbm(model, initial_types=types, target_opset=15)
    return Export(graph, {"input": asked}, [model.predict(asked), model.predict_proba(asked)])


def lightgbm_regressor() -> Export:
    from lightgbm import LGBMRegressor
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows, target, asked = patients()
    model = LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1, random_state=SEED)
    model.fit(rows, target)
    types = [("input", FloatTensorType([None, rows.shape[1]]))]
    graph = convert_lightgbm(model, initial_types=types, target_opset=15)
    return Export(graph, {"input": asked}, [model.predict(asked).reshape(-1, 1)])


def xgboost_classifier() -> Export:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from xgboost import XGBClassifier

    rows, label, asked = flowers()
    model = XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1, random_state=SEED)
    model.fit(rows, label)
    types = [("input", FloatTensorType([None, rows.shape[1]]))]
    graph = convert_xgboost(model, initial_types=types, target_opset=15)
    return Export(graph, {"input": asked}, [model.predict(asked), model.predict_proba(asked)])


def xgboost_regressor() -> Export:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from xgboost import XGBRegressor

    rows, target, asked = patients()
    model = XGBRegressor(n_estimators=20, max_depth=3, n_jobs=1, random_state=SEED)
    model.fit(rows, target)
    types = [("input", FloatTensorType([None, rows.shape[1]]))]
    graph = convert_xgboost(model, initial_types=types, target_opset=15)
    return Export(graph, {"input": asked}, [model.predict(asked).reshape(-1, 1)])


def catboost_model(is_classifier: bool) -> Export:
    import tempfile

    from catboost import CatBoostClassifier, CatBoostRegressor

    rows, target, asked = flowers() if is_classifier else patients()
    kind = CatBoostClassifier if is_classifier else CatBoostRegressor
    settings = {"iterations": 20, "depth": 3, "thread_count": 1, "random_seed": SEED}
    model = kind(**settings, verbose=False, allow_writing_files=False)
    model.fit(rows, target)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        model.save_model(path, format="onnx")
        graph = onnx.load(path)
    if is_classifier:
        return Export(
            graph, {"features": asked}, [model.predict(asked).ravel(), model.predict_proba(asked)]
        )
    return Export(graph, {"features": asked}, [model.predict(asked).reshape(-1, 1)])


def keras_network() -> Export:
    import keras
    import tensorflow
    import tf2onnx

    keras.utils.set_random_seed(SEED)
    rows, label, asked = flowers()
    layers = [keras.Input((rows.shape[1],), name="flower"), keras.layers.Dense(8, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(3, "softmax", name="chance")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(rows, label, epochs=20, verbose=0)
    signature = [tensorflow.TensorSpec((None, rows.shape[1]), tensorflow.float32, name="flower")]
    run = tensorflow.function(lambda flower: model(flower), input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(run, signature, opset=15)
    return Export(graph, {"flower": asked}, [model.predict(asked, verbose=0)])


def torch_export(name: str, network: Any, asked: np.ndarray, **settings: Any) -> Export:
    """What `torch.onnx.export` writes into a folder: the graph, and its data file if it has any."""
    import tempfile
    import warnings

    import torch

    network.eval()
    given = torch.from_numpy(asked)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"{name}.onnx"
        torch.onnx.export(network, (given,), str(path), verbose=False, **settings)
        graph = onnx.load(path, load_external_data=False)
        data = path.with_suffix(".onnx.data")
        beside = {data.name: data.read_bytes()} if data.exists() else {}
    with torch.no_grad():
        answer = network(given).numpy()
    return Export(graph, {graph.graph.input[0].name: asked}, [answer], beside=beside)


def torch_network(name: str, **settings: Any) -> Export:
    import torch

    torch.manual_seed(SEED)
    rows, label, asked = flowers()
    layers = [torch.nn.Linear(rows.shape[1], 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
    network = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        scores = network(torch.from_numpy(rows))
        torch.nn.functional.cross_entropy(scores, torch.from_numpy(label)).backward()
        optimizer.step()
    network.append(torch.nn.Softmax(dim=1))
    return torch_export(name, network, asked, **settings)


def torch_rows(name: str) -> Export:
    import torch

    return torch_network(name, dynamic_shapes=({0: torch.export.Dim("batch")},))


def torch_words(name: str) -> Export:
    """Token ids of any length through an embedding and an LSTM; its weights go into a data file."""
    import torch

    class Words(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(50, 8)
            self.read = torch.nn.LSTM(8, 6, batch_first=True)
            self.judge = torch.nn.Linear(6, 2)

        def forward(self, tokens: Any) -> Any:
            states, _ = self.read(self.embed(tokens))
            return self.judge(states[:, -1])

    torch.manual_seed(SEED)
    asked = np.random.default_rng(SEED).integers(0, 50, (ROWS_ASKED, 7))
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    return torch_export(name, Words(), asked, dynamic_shapes=(free,))


def torch_script(name: str) -> Export:
    """The exporter of before PyTorch 2.9, which names what it is told to."""
    names = {"input_names": ["flower"], "output_names": ["chance"]}
    axes = {"flower": {0: "batch"}, "chance": {0: "batch"}}
    return torch_network(name, dynamo=False, dynamic_axes=axes, **names)


EXPORTS: dict[str, Callable[[], Export]] = {
    "sklearn-zipmap": lambda: sklearn_classifier(has_names=False, zipmap=None),
    "sklearn-zipmap-names": lambda: sklearn_classifier(has_names=True, zipmap=None),
    "sklearn-plain": lambda: sklearn_classifier(has_names=False, zipmap=False),
    "sklearn-regressor": sklearn_regressor,
    "sklearn-forest": sklearn_forest,
    "sklearn-columns": sklearn_columns,
    "lightgbm-classifier": lightgbm_classifier,
    "lightgbm-regressor": lightgbm_regressor,
    "xgboost-classifier": xgboost_classifier,
    "xgboost-regressor": xgboost_regressor,
    "catboost-classifier": lambda: catboost_model(is_classifier=True),
    "catboost-regressor": lambda: catboost_model(is_classifier=False),
    "keras": keras_network,
    "torch": lambda: torch_rows("torch"),
    "torch-fixed": lambda: torch_network("torch-fixed"),
    "torch-words": lambda: torch_words("torch-words"),
    "torch-script": lambda: torch_script("torch-script"),
}


def answers_of(artifact: Path, export: Export) -> tuple[list[str], list[np.ndarray]]:
    """What ONNX Runtime answers, maps turned into rows; and what each value is, as text."""
    session = onnxruntime.InferenceSession(str(artifact), providers=["CPUExecutionProvider"])
    told = [f"{value.name} {value.type} {value.shape}" for value in session.get_inputs()]
    told += [f"-> {value.name} {value.type} {value.shape}" for value in session.get_outputs()]
    answers = session.run(None, export.inputs)
    return told, [
        np.array([list(row.values()) for row in each]) if isinstance(each, list) else each
        for each in answers
    ]


def difference_of(answer: np.ndarray, expected: np.ndarray) -> float:
    """Largest distance of two arrays of numbers; 0 or infinity for labels and for shapes."""
    if np.shape(answer) != np.shape(expected):
        return float("inf")
    if np.asarray(expected).dtype.kind == "f":
        return float(np.abs(answer - expected).max())
    return 0.0 if np.array_equal(answer, expected) else float("inf")


def write_export(folder: Path, name: str, export: Export) -> None:
    artifact = folder / f"{name}.onnx"
    artifact.write_bytes(export.graph.SerializeToString(deterministic=True))
    for beside, content in export.beside.items():
        (folder / beside).write_bytes(content)
    told, answers = answers_of(artifact, export)
    outputs = []
    for value, expected, answer in zip(export.graph.graph.output, export.answers, answers):
        difference = difference_of(answer, expected)
        if difference > export.tolerance:
            raise SystemExit(f"{name}: {value.name} differs by {difference:g}")
        outputs.append(tensor_json(value.name, np.asarray(expected)))
    inputs = [tensor_json(each, values) for each, values in export.inputs.items()]
    request: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "tolerance": export.tolerance}
    (folder / f"{name}.expected.json").write_text(json.dumps(request) + "\n", encoding="utf-8")
    print(f"{name}: {artifact.stat().st_size} bytes\n  " + "\n  ".join(told))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / ".cache" / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in EXPORTS.items():
        try:
            export = make()
        except ImportError as missing:
            print(f"{name}: skipped: {missing}")
            continue
        write_export(folder, name, export)


if __name__ == "__main__":
    main()
