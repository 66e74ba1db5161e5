"""The lineage's page in a real headless Chromium: it draws, answers mouse and keyboard, asks the network nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lepton.core.ledger import PROMOTED, RECALLED, REFUSED, REGISTERED, REJECTED, Action, Ledger
from lepton.core.ledger.rows import Cause
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.lineage.record import Lineage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import Answer

EVIL = "</script><script>window.broken=1</script><img src=x onerror='window.broken=1'>%script%"
PAIR = "mnist-to-usps"


@dataclass
class Seen:
    """A page that was opened, and what it did besides."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def node(self, name: str) -> Any:
        return self.page.locator(f'.node[data-id="{name}"]')

    def words(self) -> str:
        return str(self.page.locator("#details").inner_text())


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Seen]]:
    opened = []

    def open_page(path: Path, **options: Any) -> Seen:
        context = browser.new_context(**options)
        opened.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda said: seen.errors.append(said.text))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(path.as_uri())
        return seen

    yield open_page
    for context in opened:
        context.close()


def ref(version: int, pair: str = PAIR) -> ModelRef:
    return ModelRef(f"lepton-{pair}", str(version), f"{version:064}", "run")


class Story:
    """A workspace whose ledger is written by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "contracts").mkdir()
        (root / "lepton.yaml").write_text("name: digits\nkind: image\nsource: mnist\n")
        for domain in ("mnist", "usps"):
            (root / "contracts" / f"{domain}.yaml").write_text("")
        self.ledger = Ledger(f"sqlite:///{root / '.lepton' / 'ledger.db'}")

    def register(self, model: ModelRef, parent: ModelRef | None, cause: Cause | None = None) -> ModelRef:
        pair = model.name.removeprefix("lepton-")
        domain = pair.split("-to-")[-1]
        data = DataRef(domain, ("a", "b"), domain * 4, None, None, 1200, 90)
        made = Lineage("residual", {"train": data, "held_out": data}, 7, parent, cause=cause or Cause("manual"))
        self.ledger.append("user:ada", pair, REGISTERED, {"model": model.to_json(), "lineage": made.to_json()})
        return model

    def say(self, action: Action, model: ModelRef, why: str = "") -> None:
        payload = {"model": model.to_json(), "cause": {"kind": "manual", "why": why}, "evidence": {}, "why": why}
        self.ledger.append("user:ada", model.name.removeprefix("lepton-"), action, payload)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A base, an adapted model that served, one that a drift called for and that serves, and one that was rejected."""
    story = Story(tmp_path)
    base = story.register(ref(1, "mnist"), None)
    story.say(PROMOTED, base)
    first = story.register(ref(1), base)
    story.say(PROMOTED, first)
    scores = {"inputs": 0.4, "embedding": 2.31}
    drift = Cause("drift", reason=EVIL, observation={"window": "w7", "scores": scores})
    story.say(PROMOTED, story.register(ref(2), first, drift), why="looked right")
    story.say(REJECTED, story.register(ref(3), ref(2)), why=EVIL)
    return story


@pytest.fixture
def page(lepton: Callable[..., Answer], story: Story) -> Path:
    answer = lepton("lineage", "html", cwd=story.root)
    assert answer.code == 0, answer.text
    return story.root / "reports" / "lineage.html"


def test_source_base_adapted_models_data_and_drift_are_drawn_and_the_champions_marked(
    look: Callable[..., Seen], page: Path
) -> None:
    seen = look(page)
    drawn = {kind: seen.page.locator(f".node.{kind}").count() for kind in ("source", "version", "data", "cause")}
    assert drawn == {"source": 1, "version": 4, "data": 2, "cause": 1}
    champions = seen.page.locator(".node.champion").evaluate_all("nodes => nodes.map(node => node.dataset.id)")
    assert champions == ["lepton-mnist@1", f"lepton-{PAIR}@2"]
    assert seen.page.locator("#edges path").count() == 4 + 4 + 1  # descent, data of each version, drift
    assert seen.page.title() == "Lineage of digits"
    assert seen.page.locator("h1").inner_text() == "Lineage of digits"
    assert seen.errors == []


def test_a_click_shows_what_is_on_record_and_free_text_stays_text(look: Callable[..., Seen], page: Path) -> None:
    seen = look(page)
    seen.node(f"lepton-{PAIR}@3").click()
    assert "rejected by a person" in seen.words()
    assert EVIL in seen.words()
    seen.node(f"cause:lepton-{PAIR}@2").click()
    assert "embedding 2.31" in seen.words()
    assert EVIL in seen.words()
    assert seen.page.evaluate("window.broken") is None
    assert seen.page.locator("img").count() == 0
    lit = seen.page.locator(".node.lit").evaluate_all("nodes => nodes.map(node => node.dataset.id)")
    assert f"lepton-{PAIR}@1" not in lit  # nothing of the drift came of it, nor it of the drift
    assert {f"lepton-{PAIR}@2", f"lepton-{PAIR}@3"} < set(lit)
    assert seen.errors == []


def test_the_page_asks_for_nothing_but_itself_and_is_forbidden_to(look: Callable[..., Seen], page: Path) -> None:
    seen = look(page)
    seen.node("lepton-mnist@1").click()
    assert [url for url in seen.requests if not url.startswith("data:")] == [page.as_uri()]
    refused = seen.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'went out', () => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in line for line in seen.errors)


def test_it_can_be_read_with_the_keyboard_alone(look: Callable[..., Seen], page: Path) -> None:
    seen = look(page)
    focused = "document.activeElement.dataset.id"
    seen.node("lepton-mnist@1").focus()
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("ArrowRight")
    assert str(seen.page.evaluate(focused)).startswith((f"lepton-{PAIR}@", "data:"))
    seen.node(f"lepton-{PAIR}@1").focus()
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.evaluate(focused) == f"lepton-{PAIR}@2"
    seen.page.keyboard.press("Enter")
    assert "lepton-mnist-to-usps v2" in seen.words()
    assert seen.page.locator('.node[tabindex="0"]').count() == 1  # Tab leaves the graph at once
    seen.page.keyboard.press("Escape")
    assert "Choose a node" in seen.words()


def test_on_a_small_screen_the_chosen_node_stays_in_sight_above_what_is_said_of_it(
    lepton: Callable[..., Answer], look: Callable[..., Seen], story: Story
) -> None:
    for number in range(4, 20):
        story.say(PROMOTED, story.register(ref(1, f"mnist-to-site-{number}"), ref(1, "mnist")))
    lepton("lineage", "html", cwd=story.root)
    seen = look(story.root / "reports" / "lineage.html", viewport={"width": 500, "height": 800})
    for champion in ("lepton-mnist-to-site-19@1", "lepton-mnist@1", "lepton-mnist-to-site-9@1"):
        seen.node(champion).click()
        node, said = seen.node(champion).bounding_box(), seen.page.locator("#details").bounding_box()
        head = seen.page.locator(".head b").first.bounding_box()
        assert node["y"] + node["height"] <= said["y"]
        assert head["x"] + head["width"] <= node["x"]
        assert node["x"] + node["width"] <= 500


def test_five_hundred_versions_are_drawn_those_that_never_served_folded_until_asked_for(
    lepton: Callable[..., Answer], look: Callable[..., Seen], story: Story
) -> None:
    story.ledger.append("ada", "mnist", RECALLED, {"subject": {"kind": "model", "model": ref(2).to_json()}, "why": "x"})
    parent = ref(3)  # never served, as all that come of it but the last
    rows: list[ModelRef] = []
    for version in range(4, 500):
        parent = story.register(ref(version), parent)
        rows.append(parent)
    story.say(REFUSED, rows[-2])
    told = lepton("lineage", "html", "--out", "here/page.html", cwd=story.root)
    assert "500 versions" in told.out
    seen = look(story.root / "here" / "page.html", viewport={"width": 700, "height": 800}, color_scheme="dark")
    assert seen.page.locator(".node.version").count() == 3
    assert seen.page.locator(".head b small").last.inner_text() == "2 of 499 versions"
    seen.page.locator("#minor").check()
    assert seen.page.locator(".node.version").count() == 500
    assert seen.page.locator(".is-recalled").count() == 498
    places = seen.page.locator(".node").evaluate_all("nodes => nodes.map(node => node.style.left + node.style.top)")
    assert len(set(places)) == len(places)
    seen.page.locator("#minor").uncheck()
    seen.page.locator("#search").fill("v499")
    assert "lepton-mnist-to-usps v499" in seen.words()
    assert seen.errors == []


def test_nothing_to_draw_and_nowhere_to_write_are_said(lepton: Callable[..., Answer], story: Story) -> None:
    (story.root / "reports").write_text("in the way")
    assert "cannot be written" in lepton("lineage", "html", cwd=story.root).err
    dry = lepton("lineage", "html", "--dry-run", "--out", "page.html", cwd=story.root)
    assert (dry.code, (story.root / "page.html").exists()) == (0, False)
    (story.root / ".lepton" / "ledger.db").unlink()
    assert "nothing to draw" in lepton("lineage", "html", cwd=story.root).err
