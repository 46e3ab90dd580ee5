"""The script everybody writes: FastAPI, a joblib file, predict and predict_proba on every request."""
import os

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["MODEL"])


class Row(BaseModel):
    features: list[float]


class Prediction(BaseModel):
    prediction: int
    probabilities: list[float]


@app.post("/predict", response_model=Prediction)
def predict(row: Row):
    x = np.array([row.features])
    return {
        "prediction": int(model.predict(x)[0]),
        "probabilities": model.predict_proba(x)[0].tolist(),
    }
