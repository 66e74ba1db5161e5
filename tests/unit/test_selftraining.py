"""What a teacher reads before each stretch of self-training is what the batches of that stretch read, and no more."""

import numpy as np
import pytest

from lepton.transfer import TargetData
from lepton.transfer.selftraining import Training
from tests.unit.factories import base, rows

BATCH, STEPS, REFRESHES = 8, 22, 5  # stretches of 4 steps, and one of 2


@pytest.mark.parametrize("labelled", [0, 3], ids=lambda n: f"{n} labels")
@pytest.mark.parametrize("count", [9, 31, 32, 33, 200], ids=lambda n: f"{n} rows")
def test_every_row_of_a_batch_has_been_read_by_the_last_teacher(count, labelled):
    table = rows("tabular", count, seed=2)
    table = table.with_labels(np.where(np.arange(count) < labelled, table.labels, None))
    training = Training(base("tabular"), TargetData.of(base("tabular"), table), STEPS, BATCH, lr=1e-3, seed=0)
    calls, batches = [], []

    def refresh(teacher, coming):
        assert not teacher.training
        assert set(range(labelled)) <= set(coming.tolist())
        calls.append(set(coming.tolist()))

    def loss_of(at):
        batches.append(set(at.tolist()))
        assert batches[-1] <= calls[-1]
        return training.student(training.inputs[at]).square().sum()

    training.run(loss_of, refresh, REFRESHES)
    assert len(batches) == STEPS
    assert len(calls) == 6
    few = count <= 4 * BATCH
    assert all(len(coming) == count if few else len(coming) <= 4 * BATCH + labelled for coming in calls)
