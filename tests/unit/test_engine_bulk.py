"""Many at once: every record through the gate, all of it in one transaction."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Deal, Engine, Store, money
from funnelkit.errors import ConflictError, InputError, KeyReusedError, NotFoundError
from funnelkit.storage.base import Commit


@pytest.fixture
def deals(engine: Engine) -> list[Deal]:
    """Return three deals, the middle one without a value on the second stage."""
    made = [engine.create(name, pipeline="sales", value=money(1, "EUR")) for name in ("a", "b", "c")]
    made[1] = engine.edit(engine.advance(made[1]), value=None)
    return made


def test_a_bulk_does_what_it_may_and_lists_the_rest(engine: Engine, deals: list[Deal]) -> None:
    """X3: what the gate refuses is named with its verdict; the rest is done."""
    result = engine.bulk("advance", deals)
    assert [deal.stage for deal in result.done] == ["offer", "offer"]
    assert [id for id, _ in result.refused] == [deals[1].id]
    assert [refusal.code for refusal in result.refused[0][1].refusals] == ["missing_field", "missing_step"]


def test_a_bulk_is_one_commit(store: Store, engine: Engine, deals: list[Deal], monkeypatch: Any) -> None:
    """All that is done goes to the store in one call."""
    commits: list[Commit] = []
    commit = store.commit
    monkeypatch.setattr(store, "commit", lambda each: (commits.append(each), commit(each))[1])
    engine.bulk("advance", deals)
    assert [len(each.moves) for each in commits] == [2]


def test_a_bulk_gives_what_single_verbs_give(engine: Engine) -> None:
    """Rows, records and changes are those of one verb after another, but for the cause."""
    pair = [engine.create("same", pipeline="care", id=id) for id in ("x1", "x2")]
    engine.advance(pair[0], actor="sam", note="n")
    engine.bulk("advance", [pair[1]], actor="sam", note="n")
    single, many = (engine.history(id)[-1] for id in ("x1", "x2"))
    assert (single.cause, many.cause) == ("user", "bulk")
    assert [single.target, single.direction, single.note, single.since] == [
        many.target,
        many.direction,
        many.note,
        many.since,
    ]


@pytest.mark.parametrize(
    ("verb", "arguments", "field", "value"),
    [
        ("move", {"to": "bill"}, "stage", "bill"),
        ("win", {}, "outcome", "won"),
        ("lose", {"reason": "gone"}, "outcome", "lost"),
        ("void", {}, "outcome", "void"),
        ("transfer", {"to": "sales"}, "pipeline", "sales"),
        ("assign", {"owner": "kim"}, "owner", "kim"),
        ("edit", {"source": "fair"}, "source", "fair"),
    ],
)
def test_a_bulk_does_every_verb(
    engine: Engine, verb: str, arguments: dict[str, Any], field: str, value: str
) -> None:
    """Each verb of the list works on many."""
    ids = [engine.create("x", pipeline="care").id for _ in range(3)]
    result = engine.bulk(verb, ids, **arguments)
    assert [getattr(deal, field) for deal in result.done] == [value] * 3
    assert [engine.get(id) for id in ids] == list(result.done)
    assert engine.verify() == ()


def test_a_bulk_reopens(engine: Engine) -> None:
    """Closed records are opened again; open ones are refused."""
    won = engine.win(engine.create("x", pipeline="care"))
    still = engine.create("y", pipeline="care")
    result = engine.bulk("reopen", [won, still])
    assert ([deal.id for deal in result.done], [id for id, _ in result.refused]) == ([won.id], [still.id])


def test_one_stale_record_stops_the_bulk(engine: Engine, deals: list[Deal], unchanged: Any) -> None:
    """A version conflict of one: nothing of any is written."""
    engine.edit(deals[2].id, name="changed")
    with unchanged(ConflictError) as caught:
        engine.bulk("advance", deals)
    assert caught.value.id == deals[2].id


def test_one_absent_record_stops_the_bulk(engine: Engine, deals: list[Deal], unchanged: Any) -> None:
    """A record that is not there: nothing of any is written."""
    with unchanged(NotFoundError):
        engine.bulk("advance", [*deals, "nobody"])


def test_a_repeated_bulk_does_what_is_missing(engine: Engine, deals: list[Deal]) -> None:
    """Under a key the same call, with the same old records, answers the same and does nothing twice."""
    first = engine.bulk("advance", deals[::2], key="k")
    again = engine.bulk("advance", deals[::2], key="k")
    assert again == first
    engine.edit(deals[1].id, value=money(1, "EUR"))
    engine.log(deals[1].id, "call", step="call")
    more = engine.bulk("advance", [deals[0], deals[1].id, deals[2]], key="k")
    assert [deal.stage for deal in more.done] == ["offer", "contract", "offer"]


def test_a_key_of_a_bulk_is_for_one_request(engine: Engine, deals: list[Deal], unchanged: Any) -> None:
    """The key with other arguments is KeyReusedError."""
    ids = [deal.id for deal in deals]
    engine.bulk("edit", ids, source="fair", key="k")
    with unchanged(KeyReusedError):
        engine.bulk("edit", ids, source="mail", key="k")


@pytest.mark.parametrize(
    ("verb", "refs", "arguments", "error"),
    [
        ("create", ["d1"], {}, InputError),
        ("advanse", ["d1"], {}, InputError),
        ("advance", ["d1", "d1"], {}, InputError),
        ("advance", [5], {}, InputError),
        ("advance", ["c1"], {}, InputError),
        ("move", ["d1"], {}, InputError),
        ("move", ["d1"], {"to": 5}, InputError),
        ("move", ["d1"], {"to": "nowhere"}, InputError),
        ("transfer", ["d1"], {"to": "nowhere"}, InputError),
        ("assign", ["d1"], {}, InputError),
        ("edit", ["d1"], {"owner": "kim"}, InputError),
        ("edit", ["d1"], {"contact": "nobody"}, NotFoundError),
        ("advance", ["d1"], {"to": "visit"}, TypeError),
        ("edit", ["d1"], {"nmae": "x"}, TypeError),
    ],
)
def test_a_bulk_of_nonsense_changes_nothing(
    engine: Engine, unchanged: Any, verb: str, refs: list[Any], arguments: dict[str, Any], *, error: Any
) -> None:
    """Unknown verbs, records, stages and fields: an error before anything is written."""
    engine.create("x", pipeline="care", id="d1")
    engine.create_contact("Ann", id="c1")
    with unchanged(error):
        engine.bulk(verb, refs, **arguments)


@pytest.mark.parametrize("records", [None, 5, "deal_1"])
def test_a_bulk_is_of_a_list(engine: Engine, unchanged: Any, records: Any) -> None:
    """One id is no list of ids, though Python would go through its letters."""
    with unchanged(InputError) as caught:
        engine.bulk("advance", records)
    assert caught.value.argument == "records"


def test_a_bulk_holds_to_the_version_that_is_expected(
    engine: Engine, deals: list[Deal], unchanged: Any
) -> None:
    """``expect=`` goes before the version of a record that is given, as it does in every verb."""
    with unchanged(ConflictError):
        engine.bulk("lose", deals, reason="price", expect=7)


def test_a_bulk_of_nothing_is_nothing(engine: Engine) -> None:
    """No records, no commit."""
    assert engine.bulk("advance", []).done == ()


def test_a_bulk_prints_what_it_did(engine: Engine, deals: list[Deal]) -> None:
    """The result reads as a summary with the refusals below."""
    lines = str(engine.bulk("advance", deals)).splitlines()
    assert lines[0] == "2 done, 1 refused"
    assert deals[1].id in lines[1]


def test_a_bulk_may_be_larger_than_a_query(engine: Engine) -> None:
    """Twelve hundred records are read, moved and written at once."""
    ids = [engine.create("x", pipeline="care", id=f"d{number}").id for number in range(1_200)]
    assert len(engine.bulk("advance", ids).done) == 1_200
    assert engine.store.query("SELECT COUNT(*) FROM move WHERE cause = 'bulk'", {}) == [(1_200,)]
