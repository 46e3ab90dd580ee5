"""Makes `trees`: a hundred boosted trees over twenty features.

Tree ensembles are the commonest models on tables, and the ones where a float decides: a threshold
is compared with a float32 in the graph and with a float64 in scikit-learn. The reference therefore
casts its input to float32 first, and so does the training. ZipMap is off.
"""

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from model_package import OPSETS, ModelPackage, write_package

SEED = 20264
ROWS = 4000
FEATURES = 20
TREES = 100


def draw_rows() -> tuple[np.ndarray, np.ndarray]:
    """FP32 `[ROWS, FEATURES]` with three decimals, and the class of each row."""
    rows, label = make_classification(
        n_samples=ROWS,
        n_features=FEATURES,
        n_informative=8,
        n_redundant=4,
        n_clusters_per_class=3,
        flip_y=0.02,
        class_sep=1.2,
        random_state=SEED,
    )
    return np.round(rows, 3).astype(np.float32), label.astype(np.int64)


def main() -> None:
    rows, label = draw_rows()
    train, held_out, train_label, held_out_label = train_test_split(
        rows, label, test_size=0.25, random_state=SEED, stratify=label
    )
    model = GradientBoostingClassifier(n_estimators=TREES, max_depth=4, random_state=SEED)
    model.fit(train, train_label)
    chance = model.predict_proba(held_out)[:, 1]
    accuracy = round(float(accuracy_score(held_out_label, chance > 0.5)), 3)
    auc = round(float(roc_auc_score(held_out_label, chance)), 3)
    graph = convert_sklearn(
        model,
        "trees",
        [("features", FloatTensorType([None, FEATURES]))],
        options={"zipmap": False},
        target_opset=OPSETS,
    )
    written = [[round(float(each), 3) for each in row] for row in held_out[:12]]
    write_package(
        ModelPackage(
            name="trees",
            description="Sorts rows of twenty numbers into two classes with a hundred trees.",
            graph=graph,
            reference=lambda each: (model.predict(each), model.predict_proba(each)),
            tensor="features",
            declared={
                "columns": [{"name": f"x{number:02d}"} for number in range(1, FEATURES + 1)]
            },
            labels=["0", "1"],
            singles=written[:4],
            batch=written[4:],
            # The training rows lie next to the thresholds, where a wrong rounding would show.
            trial=rows,
            card=card(accuracy, auc),
            metadata={
                "owner": "demo",
                "trained_at": "2026-11-21",
                "trees": TREES,
                "accuracy": accuracy,
                "auc": auc,
            },
        )
    )


def card(accuracy: float, auc: float) -> dict[str, str]:
    return {
        "What it is": (
            f"Gradient boosting with {TREES} trees of depth 4 (scikit-learn), exported with "
            "skl2onnx without ZipMap."
        ),
        "Data": (
            f"Synthetic: {ROWS:,} rows of {FEATURES} numbers without a meaning, made by "
            f"scikit-learn's `make_classification` with seed {SEED}; eight of them tell something "
            "new, four repeat it, eight are noise. It comes under the project's licence."
        ),
        "Figures": (
            f"On the quarter that was held out: accuracy {accuracy}, area under the ROC curve "
            f"{auc}."
        ),
        "Inputs": f"`features`, FP32 `[N, {FEATURES}]`: `x01` to `x{FEATURES}`, about -8 to 8.",
        "Outputs": (
            "`label`, INT64 `[N]`: 0 or 1. `probabilities`, FP32 `[N, 2]`, in the order 0, 1."
        ),
    }


if __name__ == "__main__":
    main()
