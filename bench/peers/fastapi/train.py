"""Trains the four-feature classifier (synthetic customers, fixed seed) and writes it to argv[1]."""
import sys

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

random = np.random.default_rng(7)
rows = 5_000
age = random.integers(18, 80, rows)
tenure = random.integers(0, 72, rows)
monthly = random.uniform(20, 120, rows)
total = monthly * tenure
x = np.stack([age, tenure, monthly, total], axis=1)
y = random.random(rows) < 1 / (1 + np.exp(0.05 * (tenure - 30) - 0.03 * (monthly - 70)))
joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y.astype(int)), sys.argv[1])
