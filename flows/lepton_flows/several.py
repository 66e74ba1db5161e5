"""A share of a round: a verb for some targets, one after the other, each a flow run of its own.

A round over many targets gives a part of them to other processes (`lepton_flows.shares`); this is what those run.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import State, flow
from prefect.states import Failed

from lepton.operations.runtime import in_a_line, tried
from lepton_flows.runtime import flow_of


@flow(name="several")
def several(verb: str, domains: list[str], arguments: list[Any]) -> int | State[Any]:
    """Do a verb for some targets; return how many. One that fails does not keep the others from it."""
    answers = {domain: tried(partial(flow_of(verb), domain, *arguments)) for domain in domains}
    failed = {domain: in_a_line(one) for domain, one in answers.items() if isinstance(one, Exception)}
    if failed:
        return Failed(message="; ".join(f"{domain}: {why}" for domain, why in failed.items()))
    return len(domains)
