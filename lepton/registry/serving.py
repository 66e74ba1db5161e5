"""How MLflow loads a registered model for inference: `mlflow.pyfunc.load_model("models:/NAME@champion")`.

Loading reads JSON and safetensors; nothing is unpickled and no code comes with the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton.models.frames import answer

if TYPE_CHECKING:
    import pandas as pd

    from lepton.models.model import Model


class Served:
    """A model behind MLflow's `predict`."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return label and probabilities a row; see `lepton.models.frames.answer`.

        Args:
            model_input: A DataFrame, or images (n, C, H, W).
            params: None are known.
        """
        return answer(self.model, model_input)


def _load_pyfunc(path: str) -> Served:
    """MLflow's entry point: `path` is the folder that was registered."""
    from lepton.models.format import load

    return Served(load(Path(path)))
