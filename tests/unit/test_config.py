"""lepton.yaml: mistakes are told with the line or the nearest key, values come from where they should."""

from pathlib import Path

import pytest

from lepton.core.config.names import check_domain, slug
from lepton.core.config.section import hide_credentials, mask
from lepton.core.config.settings import Config, from_environment, load_config
from lepton.core.config.template import origins, render
from lepton.core.config.workspace import Workspace
from lepton.core.config.yaml_file import read_yaml
from lepton.core.errors import NotFound, UsageError

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


@pytest.mark.parametrize(
    "text",
    [
        'alerts: {urls: "mailto://u:SECRET@h"}\n',
        "alerts: slack://SECRET\n",
        "alerts: SECRET\n",
        "alerts: {slack://SECRET}\n",
        "alerts: {urls: {a: slack://SECRET}}\n",
        'alerts: {urls: [slack://SECRET], url: "slack://SECRET"}\n',
        "data: s3://u:SECRET@bucket\n",
        "alerts: {urls: [slack://SECRET]}\nmonitor: {confirm: 5}\n",
        "alerts: {urls: [slack://SECRET]}\ntargets: {red: {monitor: {confirm: 5}}}\n",
    ],
)
def test_no_error_shows_a_secret(file: Path, text: str) -> None:
    file.write_text(MINIMAL + text)
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert "SECRET" not in caught.value.render()


def test_what_a_broken_variable_held_is_not_shown(file: Path) -> None:
    file.write_text(MINIMAL)
    for text in ("[slack://SECRET", "*SECRET", "slack://SECRET"):
        with pytest.raises(UsageError) as caught:
            load_config(file, {"LEPTON_ALERTS__URLS": text})
        assert "LEPTON_ALERTS__URLS" in caught.value.render()
        assert "SECRET" not in caught.value.render()


def test_a_text_where_a_list_is_expected_is_told_in_plain_words(file: Path) -> None:
    file.write_text(MINIMAL + "transfer: {strategies: probe}\n")
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert "transfer.strategies: must be a list: [ ... ] (found 'probe')" in caught.value.why


def test_the_settings_are_shown_without_secrets(file: Path) -> None:
    file.write_text(MINIMAL + "alerts: {urls: [slack://a/b/SECRET]}\ndata: {remote: 's3://me:SECRET@bucket/x'}\n")
    found = {s.key: s.value for s in origins(load_config(file), read_yaml(file), {})}
    assert found["alerts.urls"] == ["slack://***"]
    assert found["data.remote"] == "s3://***@bucket/x"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailto://me:pw@x.y", "mailto://***"),
        ("https://h/T0/B0/key", "https://***"),
        ("key", "***"),
        ("a b://x", "***"),
    ],
)
def test_only_the_scheme_of_a_channel_is_shown(url: str, shown: str) -> None:
    assert mask(url) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (".lepton/remote", ".lepton/remote"),
        ("s3://bucket/path", "s3://bucket/path"),
        ("ssh://me:p@ss/word@host/path", "ssh://***@host/path"),
        ("https://host/path?sig=key", "https://host/path?***"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(address: str, shown: str) -> None:
    assert hide_credentials(address) == shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("monitor: {confirm: 5, of: 2}\n", "monitor: confirm (5) is more than of (2)"),
        ("monitor: {exit: 9, enter: 1}\n", "monitor: exit (9) is more than enter (1)"),
        ("monitor: {enter: 0.5}\n", "monitor: exit (0.8) is more than enter (0.5)"),
        ("targets: {red: {monitor: {confirm: 4}}}\n", "targets.red: confirm (4) is more than of (3)"),
    ],
)
def test_a_policy_that_could_never_work_is_refused(file: Path, text: str, told: str) -> None:
    file.write_text(MINIMAL + text)
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert told in caught.value.why
    assert "Value error" not in caught.value.why


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"LEPTON_SEED": "[1"}, "LEPTON_SEED is not valid YAML"),
        ({"LEPTON_SEED": "2026-13-45"}, "LEPTON_SEED is not valid YAML"),
        ({"LEPTON_SEED": "many"}, "LEPTON_SEED: seed: input should be a valid integer"),
        ({"LEPTON_SEED__X": "1"}, "LEPTON_SEED is a single value"),
        ({"LEPTON_SED": "1"}, "did you mean LEPTON_SEED?"),
        ({"LEPTON_MONITOR": "5"}, "LEPTON_MONITOR must hold a mapping"),
        ({"LEPTON_MONITOR": "5", "LEPTON_MONITOR__ENTER": "2"}, "LEPTON_MONITOR must hold a mapping"),
        ({"LEPTON_MONITOR": "{entr: 2}"}, "LEPTON_MONITOR: monitor.entr: unknown key; did you mean 'enter'?"),
        ({"LEPTON_MONITOR__ENTER": "0.5"}, "LEPTON_MONITOR__ENTER: monitor: exit (0.8) is more than enter (0.5)"),
        ({"LEPTON_TARGETS__RED": "{monitor: {of: 1}}"}, "LEPTON_TARGETS__RED: targets.red: confirm (2) is more"),
        ({"LEPTON_MONITR__ENTER": "9"}, "did you mean LEPTON_MONITOR__ENTER?"),
        ({"LEPTON_MONITOR__ENTR": "9"}, "did you mean LEPTON_MONITOR__ENTER?"),
        ({"LEPTON_MONITOR_ENTER": "9"}, "did you mean LEPTON_MONITOR__ENTER?"),
        ({"LEPTON_XYZ__ENTER": "9"}, "LEPTON_XYZ__ENTER names no setting"),
        ({"LEPTON_TARGETS__RED__MONITR__ENTER": "9"}, "did you mean LEPTON_TARGETS__RED__MONITOR__ENTER?"),
        ({"LEPTON_TARGETS__RED__MONITOR__ENTER": "no"}, "LEPTON_TARGETS__RED__MONITOR__ENTER: targets.red"),
    ],
)
def test_a_wrong_variable_is_named_and_the_file_is_not_blamed(file: Path, environ: dict[str, str], told: str) -> None:
    file.write_text(MINIMAL)
    with pytest.raises(UsageError) as caught:
        load_config(file, environ)
    text = caught.value.render()
    assert told in text
    assert next(iter(environ)) in text
    assert "lepton.yaml" not in text.replace(f"edit {file}", "")


def test_variables_that_are_no_settings_are_left_alone(file: Path) -> None:
    file.write_text(MINIMAL)
    names = ["WORKSPACE", "DEBUG", "LEDGER_URL", "CHECKOUT", "SCHEDULES_ACTIVE", "SHARED_DATA", "TEST_POSTGRES"]
    assert load_config(file, {f"LEPTON_{name}": "x" for name in names}) == load_config(file)


def test_a_section_and_its_field_may_both_be_variables_and_the_field_wins(file: Path) -> None:
    file.write_text(MINIMAL + "monitor: {tolerance: 0.1}\n")
    environ = {"LEPTON_MONITOR__ENTER": "3", "LEPTON_MONITOR": "{enter: 2, confirm: 1}", "LEPTON_TRANSFER": ""}
    monitor = load_config(file, environ).monitor
    assert (monitor.enter, monitor.confirm, monitor.tolerance) == (3, 1, 0.1)


def test_a_target_says_only_what_differs(file: Path) -> None:
    file.write_text(
        MINIMAL
        + "monitor: {enter: 2, of: 6}\ntransfer: {margin: 0.1}\n"
        + "targets: {red: {monitor: {confirm: 5}, transfer: {strategies: [probe]}}}\n"
    )
    config = load_config(file)
    red, blue = config.monitor_for("red"), config.monitor_for("blue")
    assert (red.confirm, red.of, red.enter) == (5, 6, 2)
    assert (blue.confirm, blue.of, blue.enter) == (2, 6, 2)
    assert config.transfer_for("red").strategies == ("probe",)
    assert config.transfer_for("red").margin == 0.1
    shown = {s.key: s.value for s in origins(config, read_yaml(file), {})}
    assert shown["targets"] == {"red": {"monitor": {"confirm": 5}, "transfer": {"strategies": ("probe",)}}}


@pytest.mark.parametrize("text", ["{[1]: 2}\n", "name: 2026-13-45\n", "? {a: b}\n: c\n"])
def test_yaml_that_means_nothing_is_the_files_mistake(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError):
        load_config(file)


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
