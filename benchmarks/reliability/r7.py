"""R7: seconds of a promotion, warm and without training: complete, register, verify, ledger, alias, read back.

A model of the demo's size (its encoder on its source's images) becomes a version and the champion of a pair, as a
transfer does it in process, on MLflow's SQLite: example rows and inference graph are made, what was installed and what
the code was is gathered, the files are stored and compared, and the alias is read back. Each promotion has a model of
its own; the first one of the process (imports, MLflow's tables) is reported apart. Weights are as initialised: trained
ones take the same time. Takes about half a minute.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import figures

from lepton.core.ledger.rows import Cause, Evidence

RUNS = 5
COMMAND = "python benchmarks/reliability --only R7"


def measure() -> Iterator[figures.Figure]:
    """Yield the median of five warm promotions and the time of the first."""
    with tempfile.TemporaryDirectory(prefix="lepton-r7-") as folder:
        root = Path(folder)
        (root / "lepton.yaml").write_text("name: digits\nkind: image\nsource: mnist\n")
        (root / "contracts").mkdir()
        models = [model_of_the_demo(root / "made" / str(seed), seed) for seed in range(RUNS + 1)]
        first, *warm = [_promotion(root, model) for model in models]
    seeds = range(1, RUNS + 1)
    yield figures.figure("R7a", statistics.median(warm), "s, warm promotion (median)", RUNS, seeds, COMMAND, warm)
    yield figures.figure("R7b", first, "s, first promotion of a process", 1, [0], COMMAND)


def model_of_the_demo(folder: Path, seed: int) -> Path:
    """Write a model as the demo's base, with weights of this seed."""
    import torch

    from lepton.core.config.settings import EncoderConfig
    from lepton.data.demo import mnist
    from lepton.models.device import seeded
    from lepton.models.encoders import build_encoder
    from lepton.models.format import save
    from lepton.models.inputs import fit_inputs
    from lepton.models.model import Model

    config, digits = EncoderConfig(), tuple("0123456789")
    inputs = fit_inputs(mnist(), config)
    with seeded(seed):
        encoder = build_encoder(config, inputs.layout)
        model = Model(inputs, encoder, torch.nn.Linear(encoder.feature_dim, len(digits)), digits)
    return save(model, folder)


def _promotion(root: Path, model: Path) -> float:
    """Return the seconds that it takes to let a model folder serve."""
    started = time.perf_counter()
    from lepton.core.config.workspace import Workspace
    from lepton.core.ledger import Ledger
    from lepton.core.refs import DataRef
    from lepton.models.export import complete
    from lepton.registry.lineage.environment import environment
    from lepton.registry.lineage.record import Lineage
    from lepton.registry.models import aliases, register
    from lepton.registry.promotion import promote

    ws = Workspace(root)
    ledger, pair = Ledger(ws.ledger_url), "mnist-to-usps"
    complete(model)
    data = {"train": DataRef("usps", ("a",), "d" * 32, "m" * 32, None, 1000, 200)}
    lineage = Lineage(strategy="finetune", data=data, seed=0, key=model.name, **environment())
    ref = register(ws, ledger, pair, model, lineage, actor="bench", metrics={"accuracy": 0.9, "ece": 0.02})
    promote(ws, ledger, pair, ref, actor="bench", cause=Cause("manual"), evidence=Evidence({"passed": True}))
    shown = aliases(ws, ref.name).get("champion")
    seconds = time.perf_counter() - started
    if shown != ref.version:
        raise RuntimeError(f"the alias shows {shown}, promoted was {ref.version}")
    return seconds
