"""Plug-ins: registered, announced by installed packages, broken ones, and two of one name."""

import sys
from types import SimpleNamespace

import pytest

from lepton.core import plugins
from lepton.core.errors import UsageError
from lepton.core.plugins import Catalogue, Origin, PluginWarning, register
from lepton.transfer import CATALOGUE, Needs, Prior, Strategy, default_strategies, get_strategy, prior_of
from lepton.transfer.none import NoneConfig


class Twist(Strategy):
    """Answers like the base."""

    name = "twist"
    needs = Needs(labels=False, features="none")
    prior = Prior(shares=(0.9, 0.9, 0.9, 0.9))
    config = NoneConfig()

    def adapt(self, base, target, seed):
        return base.replace()

    def predict_seconds(self, labels, rows, kind):
        return 0.1


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """Leave no registered class behind."""
    yield
    CATALOGUE._registered.clear()
    CATALOGUE._known = None


def announce(monkeypatch, *points):
    """Let installed packages announce classes, or whatever else stands behind an entry point."""

    def point(name, what, package):
        def load():
            if isinstance(what, Exception):
                raise what
            return what

        dist = SimpleNamespace(name=package, version="1.2")
        return SimpleNamespace(name=name, value=f"{package}:{name}", module=package, dist=dist, load=load)

    found = tuple(point(*one) for one in points)
    monkeypatch.setattr(plugins, "_announced", lambda group: found)
    CATALOGUE._known = None


def test_a_registered_strategy_is_found_by_name_and_competes_with_its_own_prior():
    register(Twist)
    assert isinstance(get_strategy("twist"), Twist)
    assert "twist" in default_strategies()
    assert prior_of("twist").shares[0] == 0.9
    assert CATALOGUE.origin("twist") == Origin(__name__)
    assert CATALOGUE.origin("probe") is None


def test_a_cell_that_runs_again_replaces_its_class_and_another_class_of_the_name_is_refused():
    register(Twist)
    again = type("Twist", (Twist,), {"__module__": Twist.__module__, "__qualname__": Twist.__qualname__})
    register(again)
    assert CATALOGUE.get("twist") is again
    other = type("Other", (Twist,), {})
    with pytest.raises(UsageError, match="two strategy plug-ins of the name 'twist'"):
        register(other)
    assert CATALOGUE.get("twist") is again


def test_a_name_that_lepton_has_itself_is_refused():
    with pytest.raises(UsageError, match="two strategy plug-ins of the name 'probe'") as caught:
        register(type("Mine", (Twist,), {"name": "probe"}))
    assert "lepton itself" in caught.value.why
    assert get_strategy("probe").name == "probe"


@pytest.mark.parametrize(
    "what", [int, type("Nameless", (Twist,), {"name": ""}), type("Odd", (Twist,), {"name": "a b"})]
)
def test_what_is_no_plug_in_says_why(what):
    with pytest.raises(UsageError) as caught:
        register(what)
    assert caught.value.why


def test_a_broken_plug_in_is_reported_by_name_and_does_not_stop_the_others(monkeypatch):
    announce(monkeypatch, ("broken", ImportError("no module named twister"), "lepton-broken"), ("twist", Twist, "ok"))
    with pytest.warns(PluginWarning, match="'broken' of lepton-broken 1.2 is left out"):
        assert get_strategy("twist").name == "twist"
    with pytest.raises(UsageError, match=r"'broken' of lepton-broken 1\.2 cannot be used") as caught:
        get_strategy("broken")
    assert "twister" in caught.value.why
    assert [(one.name, bool(one.problem)) for one in CATALOGUE.outside()] == [("twist", False), ("broken", True)]


def test_two_packages_with_one_name_are_an_error_that_says_which(monkeypatch):
    other = type("Other", (Twist,), {})
    announce(monkeypatch, ("twist", Twist, "one"), ("twist", other, "two"))
    with pytest.raises(UsageError, match="two strategy plug-ins") as caught:
        get_strategy("probe")
    assert "one 1.2" in caught.value.why
    assert "two 1.2" in caught.value.why
    assert "pip uninstall two" in caught.value.fix


def test_catalogues_that_share_a_group_take_what_derives_from_their_base(monkeypatch):
    from lepton.transfer import guard

    mine = type("Mine", (type(guard.checks()[0]),), {"name": "mine"})
    announce(monkeypatch, ("mine", mine, "pkg"))
    for catalogue in (guard.CHECKS, guard.VALIDATORS):
        monkeypatch.setattr(catalogue, "_known", None)
    assert [one.name for one in guard.CHECKS.outside()] == ["mine"]
    assert guard.VALIDATORS.outside() == []


def test_an_own_catalogue_lists_what_its_package_holds():
    mine = Catalogue("strategy", "lepton.transfer", Strategy, "lepton.nothing", "")
    plugins._CATALOGUES.remove(mine)
    assert set(default_strategies()) < set(mine.known())
    assert "lepton.transfer" in sys.modules
