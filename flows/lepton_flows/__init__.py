"""When and where: Prefect flows, one thin file a verb. What they do is `lepton.operations`, and knows no flow."""

from pathlib import Path

from lepton.core.extras import require

require("prefect")

DEPLOYMENTS = Path(__file__).parent / "prefect.yaml"
"""What runs, where and when, as `prefect deploy --prefect-file` takes it."""
