"""Doctor: is everything there and in order. Each check is a function that returns what it found."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from lepton.core.config.workspace import Workspace
from lepton.core.errors import LeptonError
from lepton.core.extras import EXTRAS
from lepton.core.plugins import Plugin, PluginWarning, catalogues
from lepton.core.refs import domain_of
from lepton.operations.monitor.tolerance import told_of_all
from lepton.operations.result import Result
from lepton.operations.session import Session

FREE_GIGABYTES = 1.0
ROOMS = (
    "lepton.transfer",
    "lepton.transfer.guard",
    "lepton.models.encoders",
    "lepton.pretraining",
    "lepton.data.readers",
)
"""What may be extended from outside."""


@dataclass(frozen=True)
class Finding(Result):
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class Health(Result):
    """All that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether all of it is in order."""
        return all(finding.ok for finding in self.findings)

    def facts(self) -> dict[str, object]:
        """Return a line a finding; what is not in order says so."""
        return {one.what: one.detail if one.ok else f"BAD  {one.detail}   fix: {one.fix}" for one in self.findings}


Check = tuple[str, Callable[[], str]]
"""What is looked at, and what says what it found or raises a LeptonError."""


def doctor(session: Session, mend: bool = True, also: Sequence[Check] = ()) -> Health:
    """Check machine, plug-ins and workspace, and mend the registry.

    Args:
        session: The workspace at work.
        mend: Move MLflow's aliases back to what the ledger says; otherwise nothing is written at all.
        also: Further checks, such as of the stack.
    """
    return Health((*machine_checks(), *examine(session.ws, mend, also)))


def machine_checks() -> list[Finding]:
    """Look at what does not depend on a workspace."""
    return [_python(), _git(), _packages(), _run("plug-ins", _plugins)]


def examine(ws: Workspace, mend: bool, also: Sequence[Check] = ()) -> list[Finding]:
    """Look at a workspace: disk, configuration, ledger, data, registry.

    Args:
        ws: The workspace.
        mend: Move MLflow's aliases back to what the ledger says; otherwise nothing is written at all.
        also: Further checks.
    """
    checks: list[Check] = [
        ("disk", lambda: _disk(ws)),
        ("configuration", lambda: f"{ws.root / 'lepton.yaml'}, domains: {', '.join(ws.domains()) or 'none'}"),
        ("ledger", lambda: _ledger(ws)),
        ("contracts", lambda: _contracts(ws)),
        ("data", lambda: _data(ws)),
        ("registry", lambda: _registry(ws, mend)),
        ("approvals", lambda: _approvals(ws)),
        ("recalls", lambda: _recalls(ws)),
        ("alerts", lambda: _alerts(ws)),
        ("tolerance", lambda: told_of_all(ws)),
        *also,
        ("device", _device),
    ]
    return [_run(what, check) for what, check in checks]


def _alerts(ws: Workspace) -> str:
    """Say how many channels there are; what they did not take waits.

    Raises:
        LeptonError: If something waits for a channel.
    """
    from lepton.monitoring.outbox import unsent

    waiting = unsent(ws.outbox_dir)
    if waiting:
        told = [
            f"{w.shown}: {w.alert.title}, {w.attempts} attempts since {w.since:%Y-%m-%dT%H:%M}" for w in waiting[:5]
        ]
        raise LeptonError(
            f"{len(waiting)} alerts wait for a channel that did not take them.",
            why="\n".join(told),
            fix=["mend the channel, or the URL in lepton.yaml; lepton monitor sends them again when it is time"],
        )
    return f"{len(ws.config.alerts.everyone)} channels beside {ws.alerts_file.name}, nothing waits"


def _run(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except LeptonError as error:
        detail = " ".join([error.what, *error.why.split("\n")]).strip()
        return Finding(what, False, detail, error.fix[0] if error.fix else "")


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python", sys.version_info >= (3, 11), found, "" if sys.version_info >= (3, 11) else "use 3.11 or newer"
    )


def _git() -> Finding:
    found = shutil.which("git")
    return Finding("git", found is not None, found or "not found", "" if found else "install git")


def _packages() -> Finding:
    """Compare what is installed with what lepton's metadata ask for; an extra may be missing, but not be half there."""
    from packaging.requirements import Requirement

    wrong: list[str] = []
    without: dict[str, list[str]] = {}
    for line in requires("lepton") or []:
        wanted = Requirement(line)
        extra = next((one for one in EXTRAS if wanted.marker and wanted.marker.evaluate({"extra": one})), "")
        if wanted.name == "lepton" or (wanted.marker and not wanted.marker.evaluate({"extra": extra})):
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            without.setdefault(extra, []).append(wanted.name)
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            wrong.append(f"{wanted.name} {found} is outside {wanted.specifier}")
    wrong += [f"{name} is missing" for name in without.pop("", [])]
    left_out = f"; left out: {', '.join(f'lepton[{extra}]' for extra in without)}" if without else ""
    told = "; ".join(wrong) or f"as asked for{left_out}"
    return Finding("packages", not wrong, told, 'pip install "lepton[all]"' if wrong else "")


def _plugins() -> str:
    """Say which plug-ins there are and where they come from.

    Raises:
        LeptonError: If one of them cannot be used.
    """
    found = plugins()
    if broken := [one for one in found if one.problem]:
        raise LeptonError(
            f"{len(broken)} of {len(found)} plug-ins cannot be used and are left out.",
            why="\n".join(f"{one.word} {one.name!r} of {one.origin}: {one.problem}" for one in broken),
            fix=[f"pip install --upgrade {broken[0].origin.package}", f"pip uninstall {broken[0].origin.package}"],
        )
    return ", ".join(f"{one.word} {one.name!r} of {one.origin}" for one in found) or "none beside lepton's own"


def plugins() -> list[Plugin]:
    """Return every plug-in from outside, those that are broken included.

    Raises:
        UsageError: If two have one name.
    """
    for room in ROOMS:
        import_module(room)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # they are in what is returned
        return [one for catalogue in catalogues() for one in catalogue.outside()]


def _disk(ws: Workspace) -> str:
    free = shutil.disk_usage(ws.root).free / 1e9
    if free < FREE_GIGABYTES:
        raise LeptonError(f"Only {free:.1f} GB are free in {ws.root}.", fix=["free some space"])
    return f"{free:.0f} GB free"


def _ledger(ws: Workspace) -> str:
    from lepton.core.ledger import Ledger

    ledger = Ledger(ws.ledger_url)
    problems = ledger.verify()
    if problems:
        raise LeptonError(
            "The ledger's chain is broken.", why="\n".join(problems[:5]), fix=["restore it from a backup"]
        )
    return f"{ledger.last_seq()} rows, the chain holds"


def _contracts(ws: Workspace) -> str:
    from lepton.contract.file import load_contract

    domains = ws.domains()
    for domain in domains:
        load_contract(ws, domain)
    files = [path.name for path in ws.contracts_dir.glob("*") if not path.name.startswith(".")]
    strays = sorted(set(files) - {f"{domain}.yaml" for domain in domains})
    return f"{len(domains)} in order" + (f"; no contract, and not read: {', '.join(strays)}" if strays else "")


def _data(ws: Workspace) -> str:
    from lepton.data.erase import check_none_unfinished
    from lepton.data.store import batches
    from lepton.data.versions import check_complete

    check_none_unfinished(ws)
    if not ws.data_dir.exists():
        return "no delivery yet"
    check_complete(ws)
    return ", ".join(f"{domain}: {len(batches(ws, domain))} batches" for domain in ws.domains())


def _registry(ws: Workspace, mend: bool) -> str:
    from lepton.core.ledger import PROMOTED, ROLLED_BACK, Ledger

    ledger = Ledger(ws.ledger_url)
    if not ws.mlflow_db.exists():
        if ledger.entries(action=(PROMOTED, ROLLED_BACK)):
            raise LeptonError(
                "The ledger names champions, but MLflow's database is gone.",
                fix=[f"restore {ws.mlflow_db} from a backup"],
            )
        return "nothing is registered yet"
    if not mend:
        return "there; aliases are not compared with --dry-run"  # connecting to MLflow may write
    from lepton.registry.mlflow.tracking import connect
    from lepton.registry.reconcile import reconcile

    where = connect(ws).url or "in process"
    found = reconcile(ws, ledger)
    told = [f"{m.alias} of {m.model}: v{m.was} -> v{m.now}" for m in found.moved]
    aliases = "aliases " + (f"moved to what the ledger says ({', '.join(told)})" if told else "as the ledger says")
    parts = [where, aliases]
    if found.back:
        parts.append(f"were gone from MLflow, registered again: {', '.join(ref.label for ref in found.back)}")
    if found.removed:
        parts.append(f"removed what a crash left: {', '.join(ref.label for ref in found.removed)}")
    if found.strangers:
        parts.append(f"not in this ledger, left alone: {', '.join(ref.label for ref in found.strangers)}")
    if found.problems:
        first = found.problems[0]
        raise LeptonError(first.what, why="\n".join([first.why, *parts]), fix=first.fix)
    return ", ".join(parts)


def _approvals(ws: Workspace) -> str:
    from lepton.core.ledger import Ledger
    from lepton.core.ledger.rows import Proposed
    from lepton.registry.eligibility import waiting

    ledger = Ledger(ws.ledger_url)
    pairs = dict.fromkeys(row.pair for row in ledger.rows(None, Proposed))
    rows = [row for pair in pairs if (row := waiting(ledger, pair)) is not None]
    told = [f"{domain_of(r.pair)} v{r.row.model.version} since {r.time[:16]} UTC" for r in rows]
    return f"wait for a person: {', '.join(told)} (lepton promote DOMAIN --approve)" if told else "nothing waits"


def _recalls(ws: Workspace) -> str:
    from lepton.core.ledger import Ledger
    from lepton.registry.eligibility import in_force
    from lepton.registry.projection import pairs_of
    from lepton.registry.recall import serving_recalled

    ledger = Ledger(ws.ledger_url)
    standing = [entry.row.subject.line for entry in in_force(ledger)]
    if serving := serving_recalled(ledger, pairs_of(ledger)):
        raise LeptonError(
            "Recalled models serve.",
            why="\n".join(f"{pair} serves {why}." for pair, why in serving.items()),
            fix=[
                f"lepton transfer {domain_of(next(iter(serving)))}",
                'lepton recall MODEL --why "..."  (the same again)',
            ],
        )
    return f"in force: {', '.join(standing)}; none of it serves" if standing else "nothing is recalled"


def _device() -> str:
    from lepton.models.device import pick_device

    return str(pick_device())
