"""No inquiry without a card, and no card twice: whatever fails, and whatever people write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import funnelkit
from funnelkit import Deal, Engine, FrozenClock, Lead, MemoryStore, Pipeline, Stage, templates
from funnelkit.errors import StoreUnavailableError
from funnelkit.intake.source import Source
from funnelkit.storage.base import Commit
from funnelkit.storage.sqlite import SQLiteStore

SALES = Pipeline("sales", [Stage("new")])
SOURCES = [
    Source(id="site", channel="form", owner="ann"),
    Source(id="phone", channel="phone"),
    Source(id="each", same_within="0d"),
    Source(id="chat", pipeline="sales"),
]


class Died(BaseException):
    """The process is gone: nobody hears an answer, and nobody handles an error."""


class Failing(MemoryStore):
    """A store whose next commits go as they are told to.

    ``"ok"``, ``"refused"`` (nothing is written, an error is raised), ``"unheard"`` (it is written, and
    the answer is lost on the way), ``"dead before"`` and ``"dead after"`` (the process dies).
    """

    def __init__(self, fates: list[str]) -> None:
        super().__init__()
        self.fates = list(fates)

    def commit(self, commit: Commit) -> None:
        """Let the next fate happen."""
        fate = self.fates.pop(0) if self.fates else "ok"
        if fate == "dead before":
            raise Died
        if fate == "refused":
            raise StoreUnavailableError("memory", "gone")
        super().commit(commit)
        if fate == "dead after":
            raise Died
        if fate == "unheard":
            raise StoreUnavailableError("memory", "gone")


def an_engine(store: Any) -> Engine:
    """Return a new engine over a store, as after a restart."""
    clock = FrozenClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    return Engine(SALES, templates.lead_intake(), store=store, sources=SOURCES, clock=clock)


def sent(engine: Engine, message: dict[str, Any]) -> Lead | Deal:
    """Take in one message."""
    verb = engine.create if message["source"] == "chat" else engine.capture
    return verb(**message)


def sent_until_heard(store: Any, message: dict[str, Any]) -> Lead | Deal:
    """Send a message, again and again under its key, until somebody answers."""
    while True:
        try:
            return sent(an_engine(store), message)
        except (StoreUnavailableError, Died):
            continue


STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
HOSTILE = STORABLE | st.sampled_from(
    ["'; DROP TABLE lead; --", "%_\\", "\u202eevil", "a@b", "@", "+", "😀" * 9, "ı İ ß", "email:x", " " * 9]
)
SOME_EMAIL = st.sampled_from(["", "ada@gmail.com", "ADA@gmail.com", "bob@acme.example"]) | HOSTILE
SOME_PHONE = st.sampled_from(["", "+44 20 7946 0000", "+442079460000", "000"]) | HOSTILE
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "name": HOSTILE.filter(str.strip),
            "source": st.sampled_from([source.id for source in SOURCES]),
            "email": SOME_EMAIL,
            "phone": SOME_PHONE,
            "company_name": HOSTILE,
            "consent": HOSTILE | st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)
FATES = st.lists(st.sampled_from(["ok", "refused", "unheard", "dead before", "dead after"]), max_size=20)


@given(messages=MESSAGES, fates=FATES, again=st.lists(st.integers(0, 7), max_size=4))
def test_every_inquiry_is_on_a_card_exactly_once(
    messages: list[dict[str, Any]], fates: list[str], again: list[int]
) -> None:
    """Repeated under its key until it is heard, each message has one card, and is on it once."""
    store = Failing(fates)
    keyed = [{**message, "key": f"m{n}", "origin": f"m{n}"} for n, message in enumerate(messages)]
    answers = {message["key"]: sent_until_heard(store, message) for message in keyed}
    for number in again:
        message = keyed[number % len(keyed)]
        assert sent_until_heard(store, message) == answers[message["key"]]
    engine = an_engine(store)
    cards = [*engine.find("lead", limit=1000), *engine.find("deal", limit=1000)]
    assert {card.id for card in cards} == {answer.id for answer in answers.values()}
    on = [(each.custom["origin"], card.id) for card in cards for each in engine.activities(card)]
    assert Counter(on) == Counter((key, answer.id) for key, answer in answers.items())


@given(messages=MESSAGES, fates=FATES)
def test_what_was_said_is_kept_word_for_word(messages: list[dict[str, Any]], fates: list[str]) -> None:
    """Name, address, number and consent of every message can be read, however it was written."""
    store = Failing(fates)
    for number, message in enumerate(messages):
        card = sent_until_heard(store, {**message, "key": f"m{number}", "origin": f"m{number}"})
        (kept,) = [
            each.custom for each in an_engine(store).activities(card) if each.custom["origin"] == f"m{number}"
        ]
        said = {name: kept.get(name, "") for name in ("name", "email", "phone", "company_name")}
        assert said == {name: message[name] for name in said}
        assert kept.get("consent", message["consent"]) == message["consent"]


@given(messages=MESSAGES, fates=FATES)
def test_no_client_is_made_for_a_card_that_is_not_there(
    messages: list[dict[str, Any]], fates: list[str]
) -> None:
    """A contact and a company come in the commit of their deal: none of them stands alone."""
    store = Failing(fates)
    for number, message in enumerate(messages):
        sent_until_heard(store, {**message, "source": "chat", "key": f"m{number}"})
    lone = "SELECT COUNT(*) FROM {kind} WHERE NOT EXISTS (SELECT 1 FROM deal WHERE deal.{kind} = {kind}.id)"
    assert store.query(lone.format(kind="contact"), {}) == [(0,)]
    assert store.query(lone.format(kind="company"), {}) == [(0,)]


class Killed(SQLiteStore):
    """A file whose user is killed before or after its commit of some number."""

    def __init__(self, path: str, at: int, when: str) -> None:
        super().__init__(path)
        self.left, self.when = at, when

    def commit(self, commit: Commit) -> None:
        """Count down to the end."""
        self.left -= 1
        if self.left == 0 and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit(commit)
        if self.left == 0 and self.when == "after":
            os.kill(os.getpid(), signal.SIGKILL)


INBOX: list[dict[str, Any]] = [
    {"name": "Ada", "source": "site", "email": "ada@gmail.com"},
    {"name": "Ada", "source": "phone", "email": "ada@gmail.com"},
    {"name": "Bob", "source": "chat", "email": "bob@gmail.com"},
]


def take_in(path: str, at: int, when: str) -> None:
    """Take in all messages, as a process that starts anew does."""
    with Killed(path, at, when) as store:
        for number, message in enumerate(INBOX):
            sent(an_engine(store), {**message, "key": f"m{number}", "origin": f"m{number}"})


@pytest.mark.parametrize(("when", "ends"), [("before", [-9, -9, -9, 0]), ("after", [-9, -9, 0, 0])])
def test_a_process_killed_around_a_commit_loses_and_doubles_nothing(
    when: str, ends: list[int], tmp_path: Path
) -> None:
    """Killed at one commit after the other and started again: two cards with three inquiries."""
    path = str(tmp_path / "crm.db")
    here = Path(__file__).parents[3]
    paths = os.pathsep.join((str(Path(funnelkit.__file__).parents[1]), str(here)))
    for at, end in zip((1, 1, 2, 3), ends, strict=True):
        code = f"from {__name__} import take_in; take_in({path!r}, {at}, {when!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, check=False
        )
        assert done.returncode == end
    take_in(path, 0, when)
    with SQLiteStore(path) as store:
        engine = an_engine(store)
        (lead,), (deal,) = engine.find("lead"), engine.find("deal")
        assert {each.custom["origin"] for each in engine.activities(lead)} == {"m0", "m1"}
        assert len(engine.activities(lead)) == 2
        assert [each.custom["origin"] for each in engine.activities(deal)] == ["m2"]
