"""Plug-ins: registered, announced by installed packages, broken ones, and two of one name."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

import lepton
from lepton.core import kinds, plugins
from lepton.core.errors import UsageError
from lepton.core.plugins import Catalogue, Origin, PluginWarning, register
from lepton.operations.plugins import used_by
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


def announced(*points):
    """Return entry points of classes, or of whatever else stands behind one, as installed packages have them."""

    def point(name, what, package):
        def load():
            if isinstance(what, Exception):
                raise what
            return what

        dist = SimpleNamespace(name=package, version="1.2")
        return SimpleNamespace(name=name, value=f"{package}:{name}", module=package, dist=dist, load=load)

    return tuple(point(*one) for one in points)


def announce(monkeypatch, *points):
    """Let installed packages announce them."""
    monkeypatch.setattr(plugins, "announced", lambda group: announced(*points))
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
    plugins._SOURCES.remove(mine)
    assert set(default_strategies()) < set(mine.known())
    assert "lepton.transfer" in sys.modules


SPECTRUM = lepton.InputKind(name="twisted", words="twists", inputs="tests.spectra:SpectrumInputs", columns=("series",))


@pytest.fixture
def own_kinds(monkeypatch):
    """Kinds as if nothing had been looked for or registered yet."""
    monkeypatch.setattr(kinds, "_KINDS", {kind.name: kind for kind in kinds._OWN})
    for name, empty in (("_origins", {}), ("_broken", []), ("_looked", False)):
        monkeypatch.setattr(kinds.KINDS, name, empty)
    return lambda *points: monkeypatch.setattr(kinds, "announced", lambda group: announced(*points))


def test_a_kind_is_registered_like_any_other_plug_in(own_kinds):
    assert lepton.register(SPECTRUM) is SPECTRUM
    lepton.register(SPECTRUM)
    assert kinds.kind_of("twisted") is SPECTRUM
    assert kinds.KINDS.origin("twisted") == Origin("tests.spectra")
    assert kinds.KINDS.origin("tabular") is None
    assert "twisted" in [one.name for source in plugins.sources() for one in source.outside()]
    with pytest.raises(UsageError, match="two kinds of rows of the name 'twisted'"):
        lepton.register(replace(SPECTRUM, words="others"))
    with pytest.raises(UsageError, match="two kinds of rows of the name 'image'"):
        lepton.register(replace(SPECTRUM, name="image"))


def test_a_kind_that_a_package_announces_is_looked_for_only_where_its_name_is_not_known(own_kinds):
    own_kinds(("twisted", SPECTRUM, "twister"), ("odd", Twist, "odd"), ("gone", ImportError("no twister"), "gone"))
    assert kinds.kind_of("tabular").words == "rows of a table"
    assert not kinds.KINDS._looked
    with pytest.warns(PluginWarning, match="is left out"):
        assert kinds.check_kind("twisted") == "twisted"
    assert kinds.KINDS.origin("twisted") == Origin("twister", "1.2")
    assert [(one.name, bool(one.problem)) for one in kinds.KINDS.outside()] == [
        ("twisted", False),
        ("odd", True),
        ("gone", True),
    ]
    with pytest.raises(UsageError, match=r"no kind of rows 'spun'") as caught:
        kinds.kind_of("spun")
    assert "lepton.register" in caught.value.why


def test_a_model_names_the_kind_of_rows_that_it_needs(own_kinds):
    lepton.register(SPECTRUM)
    assert [(one.word, one.name) for one in used_by("none", {"kind": "twisted"}, None)] == [("kind of rows", "twisted")]
    assert used_by("none", {"kind": "tabular"}, None) == []
