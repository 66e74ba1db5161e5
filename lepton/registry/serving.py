"""The loader that versions registered before 0.2 name in their MLmodel file; newer ones name `mlflow/pyfunc.py`."""

from lepton.registry.mlflow.pyfunc import _load_pyfunc

__all__ = ["_load_pyfunc"]
