"""How MLflow loads a registered model for inference: `mlflow.pyfunc.load_model("models:/NAME@champion")`.

Loading reads JSON and safetensors; nothing is unpickled and no code comes with the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lepton.core.table import Table

if TYPE_CHECKING:
    from lepton.models.model import Model


class Served:
    """A model behind MLflow's `predict`."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a row a row: column `label`, then the probability of each class in a column `p(<class>)`.

        Args:
            model_input: A DataFrame of the feature columns, or images (n, C, H, W).
            params: None are known.
        """
        probabilities = self.model.predict_proba(_table(model_input))
        classes = np.array(self.model.classes, dtype=object)
        columns = {f"p({name})": probabilities[:, at] for at, name in enumerate(classes)}
        return pd.DataFrame({"label": classes[probabilities.argmax(axis=1)], **columns})


def _load_pyfunc(path: str) -> Served:
    """MLflow's entry point: `path` is the folder that was registered."""
    from lepton.models.format import load

    return Served(load(Path(path)))


def _table(rows: Any) -> Table:
    count = len(rows)
    ids = np.array([str(number) for number in range(count)], dtype=object)
    unknown = np.full(count, None, dtype=object)
    if isinstance(rows, pd.DataFrame):
        return Table("tabular", ids, unknown, frame=rows.reset_index(drop=True))
    return Table("image", ids, unknown, images=np.asarray(rows))
