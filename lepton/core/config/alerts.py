"""The section `alerts` of `lepton.yaml`: who is told, of what, and under which address the pages are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lepton.core.config.section import Section

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""Of alerts, in rising order."""


class AlertRoute(Section):
    """A channel that hears of some alerts only."""

    url: str
    """Apprise URL."""
    severity: Severity = "info"
    """The least that it hears of; that an alert is over is told to those who heard of it."""
    domains: tuple[str, ...] = ()
    """Targets that it hears of; by default all."""


class AlertConfig(Section):
    """Who is told."""

    urls: tuple[str, ...] = ()
    """Apprise URLs (mailto://, slack://, ...); alerts always go to .lepton/alerts.jsonl too."""
    routes: tuple[AlertRoute, ...] = ()
    """Channels that hear of some targets or severities only, beside `urls`."""
    base_url: str | None = None
    """Address under which people reach this workspace's folder: links in alerts are its paths below that, such as
    BASE_URL/reports/windows/..., so that they open on a phone. By default a link is a path on the machine."""
    update_minutes: float = Field(5.0, ge=0)
    """Updates of an open alert that are not critical are told at most once in so many minutes."""

    @property
    def everyone(self) -> tuple[str, ...]:
        """All URLs, whatever they hear of, none twice."""
        return tuple(dict.fromkeys((*self.urls, *(route.url for route in self.routes))))

    def channels(self, domain: str, severity: Severity) -> tuple[str, ...]:
        """Return the URLs that hear of an alert, none twice."""
        order = SEVERITIES.index
        heard = [
            route.url
            for route in self.routes
            if order(severity) >= order(route.severity) and (not route.domains or domain in route.domains)
        ]
        return tuple(dict.fromkeys((*self.urls, *heard)))
