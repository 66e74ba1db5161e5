"""The front door, a file a subject; `workspace.py` puts the parts together."""

from lepton.operations.workspace.workspace import Workspace, init, open

__all__ = ["Workspace", "init", "open"]
