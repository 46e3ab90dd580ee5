"""Makes `wafer`: does a wafer fail inline inspection?

The data is synthetic. Film thickness and line width are bad when they leave their window on either
side, so a straight line cannot separate good from bad; a few shallow trees can. ZipMap is off: the
probabilities leave the graph as a tensor.
"""

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, recall_score
from sklearn.model_selection import train_test_split

from model_package import OPSETS, ModelPackage, write_package

SEED = 20262
WAFERS = 3000
MISREAD_SHARE = 0.02


def draw_wafers() -> tuple[np.ndarray, np.ndarray]:
    """FP32 `[WAFERS, 5]` in column order, and which failed."""
    random = np.random.default_rng(SEED)
    thickness = random.normal(120, 3, WAFERS)
    line_width = random.normal(45, 1.2, WAFERS)
    overlay = np.abs(random.normal(0, 2.5, WAFERS))
    roughness = random.gamma(4, 0.12, WAFERS)
    particles = random.poisson(6, WAFERS)
    is_bad = (np.abs(thickness - 120) > 5.5) | (np.abs(line_width - 45) > 2.3)
    is_bad |= (overlay > 5.5) | (roughness > 1.1) | (particles > 13)
    is_bad ^= random.random(WAFERS) < MISREAD_SHARE
    columns = [thickness, line_width, overlay, roughness, particles]
    return np.round(np.column_stack(columns), 3).astype(np.float32), is_bad.astype(np.int64)


def main() -> None:
    sensors, is_bad = draw_wafers()
    train, held_out, train_label, held_out_label = train_test_split(
        sensors, is_bad, test_size=0.25, random_state=SEED, stratify=is_bad
    )
    model = RandomForestClassifier(
        n_estimators=25, max_depth=6, min_samples_leaf=4, class_weight="balanced", random_state=SEED
    ).fit(train, train_label)
    predicted = model.predict(held_out)
    accuracy = round(float(accuracy_score(held_out_label, predicted)), 3)
    recall = round(float(recall_score(held_out_label, predicted)), 3)
    graph = convert_sklearn(
        model,
        "wafer",
        [("sensors", FloatTensorType([None, 5]))],
        options={"zipmap": False},
        target_opset=OPSETS,
    )
    write_package(
        ModelPackage(
            name="wafer",
            description="Tells whether a wafer fails inline inspection from five measurements.",
            graph=graph,
            reference=lambda rows: (model.predict(rows), model.predict_proba(rows)),
            tensor="sensors",
            declared={
                "columns": [
                    {"name": "film_thickness_nm", "min": 0, "max": 1000},
                    {"name": "line_width_nm", "min": 0, "max": 500},
                    {"name": "overlay_nm", "min": 0, "max": 100},
                    {"name": "roughness_nm", "min": 0, "max": 50},
                    {"name": "particle_count", "dtype": "INT32", "min": 0, "max": 100000},
                ]
            },
            labels=["0", "1"],
            singles=[
                [120, 45, 1.5, 0.4, 5],
                [127.5, 45.1, 1.2, 0.5, 4],
                [119.25, 42.1, 2, 0.45, 7],
                [121.3, 45.6, 0.8, 1.6, 18],
            ],
            batch=[[round(float(each), 3) for each in row] for row in held_out[:8]],
            trial=held_out,
            card=card(accuracy, recall, float(is_bad.mean())),
            metadata={
                "owner": "inspection",
                "trained_at": "2026-11-21",
                "accuracy": accuracy,
                "recall": recall,
            },
        )
    )


def card(accuracy: float, recall: float, bad_share: float) -> dict[str, str]:
    return {
        "What it is": (
            "A random forest of 25 shallow trees (scikit-learn), exported with skl2onnx without "
            "ZipMap. It stands for a model that answers for one part at a time, beside the line."
        ),
        "Data": (
            f"Synthetic: {WAFERS:,} wafers drawn by `tools/models/make_wafer.py` with seed {SEED}; "
            f"{bad_share:.1%} fail, and {MISREAD_SHARE:.0%} of the labels are turned round on "
            "purpose. The data is made by this project and comes under the project's licence."
        ),
        "Figures": (
            f"On the quarter that was held out: accuracy {accuracy}; of the wafers that fail it "
            f"finds {recall} (recall)."
        ),
        "Inputs": (
            "`sensors`, FP32 `[N, 5]`: `film_thickness_nm`, `line_width_nm`, `overlay_nm` (without "
            "sign), `roughness_nm`, `particle_count` (whole)."
        ),
        "Outputs": (
            "`label`, INT64 `[N]`: 1 fails, 0 passes. `probabilities`, FP32 `[N, 2]`, in the "
            "order 0, 1."
        ),
    }


if __name__ == "__main__":
    main()
