"""lepton.yaml: mistakes are told with the line or the nearest key, values come from where they should."""

from pathlib import Path

import pytest

from lepton.core.config import Config, from_environment, load_config
from lepton.core.errors import NotFound, UsageError
from lepton.core.names import check_domain, slug
from lepton.core.template import origins, render
from lepton.core.workspace import Workspace
from lepton.core.yamls import read_yaml

MINIMAL = "name: a\nkind: image\nsource: mnist\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lepton.yaml"


def test_environment_wins_over_file_and_file_over_default(file: Path) -> None:
    file.write_text(MINIMAL + "monitor: {enter: 1.5, confirm: 3}\n")
    config = load_config(file, {"LEPTON_MONITOR__ENTER": "2.5", "LEPTON_WORKSPACE": "/somewhere", "PATH": "x"})
    assert (config.monitor.enter, config.monitor.confirm, config.monitor.of) == (2.5, 3, 3)


def test_broken_yaml_names_the_line(file: Path) -> None:
    file.write_text("name: a\nkind: [image\nsource: mnist\n")
    with pytest.raises(UsageError, match=r"lepton.yaml is not valid YAML at line 3"):
        load_config(file)


def test_a_key_written_twice_names_the_line(file: Path) -> None:
    file.write_text(MINIMAL + "source: usps\n")
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert "line 4" in caught.value.what
    assert "'source' appears twice" in caught.value.why


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("monitr: {}\n", "monitr: unknown key; did you mean 'monitor'?"),
        ("monitor: {entr: 1}\n", "monitor.entr: unknown key; did you mean 'enter'?"),
        ("targets: {red: {monitor: {confrm: 2}}}\n", "did you mean 'confirm'?"),
        ("monitor: {confirm: many}\n", "monitor.confirm"),
    ],
)
def test_an_unknown_key_or_value_is_told_with_its_path(file: Path, text: str, told: str) -> None:
    file.write_text(MINIMAL + text)
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert told in caught.value.render()
    assert caught.value.code == 2


def test_a_missing_key_is_told(file: Path) -> None:
    file.write_text("name: a\n")
    with pytest.raises(UsageError, match="not a valid configuration") as caught:
        load_config(file)
    assert "source: required, but absent" in caught.value.why


def test_a_section_left_empty_is_its_defaults(file: Path) -> None:
    file.write_text(MINIMAL + "monitor:\n")
    assert load_config(file).monitor == Config(name="a", kind="image", source="m").monitor


def test_the_written_template_reads_back_and_shows_every_field(file: Path) -> None:
    file.write_text(render({"name": "a", "kind": "tabular", "source": "white", "monitor": {"confirm": 3}}))
    config = load_config(file)
    assert config.monitor.confirm == 3
    text = file.read_text()
    for section in ("encoder", "pretrain", "transfer", "monitor", "alerts", "data"):
        assert f"{section}:" in text
    assert "# exit: 0.8" in text


def test_the_template_still_reads_when_a_comment_sign_is_removed(file: Path) -> None:
    text = render({"name": "a", "kind": "tabular", "source": "white"})
    text = text.replace("# transfer:", "transfer:").replace("  # margin: 0.02", "  margin: 0.04")
    file.write_text(text)
    assert load_config(file).transfer.margin == 0.04


def test_every_setting_says_where_it_came_from(file: Path) -> None:
    file.write_text(MINIMAL + "monitor: {confirm: 3}\n")
    environ = {"LEPTON_MONITOR__ENTER": "2"}
    found = {s.key: s.origin for s in origins(load_config(file, environ), read_yaml(file), from_environment(environ))}
    assert found["monitor.confirm"] == "lepton.yaml"
    assert found["monitor.enter"] == "LEPTON_MONITOR__ENTER"
    assert found["monitor.exit"] == "default"


def test_overrides_for_one_target_replace_the_section(file: Path) -> None:
    file.write_text(MINIMAL + "targets: {red: {monitor: {confirm: 1}}}\n")
    config = load_config(file)
    assert config.monitor_for("red").confirm == 1
    assert config.monitor_for("blue").confirm == 2


@pytest.mark.parametrize("name", ["..", "a/b", "a b", "", "-a", "A", "plané", "а", "a\u202eb", "x" * 64, "a\n", "ｐ"])
def test_names_that_could_be_paths_or_tricks_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_domain(name)


@pytest.mark.parametrize("name", ["a", "plant-7", "usps_2", "9"])
def test_plain_names_pass(name: str) -> None:
    assert check_domain(name) == name


def test_the_error_suggests_a_name_that_passes() -> None:
    with pytest.raises(UsageError) as caught:
        check_domain("March 2026.csv")
    assert caught.value.fix == ("use 'march-2026-csv'",)
    assert check_domain(slug("March 2026.csv"))


def test_outside_a_workspace_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        Workspace.find(tmp_path)
    assert any(fix.startswith("lepton init") for fix in caught.value.fix)
