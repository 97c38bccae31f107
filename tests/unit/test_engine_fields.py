"""What is put into fields comes out of them: text of every script, custom values, nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from funnelkit import Engine, FrozenMapping, money
from funnelkit.errors import InputError
from funnelkit.testing.samples import TEXTS


@pytest.mark.parametrize("text", [text for text in TEXTS if text.strip() and len(text) <= 500])
def test_text_of_every_script_is_kept(engine: Engine, text: str) -> None:
    """Emoji, Cyrillic, quotes and SQL come back as they went in, in every field of text."""
    deal = engine.create(
        text, pipeline="care", owner=text, source=text, campaign=text, custom={"a": [text, {"b": text}]}
    )
    deal = engine.lose(deal, reason=text, note=text, actor=text)
    engine.log(deal, text, text)
    read = engine.get(deal.id)
    assert read == deal
    assert (read.name, read.owner, engine.activities(deal)[0].text) == (text, text, text)
    assert [record.id for record in engine.find("deal", owner=text)] == [deal.id]
    assert engine.history(deal)[-1].reason == text


def test_the_longest_name_is_kept(engine: Engine) -> None:
    """Five hundred characters are a name, of any script; one more is none."""
    assert engine.create("🚀" * 500, pipeline="care").name == "🚀" * 500
    with pytest.raises(InputError, match="501 characters"):
        engine.create("🚀" * 501, pipeline="care")


def test_custom_values_are_frozen(engine: Engine) -> None:
    """What the caller does to his mapping afterwards does not reach the record."""
    mine: dict[str, Any] = {"sizes": [1, 2], "terms": {"payment": "card"}}
    deal = engine.create("Acme", pipeline="care", custom=mine)
    mine["sizes"].append(3)
    mine["terms"]["payment"] = "cash"
    assert engine.get(deal.id).custom == {"sizes": (1, 2), "terms": {"payment": "card"}}
    assert isinstance(deal.custom["terms"], FrozenMapping)


def test_custom_values_are_merged_and_removed(engine: Engine) -> None:
    """An edit keeps what it does not name; None removes; the change tells the dotted paths."""
    deal = engine.create("Acme", pipeline="care", custom={"a": 1, "b": {"c": 2}})
    deal = engine.edit(deal, custom={"a": None, "b": {"d": 3}, "e": 4})
    assert deal.custom == {"b": {"d": 3}, "e": 4}
    assert set(engine.changes(deal)[-1].fields) == {"custom.a", "custom.b.c", "custom.b.d", "custom.e"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("before", "after"), [(True, 1), (0, False), ([True], [1]), ({"b": 1}, {"b": True})])
def test_true_is_no_one(engine: Engine, before: Any, after: Any) -> None:
    """An edit from true to 1 is an edit, at any depth, though Python calls the two equal."""
    deal = engine.edit(engine.create("Acme", pipeline="care", custom={"a": before}), custom={"a": after})
    assert deal.version == 2
    assert engine.get(deal.id).custom == {"a": after}
    assert deal.custom != {"a": before}
    assert engine.verify() == ()


def test_a_null_that_is_removed_is_told(engine: Engine) -> None:
    """Every version has its change, even where only a key without a value goes."""
    deal = engine.edit(engine.create("Acme", pipeline="care", custom={"a": None}), custom={"a": None})
    assert deal.custom == {}
    assert [change.version for change in engine.changes(deal)] == [1, 2]
    assert engine.verify() == ()


def test_an_edit_of_nothing_is_nothing(engine: Engine) -> None:
    """The same values again: no new version, no change."""
    deal = engine.create("Acme", pipeline="care", value=money(1, "EUR"))
    assert engine.edit(deal, name="Acme", value=money("1.00", "EUR")) == deal
    assert len(engine.changes(deal)) == 1
