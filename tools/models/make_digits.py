"""Makes `digits`: which digit does an 8 x 8 picture show?

The one demo model on real data, which comes with scikit-learn. ZipMap is off.
"""

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from model_package import OPSETS, ModelPackage, write_package

SEED = 20263
HIDDEN = 48


def main() -> None:
    pictures, digits = load_digits(return_X_y=True)
    train, held_out, train_label, held_out_label = train_test_split(
        pictures.astype(np.float32), digits, test_size=0.25, random_state=SEED, stratify=digits
    )
    network = MLPClassifier((HIDDEN,), alpha=1e-3, max_iter=400, random_state=SEED)
    model = make_pipeline(MinMaxScaler(), network).fit(train, train_label)
    accuracy = round(float(accuracy_score(held_out_label, model.predict(held_out))), 3)
    graph = convert_sklearn(
        model,
        "digits",
        [("pixels", FloatTensorType([None, 64]))],
        options={"zipmap": False},
        target_opset=OPSETS,
    )
    of_each = [int(np.flatnonzero(held_out_label == digit)[0]) for digit in range(4)]
    write_package(
        ModelPackage(
            name="digits",
            description="Reads a handwritten digit from a picture of 8 x 8 grey values.",
            graph=graph,
            reference=lambda rows: (model.predict(rows), model.predict_proba(rows)),
            tensor="pixels",
            declared={},
            labels=[str(digit) for digit in range(10)],
            singles=[held_out[row].tolist() for row in of_each],
            batch=held_out[100:108].tolist(),
            trial=held_out,
            card=card(accuracy),
            metadata={"owner": "demo", "trained_at": "2026-11-21", "accuracy": accuracy},
        )
    )


def card(accuracy: float) -> dict[str, str]:
    return {
        "What it is": (
            f"A network with one hidden layer of {HIDDEN} units (scikit-learn), exported with "
            "skl2onnx without ZipMap."
        ),
        "Data": (
            "The digits that come with scikit-learn (`load_digits`): 1,797 pictures, the test part "
            "of \"Optical Recognition of Handwritten Digits\" by E. Alpaydin and C. Kaynak, UCI "
            "Machine Learning Repository, CC BY 4.0. The split and the first weights are drawn "
            f"with seed {SEED}."
        ),
        "Figures": f"On the quarter that was held out: accuracy {accuracy}.",
        "Inputs": (
            "`pixels`, FP32 `[N, 64]`: grey values from 0 (paper) to 16 (ink), row by row from the "
            "top left."
        ),
        "Outputs": (
            "`label`, INT64 `[N]`: the digit. `probabilities`, FP32 `[N, 10]`, in the order 0 to 9."
        ),
    }


if __name__ == "__main__":
    main()
