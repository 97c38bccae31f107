"""What a person is in a company."""

from __future__ import annotations

from funnelkit import Engine


def test_a_role_is_kept_edited_and_told() -> None:
    """It is a field like any other, and stands beside the name in the company's profile."""
    engine = Engine()
    acme = engine.create_company("Acme")
    ada = engine.create_contact("Ada Lovelace", company=acme, role="buyer")
    assert engine.get(ada.id) == ada
    ada = engine.edit(ada, role="head of purchasing")
    assert ada.role == "head of purchasing"
    assert "Ada Lovelace (head of purchasing)" in str(engine.client(acme))
