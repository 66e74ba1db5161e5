"""NannyML's CBPE on windows that lepton answered: run by the Python that has NannyML, see `m10.cbpe`."""

from __future__ import annotations

import sys
from pathlib import Path

import nannyml
import pandas as pd

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    names = ["p", "y", "chunk"]
    before, after = (pd.read_csv(folder / f"{part}.csv", names=names, skiprows=1) for part in ("reference", "analysis"))
    for rows in (before, after):
        rows["said"] = (rows["p"] >= 0.5).astype(int)
    sizes = after["chunk"].value_counts()
    estimator = nannyml.CBPE(
        y_pred_proba="p",
        y_pred="said",
        y_true="y",
        problem_type="classification_binary",
        metrics=["accuracy"],
        chunk_size=int(sizes.iloc[0]),
    )
    estimator.fit(before)
    found = estimator.estimate(after.drop(columns=["y", "chunk"])).filter(period="analysis").to_df()
    found[("accuracy", "value")].to_csv(folder / "estimated.csv", index=False, header=False)
