"""The list of what was installed: CycloneDX that validates, complete, and equal for equal installations."""

import json
from importlib.metadata import version

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import lepton
from lepton.registry.lineage.environment import installed
from lepton.registry.lineage.sbom import bill_of_materials


def test_the_list_is_valid_cyclonedx():
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill_of_materials()) is None


def test_what_is_not_cyclonedx_is_not_taken_for_it():
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str('{"bomFormat": "x"}') is not None


def test_it_is_about_lepton_and_names_everything_that_is_installed_in_order():
    bill = json.loads(bill_of_materials())
    about = bill["metadata"]["component"]
    assert (about["name"], about["version"], about["purl"]) == (
        "lepton",
        lepton.__version__,
        f"pkg:pypi/lepton@{lepton.__version__}",
    )
    listed = [f"{part['name']}=={part['version']}" for part in bill["components"]]
    assert listed == [one for one in installed() if not one.startswith("lepton==")]
    torch = next(part for part in bill["components"] if part["name"] == "torch")
    assert torch["purl"].startswith(f"pkg:pypi/torch@{version('torch').partition('+')[0]}")


def test_licences_are_there_where_they_are_declared():
    parts = {part["name"]: part for part in json.loads(bill_of_materials())["components"]}
    assert parts["torch"]["licenses"]
    assert sum("licenses" in part for part in parts.values()) > 0.9 * len(parts)


def test_equal_installations_give_equal_bytes():
    first = bill_of_materials()
    bill_of_materials.cache_clear()
    assert bill_of_materials() == first
