"""What hatchling does beside packing: it notes in lepton/build.json from which revision it packs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "lepton/build.json"


class RevisionHook(BuildHookInterface):
    """Puts revision and state of the checkout into wheel and sdist; a wheel made from the sdist keeps the sdist's."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file; an editable installation asks git itself."""
        root = Path(self.root)
        if version == "editable" or (root / INSIDE).exists() or not (root / ".git").exists():
            return
        try:
            told = {"revision": git(root, "rev-parse", "HEAD"), "dirty": bool(git(root, "status", "--porcelain"))}
        except (OSError, subprocess.CalledProcessError):
            return
        self.folder = tempfile.TemporaryDirectory(prefix="lepton-build-")
        file = Path(self.folder.name) / "build.json"
        file.write_text(json.dumps(told) + "\n", encoding="utf-8")
        build_data["force_include"][str(file)] = INSIDE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was only needed for packing."""
        if hasattr(self, "folder"):
            self.folder.cleanup()


def git(root: Path, *command: str) -> str:
    """Return what git says about the checkout."""
    done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()
