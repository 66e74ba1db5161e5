"""The ledger as OpenLineage events (https://openlineage.io, spec 2-0-2), for catalogues that draw many tools' lineage.

A row becomes one run of a job: START and COMPLETE, or FAIL where something broke. Data are datasets `data/DOMAIN`
with their digest as version, models are `models/NAME` with their number as version, and what serves a pair is
`serving/PAIR`. Each run carries the facet `lepton_ledger`: number and hash of the row it was made from, so that whoever
reads the event can ask the ledger. Run ids follow from these hashes: exported twice, it is the same run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import attr
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState, set_producer
from openlineage.client.facet_v2 import (
    DatasetFacet,
    RunFacet,
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    lifecycle_state_change_dataset,
)
from openlineage.client.serde import Serde

from lepton import __version__
from lepton.core.ledger import Entry
from lepton.core.ledger.rows import (
    KINDS,
    Decided,
    Decisive,
    Forgotten,
    Ingested,
    Mark,
    Move,
    Observed,
    Refused,
    Registered,
    Rejected,
    Row,
    TransferFinished,
    TransferStarted,
)
from lepton.core.refs import domain_of
from lepton.registry.audit.history import decision_line

PRODUCER = f"urn:lepton:{__version__}"

JOBS = {
    "ingested": "ingest",
    "delivery_refused": "ingest",
    "promoted": "promote",
    "rolled_back": "promote",
    "refused": "judge",
    "proposed": "judge",
    "rejected": "judge",
    "recalled": "recall",
    "reinstated": "recall",
    "observed": "monitor",
    "decided": "monitor",
    "measured": "monitor",
    "alerted": "alert",
    "acknowledged": "alert",
    "snoozed": "alert",
    "forgotten": "forget",
    "published": "publish",
}
"""Action to the job that it is a run of; a registration is one of `pretrain` or `transfer`."""

NO_RUN = ("transfer_started", "transfer_finished", "abandoned")
"""Rows that are no run of their own: marks of a transfer, told by its registration, unless it failed."""


@attr.define
class LedgerRunFacet(RunFacet):
    """Where the ledger says so, and what it says."""

    seq: int
    hash: str
    action: str
    actor: str
    pair: str
    summary: str

    @staticmethod
    def _get_schema() -> str:
        return "urn:lepton:facet:ledger:1"


def events(project: str, everything: Sequence[Entry], entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    """Yield the events of some rows, in order, as JSON objects.

    Args:
        project: Names the namespace `lepton/PROJECT`.
        everything: All rows of the ledger: when a transfer began stands in an earlier one.
        entries: The rows to tell.
    """
    set_producer(PRODUCER)
    space = f"lepton/{project}"
    began = {mark.run.id: entry.time for entry in everything if (mark := entry.of(TransferStarted)) is not None}
    for row in entries:
        ended_badly = (end := row.of(TransferFinished)) is not None and not end.ok
        failed = row.action == "delivery_refused" or ended_badly
        if row.action in NO_RUN and not failed:
            continue
        start = min(began.get(_run_of(row), row.time), row.time)
        facets: dict[str, RunFacet] = {
            "lepton_ledger": LedgerRunFacet(
                seq=row.seq,
                hash=row.hash,
                action=row.action,
                actor=row.actor,
                pair=row.pair,
                summary=decision_line(row),
            )
        }
        if failed:
            why = decision_line(row)
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message=why, programmingLanguage="PYTHON")
        about = Run(str(uuid5(NAMESPACE_URL, f"{space}/{row.hash}")), facets)
        kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="LEPTON", jobType="JOB")
        job = Job(space, _job(row), {"jobType": kind})
        inputs, outputs = _inputs(space, row), _outputs(space, row)
        ended = RunState.FAIL if failed else RunState.COMPLETE
        for state, time in ((RunState.START, start), (ended, row.time)):
            event = RunEvent(eventType=state, eventTime=time, run=about, job=job, inputs=inputs, outputs=outputs)
            yield Serde.to_dict(event)


def _job(row: Entry) -> str:
    if row.action in ("registered", "transfer_finished"):
        return f"{'transfer' if '-to-' in row.pair else 'pretrain'}.{row.pair}"
    return f"{JOBS.get(row.action, row.action)}.{row.pair}"


def _run_of(entry: Entry) -> str:
    """Return the id of the run that a row was written in, as far as the row says so."""
    match _said(entry):
        case Registered() as made:
            return made.run_id
        case Refused() as refused:
            return refused.run_id
        case Mark() as mark:
            return mark.run.id
    return ""


def _inputs(space: str, entry: Entry) -> list[InputDataset]:
    match _said(entry):
        case Registered() as made:
            data = {(ref.domain, ref.digest) for _, ref in made.data_refs()}
            seen = {model.key for model in (made.parent, *made.ancestors) if model is not None}
            return [
                *(InputDataset(space, f"data/{domain}", facets=_version(digest)) for domain, digest in sorted(data)),
                *(InputDataset(space, f"models/{name}", facets=_version(number)) for name, number in sorted(seen)),
            ]
        case (Decisive() | Refused() | Rejected()) as row:
            return [InputDataset(space, f"models/{row.model.name}", facets=_version(row.model.version))]
        case Observed() as row:
            return [InputDataset(space, f"data/{domain_of(entry.pair)}", facets=_version(row.seen.window))]
        case Decided() as row:
            return [InputDataset(space, f"data/{domain_of(entry.pair)}", facets=_version(row.window))]
    return []


def _outputs(space: str, entry: Entry) -> list[OutputDataset]:
    match _said(entry):
        case Registered() as row:
            return [OutputDataset(space, f"models/{row.model.name}", facets=_version(row.model.version))]
        case Move() as row:
            return [OutputDataset(space, f"serving/{entry.pair}", facets=_version(row.model.version))]
        case Ingested() as row:
            digest = row.data.digest if row.data else row.batch
            return [OutputDataset(space, f"data/{domain_of(entry.pair)}", facets=_version(digest))]
        case Forgotten():
            change = lifecycle_state_change_dataset
            changed: dict[str, DatasetFacet] = {
                "lifecycleStateChange": change.LifecycleStateChangeDatasetFacet(
                    lifecycleStateChange=change.LifecycleStateChange.OVERWRITE
                )
            }
            return [OutputDataset(space, f"data/{domain_of(entry.pair)}", facets=changed)]
    return []


def _said(entry: Entry) -> Row | None:
    """Return what a row says; None if a newer lepton wrote it."""
    return entry.row if entry.action in KINDS else None


def _version(text: str) -> dict[str, DatasetFacet]:
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(text))}
