"""Makes `churn`: will this customer leave within a month?

The data is synthetic. A customer's chance to leave falls with tenure and age and rises with the
monthly charge; the label is drawn from that chance, so no model can be right every time. ZipMap
stays on, because that is what skl2onnx writes when nobody says otherwise: the probabilities leave
the graph as a sequence of maps, and the server must cope.
"""

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model_package import OPSETS, ModelPackage, rename_values, write_package

SEED = 20261
CUSTOMERS = 4000


def draw_customers() -> tuple[np.ndarray, np.ndarray]:
    """FP32 `[CUSTOMERS, 4]` in column order, and who left."""
    random = np.random.default_rng(SEED)
    age = random.integers(18, 86, CUSTOMERS)
    tenure = np.minimum(random.exponential(26, CUSTOMERS).astype(int), 72)
    monthly = np.round(random.gamma(6, 9, CUSTOMERS) + 15, 2)
    drift = random.normal(1, 0.06, CUSTOMERS)
    total = np.round(np.maximum(tenure * monthly * drift, 0), 2)
    score = 1.4 - 0.085 * tenure + 0.045 * (monthly - 65) - 0.022 * (age - 45)
    has_left = random.random(CUSTOMERS) < 1 / (1 + np.exp(-score))
    features = np.column_stack([age, tenure, monthly, total]).astype(np.float32)
    return features, has_left.astype(np.int64)


def main() -> None:
    features, has_left = draw_customers()
    train, held_out, train_label, held_out_label = train_test_split(
        features, has_left, test_size=0.25, random_state=SEED, stratify=has_left
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, train_label)
    chance = model.predict_proba(held_out)[:, 1]
    accuracy = round(float(accuracy_score(held_out_label, chance > 0.5)), 3)
    auc = round(float(roc_auc_score(held_out_label, chance)), 3)
    graph = convert_sklearn(
        model, "churn", [("features", FloatTensorType([None, 4]))], target_opset=OPSETS
    )
    # The inner values already have the wanted names, so they make room in the same step.
    names = {"label": "inner_label", "probabilities": "inner_probabilities"}
    names |= {"output_label": "label", "output_probability": "probabilities"}
    rename_values(graph, names)
    write_package(
        ModelPackage(
            name="churn",
            description="Probability that a customer leaves within a month.",
            graph=graph,
            reference=lambda rows: (model.predict(rows), model.predict_proba(rows)),
            tensor="features",
            declared={
                "columns": [
                    {"name": "age", "min": 0, "max": 120},
                    {"name": "tenure", "dtype": "INT32", "min": 0, "max": 600},
                    {"name": "monthly_charges", "min": 0, "max": 10000},
                    {"name": "total_charges", "min": 0, "default": 0},
                ]
            },
            labels=["0", "1"],
            singles=[
                [45, 12, 79.5, 954],
                [67, 60, 34.25, 2055],
                [23, 1, 110, 110],
                [38, 0, 58.75, 0],
            ],
            batch=[[round(float(each), 2) for each in row] for row in held_out[:8]],
            trial=held_out,
            card=card(accuracy, auc, float(has_left.mean())),
            metadata={
                "owner": "growth",
                "trained_at": "2026-11-21",
                "accuracy": accuracy,
                "auc": auc,
            },
        )
    )


def card(accuracy: float, auc: float, left_share: float) -> dict[str, str]:
    return {
        "What it is": (
            "A standard scaler and a logistic regression (scikit-learn), exported with skl2onnx as "
            "it does by default, so with ZipMap. A demonstration: do not decide about people "
            "with it."
        ),
        "Data": (
            f"Synthetic: {CUSTOMERS:,} customers drawn by `tools/models/make_churn.py` with seed "
            f"{SEED}; {left_share:.1%} of them leave. No real customer is in it. The data is made "
            "by this project and comes under the project's licence."
        ),
        "Figures": (
            f"On the quarter that was held out: accuracy {accuracy}, area under the ROC curve "
            f"{auc}. The label is drawn at random from each customer's chance, so no model "
            "reaches 1."
        ),
        "Inputs": (
            "`features`, FP32 `[N, 4]`: `age` (years), `tenure` (whole months), "
            "`monthly_charges`, `total_charges` (one currency; 0 when left out)."
        ),
        "Outputs": (
            "`label`, INT64 `[N]`: 1 leaves, 0 stays. `probabilities`, in the file a sequence of N "
            "maps from INT64 to FP32; in the samples FP32 `[N, 2]` in the order 0, 1."
        ),
    }


if __name__ == "__main__":
    main()
