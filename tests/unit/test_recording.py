"""What is written of a decision: records, rows, notices and field values, all by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from funnelkit import Actor, FrozenMapping, Money, Refusal, Verdict, changes
from funnelkit.gate.request import Decision, Request
from funnelkit.records import Lead
from funnelkit.storage.base import Answer, Attribute, Commit, Write
from funnelkit.testing.samples import AT, a_change, a_company, a_contact, a_deal, a_lead, a_move, an_activity
from funnelkit.verbs.recording import amendment, as_json, birth, flat, merged, placement, recorded, together

LATER = AT + timedelta(hours=1)
EDIT = Request(verb="edit", actor=Actor("kim"), at=LATER, reason="so")


def yes(record: Any, move: Any = None, *overruled: str) -> Decision:
    """Return a yes of the gate."""
    refusals = tuple(Refusal(code, "no") for code in overruled)
    return Decision(verdict=Verdict("x"), record=record, move=move, overruled=refusals)


DEAL_NOTICES = {
    "create": changes.DealCreated,
    "forward": changes.DealMoved,
    "skip": changes.DealMoved,
    "back": changes.DealMoved,
    "won": changes.DealWon,
    "lost": changes.DealLost,
    "void": changes.DealVoided,
    "reopen": changes.DealReopened,
    "transfer": changes.DealTransferred,
}
LEAD_NOTICES = {
    "create": changes.LeadCaptured,
    "forward": changes.LeadMoved,
    "skip": changes.LeadMoved,
    "back": changes.LeadMoved,
    "won": changes.LeadConverted,
    "lost": changes.LeadDisqualified,
    "void": changes.LeadVoided,
    "reopen": changes.LeadReopened,
    "transfer": changes.LeadTransferred,
}


@pytest.mark.parametrize(
    ("record", "word", "notice"),
    [(a_deal(version=4), word, notice) for word, notice in DEAL_NOTICES.items()]
    + [(a_lead(version=4), word, notice) for word, notice in LEAD_NOTICES.items()],
)
def test_every_move_has_its_notice(record: Any, word: str, notice: Any) -> None:
    """By the kind of record and what happened; it tells when, who, from where, where to and why."""
    outcome = word in {"won", "lost", "void"}
    move = a_move(
        record.id, 3, at=LATER, actor="kim", source="new", reason="so",
        target=word if outcome else "offer", direction="close" if outcome else word,
    )  # fmt: skip
    told = notice(
        record=record.id, version=4, at=LATER, actor="kim", source="new", target=move.target, reason="so"
    )
    expected = Commit(writes=(Write(record, 3),), moves=(move,), changes=(told,))
    before = attrs.evolve(record, version=3)
    assert placement(yes(record, move), 3) == expected
    assert recorded(before, yes(record, move), EDIT) == expected
    assert together([(before, yes(record, move), EDIT)]) == expected


NEW = a_deal(custom=FrozenMapping({"terms": {"days": 5}, "Город": "Тверь"}))
FIELDS = (
    Attribute(record="d1", field="custom.terms.days", value="5", since=AT),
    Attribute(record="d1", field="custom.Город", value='"Тверь"', since=AT),
)


def test_a_new_record_writes_its_custom_fields() -> None:
    """It replaces no version; each leaf of the custom fields holds from its creation on."""
    told = changes.DealCreated(record="d1", version=1, at=AT, actor="sam", source="", target="new", reason="")
    move = a_move(actor="sam")
    expected = Commit(writes=(Write(NEW, 0),), moves=(move,), changes=(told,), attributes=FIELDS)
    assert recorded(None, yes(NEW, move), EDIT) == expected
    assert placement(yes(NEW, move), 0) == expected
    assert together([(None, yes(NEW, move), EDIT)]) == expected


def test_a_move_writes_no_custom_fields() -> None:
    """They hold already."""
    after = attrs.evolve(NEW, version=2)
    move = a_move(seq=2, direction="forward", source="new", target="offer")
    assert placement(yes(after, move), 1).attributes == ()
    assert together([(NEW, yes(after, move), EDIT)]).attributes == ()


def test_what_changes_nothing_writes_nothing() -> None:
    """The same record, no record, or nobody before: there is no commit."""
    assert recorded(NEW, yes(NEW), EDIT) is None
    assert recorded(NEW, yes(None), EDIT) is None
    assert recorded(None, yes(NEW), EDIT) is None
    assert together([(NEW, yes(NEW), EDIT)]) == Commit()


def edited(**told: Any) -> changes.RecordEdited:
    """Return the notice of Kim's edit of the deal."""
    return changes.RecordEdited(
        **{"record": "d1", "version": 2, "at": LATER, "actor": "kim", "reason": "so", "overruled": "", **told}
    )


def assigned(**told: Any) -> changes.RecordAssigned:
    """Return the notice of Kim's hand-over of the deal."""
    return changes.RecordAssigned(
        **{"record": "d1", "version": 2, "at": LATER, "actor": "kim", "reason": "so", "overruled": "", **told}
    )


def held(field: str, value: str, amount: int = 0) -> Attribute:
    """Return a field value of the deal from Kim's edit on."""
    return Attribute(record="d1", field=field, value=value, amount=amount, since=LATER)


@pytest.mark.parametrize(
    ("new", "told", "attributes"),
    [
        ({"name": "New"}, (edited(fields=("name",)),), ()),
        ({"owner": "sam"}, (assigned(source="", target="sam"),), (held("owner", "sam"),)),
        (
            {"owner": "sam", "name": "New"},
            (assigned(source="", target="sam"), edited(fields=("name",))),
            (held("owner", "sam"),),
        ),
        ({"value": Money(5, "EUR")}, (edited(fields=("value",)),), (held("value", "EUR", 5),)),
        ({"value": Money(0, "EUR")}, (edited(fields=("value",)),), (held("value", "EUR"),)),
        (
            {"custom": FrozenMapping({"terms": {"days": 5, "by": "card"}})},
            (edited(fields=("custom.Город", "custom.terms.by")),),
            (held("custom.Город", "null"), held("custom.terms.by", '"card"')),
        ),
        ({"custom": NEW.custom}, (edited(fields=()),), ()),
        (
            {"custom": FrozenMapping({})},
            (edited(fields=("custom.terms.days", "custom.Город")),),
            (held("custom.terms.days", "null"), held("custom.Город", "null")),
        ),
    ],
)
def test_an_edit_tells_and_keeps_what_is_new(
    new: dict[str, Any], told: tuple[Any, ...], attributes: tuple[Attribute, ...]
) -> None:
    """A hand-over is told first, then the names of the fields; owner, value and custom fields are kept."""
    after = attrs.evolve(NEW, version=2, updated_at=LATER, **new)
    commit = recorded(NEW, yes(after), EDIT)
    assert commit is not None
    assert commit.writes == (Write(after, 1),)
    assert commit.changes == told
    assert sorted(commit.attributes, key=str) == sorted(attributes, key=str)
    assert (commit.moves, commit.activities, commit.answers) == ((), (), ())
    assert together([(NEW, yes(after), EDIT)]) == commit


def test_a_value_that_is_taken_away_is_kept_as_none() -> None:
    """No currency, no amount."""
    before = attrs.evolve(NEW, value=Money(5, "EUR"))
    commit = recorded(before, yes(attrs.evolve(NEW, version=2, updated_at=LATER)), EDIT)
    assert commit is not None
    assert commit.attributes == (held("value", ""),)


def test_an_edit_by_force_names_what_it_passed_over() -> None:
    """The codes, by commas."""
    after = attrs.evolve(NEW, version=2, updated_at=LATER, name="New")
    commit = recorded(NEW, yes(after, None, "one", "two"), EDIT)
    assert commit is not None
    assert commit.changes == (edited(fields=("name",), overruled="one,two"),)


def test_many_acts_are_one_commit_in_their_order() -> None:
    """Moves, edits and creations, one behind the other; what changes nothing leaves no trace."""
    moved = attrs.evolve(NEW, version=2)
    move = a_move(seq=2, direction="forward", source="new", target="offer")
    renamed = attrs.evolve(NEW, version=2, updated_at=LATER, name="New", owner="sam")
    born = attrs.evolve(NEW, id="d2", custom=FrozenMapping({"a": 1}))
    row = a_move("d2")
    acts: list[Any] = [
        (NEW, yes(moved, move), EDIT),
        (NEW, yes(NEW), EDIT),
        (NEW, yes(renamed), EDIT),
        (None, yes(born, row), EDIT),
    ]
    commit = together(acts)
    assert commit.writes == (Write(moved, 1), Write(renamed, 1), Write(born, 0))
    assert commit.moves == (move, row)
    assert [type(change).__name__ for change in commit.changes] == [
        "DealMoved", "RecordAssigned", "RecordEdited", "DealCreated",
    ]  # fmt: skip
    assert commit.attributes == (
        held("owner", "sam"), Attribute(record="d2", field="custom.a", value="1", since=AT)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("party", "notice"),
    [(a_contact(), changes.ContactCreated), (a_company(), changes.CompanyCreated)],
)
def test_a_birth_is_told(party: Any, notice: Any) -> None:
    """A new contact or company, with its name and its custom fields."""
    born = attrs.evolve(party, custom=FrozenMapping({"vip": True}))
    told = notice(record=party.id, version=1, at=AT, actor="kim", name=party.name)
    kept = Attribute(record=party.id, field="custom.vip", value="true", since=AT)
    assert birth(born, "kim") == Commit(writes=(Write(born, 0),), changes=(told,), attributes=(kept,))


def test_an_edit_of_a_party_has_no_value() -> None:
    """A contact has none to keep."""
    before = a_contact(email="a@b.c")
    after = attrs.evolve(before, version=2, updated_at=LATER, email="x@b.c", phone="1")
    commit = amendment(before, after, actor="kim", reason="so", overruled="")
    told = edited(record="c1", fields=("email", "phone"))
    assert commit == Commit(writes=(Write(after, 1),), changes=(told,))


def test_an_edit_of_a_lead_keeps_its_value() -> None:
    """As of a deal."""
    before: Lead = a_lead()
    after = attrs.evolve(before, version=2, updated_at=LATER, value=Money(7, "USD"))
    commit = amendment(before, after, actor="kim", reason="so", overruled="")
    assert commit.attributes == (Attribute(record="l1", field="value", value="USD", amount=7, since=LATER),)


WHOLE = Commit(
    writes=(Write(NEW, 0),),
    moves=(a_move(),),
    activities=(an_activity(),),
    attributes=FIELDS,
    changes=(a_change(),),
    answers=(Answer(key="k", request="r", records=(NEW,)),),
)


def test_merging_keeps_every_part_in_order() -> None:
    """Records, moves, activities, field values, notices and answers of the first, then of the second."""
    second = attrs.evolve(WHOLE, moves=(a_move(seq=2),), answers=(Answer(key="l", request="", records=()),))
    both = merged([WHOLE, second])
    for part in ("writes", "moves", "activities", "attributes", "changes", "answers"):
        assert getattr(both, part) == getattr(WHOLE, part) + getattr(second, part)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Тверь", '"Тверь"'),
        ([1, "a"], '[1,"a"]'),
        (True, "true"),
        (1, "1"),
        (None, "null"),
        (FrozenMapping({}), "{}"),
        ([FrozenMapping({"a": 1, "b": 2})], '[{"a":1,"b":2}]'),
    ],
)
def test_custom_values_as_json(value: Any, text: str) -> None:
    """Without spaces, letters as they are."""
    assert as_json(value) == text


def test_nested_values_by_their_paths() -> None:
    """An empty mapping is a leaf of its own."""
    nested = {"e": [1], "a": {"d": {}, "b": {"c": 1}}}
    assert flat(nested) == {"custom.a.b.c": 1, "custom.a.d": {}, "custom.e": [1]}
    assert flat(nested, "x") == {"x.a.b.c": 1, "x.a.d": {}, "x.e": [1]}
