"""The base's encoder: the one that is named, or with `auto` the best on validation rows of those there are."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lepton.core.config.pretrain import PretrainConfig
from lepton.core.config.settings import AUTO, EncoderConfig
from lepton.core.decisions.encoders import Tried, choose
from lepton.core.kinds import Kind
from lepton.core.table import Table
from lepton.core.work import Progress, silent
from lepton.models.encoders import all_encoders, default_encoder
from lepton.pretraining.catalogue import objectives_of
from lepton.pretraining.chain import pretrain as pretrain_with
from lepton.pretraining.direct import learns_by
from lepton.pretraining.objective import Pretrained
from lepton.pretraining.world import World


def pretrain(
    table: Table,
    classes: Sequence[str],
    encoder: EncoderConfig,
    config: PretrainConfig,
    seed: int = 0,
    threads: int = 2,
    progress: Progress = silent,
    others: Mapping[str, Table] | None = None,
    folder: Path | None = None,
) -> Pretrained:
    """Return a base model of the source; see `chain.pretrain` for arguments and errors.

    It takes nine arguments because the chain that it hands them on to does.

    Where the encoder is `auto`, each that is tried gets a base as if it were alone, and the choice says what they came
    to. The base that is taken is the one that naming its encoder would have made, bit for bit.
    """
    if encoder.name != AUTO:
        return pretrain_with(table, classes, encoder, config, seed, threads, progress, others, folder)
    began, made, world = time.perf_counter(), dict[str, Pretrained](), World.joined()
    names, left_out = worth_trying(table.kind, config.chain)
    for name in names:
        if made and world.said({"spent": time.perf_counter() - began})["spent"] > config.try_seconds:
            left_out[name] = f"pretrain.try_seconds, {config.try_seconds:g} s, were over"
            continue
        named = encoder.model_copy(update={"name": name})
        beside = folder / name if folder else None
        made[name] = pretrain_with(table, classes, named, config, seed, threads, _told(progress, name), others, beside)
    tried = [_tried(name, base) for name, base in made.items()]
    choice = choose(tried, {name: base.val_losses for name, base in made.items()}, left_out)
    return dataclasses.replace(made[choice.took], choice=choice, seconds=time.perf_counter() - began)


def worth_trying(kind: Kind, chain: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the encoders that `auto` tries for rows of a kind, the quickest to train first; and those left out.

    Args:
        kind: Of the rows.
        chain: Names of the objectives.

    Raises:
        UsageError: If an objective is unknown, or there is no encoder for such rows.
    """
    objectives = objectives_of(chain)
    known = {name: one for name, one in all_encoders().items() if kind in one.tried_for}
    names = [name for name, one in known.items() if learns_by(one.by_gradient, objectives)]
    left_out = {name: f"{'+'.join(chain)} asks for a gradient" for name in known if name not in names}
    return sorted(names, key=lambda name: known[name].fewest_steps) or [default_encoder(kind)], left_out


def _tried(name: str, base: Pretrained) -> Tried:
    return Tried(
        name,
        base.val["accuracy"],
        base.val["log_loss"],
        base.seconds,
        base.model.size,
        not base.model.encoder.by_gradient,
    )


def _told(progress: Progress, name: str) -> Progress:
    return lambda done, total, text: progress(done, total, f"{name}: {text}")
