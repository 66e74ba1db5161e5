"""`lepton data checkout`, `publish` and `gc`: a state brought back, its pointer committed, old ones removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lepton.cli.data.history import Use
from lepton.cli.output import as_json, note, say
from lepton.cli.session import DryRun, Json, LocalAnyway, door, enter
from lepton.core.errors import UsageError


def checkout(
    domain: Annotated[str | None, typer.Argument(help="The domain; without --at all by default.")] = None,
    at: Annotated[
        str | None, typer.Option(help="A version or alias of its model, a batch, or first digits of an md5 or digest.")
    ] = None,
    into: Annotated[Path | None, typer.Option(help="New folder for it; default: below .lepton/past.")] = None,
    use: Use = "train",
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Bring back a past state, or lost files.

    With --at, DOMAIN as it was is written to a new folder; data/ only grows and is left alone. Without it, files of
    data/ that are missing or damaged are brought back from the cache or the remote; nothing else is touched.
    """
    if at is None and into is not None:
        raise UsageError(
            "--into needs --at: which state?", fix=[f"lepton data checkout {domain or 'DOMAIN'} --at BATCH"]
        )
    if at is not None and domain is None:
        raise UsageError("--at needs a DOMAIN.", fix=[f"lepton data checkout DOMAIN --at {at}"])
    ws, _ = enter(local)
    if at is not None:
        back = door(ws).checkout(str(domain), at, use=use, into=into, dry_run=dry_run)
        if json:
            as_json(back.to_json())
            return
        say(f"{'Would write' if dry_run else 'Wrote'} {back.state.words} to {back.folder}: {back.files} files.")
        return
    done = door(ws).mend(domain, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    if not done.mended:
        say("Every file that data.dvc lists is there, whole.")
    for path, state in done.mended.items():
        say(f"{'Would bring back' if dry_run else 'Brought back'} {path} ({state})")
    for kept in done.aside:
        note(f"What was in its place is kept in {kept}")


def publish(
    message: Annotated[str | None, typer.Option("--message", "-m", help="Of the commit.")] = None,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Commit data.dvc to the workspace's git repository.

    Only if data/ is what it lists and the remote has all of it. Nothing else that is changed or staged is committed.
    """
    ws, _ = enter(local)
    done = door(ws).publish(message, dry_run=dry_run)
    if json:
        as_json(done.to_json())
    elif not done.new:
        say(f"Nothing to publish: data.dvc ({done.dvc_md5[:12]}) is committed in {str(done.git_revision)[:12]}.")
    elif dry_run:
        say(f"Would commit data.dvc ({done.dvc_md5[:12]}).")
    else:
        say(f"Committed data.dvc ({done.dvc_md5[:12]}) as {str(done.git_revision)[:12]}.\n  next   git push")


def gc(
    keep_days: Annotated[int, typer.Option(help="Keep what is younger.")] = 30,
    remote: Annotated[
        bool, typer.Option("--remote", help="Clean the remote, too: only if no other workspace pushes to it.")
    ] = False,
    json: Json = False,
    local: LocalAnyway = False,
    dry_run: DryRun = False,
) -> None:
    """Remove old states of the data that nothing refers to.

    Kept are: the data as it is now, what a registered version was made of, what git's history names, and what is young.
    """
    ws, _ = enter(local)
    done = door(ws).collect_garbage(keep_days=keep_days, remote=remote, dry_run=dry_run)
    if json:
        as_json(done.to_json())
        return
    for one in done.places:
        verb = "would remove" if dry_run else "removed"
        say(
            f"{one.place}: {verb} {len(one.removed)} of {one.objects} objects, {one.bytes:,} bytes"
            f" ({one.states} states)"
        )
    say(f"{len(done.kept)} states are referred to and stay; so does what is younger than {keep_days} days.")
