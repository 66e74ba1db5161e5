"""What was installed when a model was made, as a CycloneDX list that scanners read: names, versions, licences.

Equal installations give equal bytes, so the list has no time; the registration beside it has one.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import Distribution
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import lepton
from lepton.core.extras import require
from lepton.core.work.files import digest
from lepton.registry.lineage.environment import found_distributions, installed

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

_LONGEST_NAME = 64
"""Some distributions put their whole licence text into the field for its name."""


@cache
def bill_of_materials() -> str:
    """Return the list of all installed distributions, lepton as what it is about; CycloneDX 1.6, JSON.

    Takes about a second; a process asks once, for what is installed does not change under a running one.
    """
    require("cyclonedx", "packageurl")
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    found = {name: one for name, one in found_distributions().items() if name != "lepton"}
    about = Component(
        name="lepton",
        version=lepton.__version__,
        type=ComponentType.APPLICATION,
        bom_ref="lepton",
        purl=_purl("lepton"),
    )
    parts = [_component(name, one) for name, one in sorted(found.items())]
    bom = Bom(
        metadata=BomMetaData(component=about, tools=[]),
        components=parts,
        serial_number=uuid5(NAMESPACE_URL, f"lepton:{digest(installed())}"),
    )
    bom.register_dependency(about, parts)
    written = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    value: dict[str, Any] = json.loads(written)
    del value["metadata"]["timestamp"]
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _component(name: str, one: Distribution) -> Component:
    from cyclonedx.model.component import Component

    return Component(
        name=name,
        version=one.version,
        bom_ref=f"{name}=={one.version}",
        purl=_purl(name, one.version),
        licenses=_licences(one),
    )


def _purl(name: str, version: str = lepton.__version__) -> Any:
    from packageurl import PackageURL

    return PackageURL(type="pypi", name=name, version=version)


def _licences(one: Distribution) -> list[License]:
    """Return what the distribution declares: an SPDX expression, else a name, else what its classifiers say."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.license import LicenseAcknowledgement

    said = one.metadata
    expression, field = (str((said.get_all(key) or [""])[0]) for key in ("License-Expression", "License"))
    if expression:
        names = [expression]
    elif field and field != "UNKNOWN" and len(field) <= _LONGEST_NAME and "\n" not in field:
        names = [field]
    else:
        classes = [str(text) for text in said.get_all("Classifier") or [] if str(text).startswith("License ::")]
        names = sorted({text.rpartition(" :: ")[2] for text in classes})
    factory, declared = LicenseFactory(), LicenseAcknowledgement.DECLARED
    if len(names) == 1:
        return [factory.make_from_string(names[0], license_acknowledgement=declared)]
    return [factory.make_with_name(name, acknowledgement=declared) for name in names]
