"""The ready pipelines."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from funnelkit.stages import Pipeline, templates

EVERY = [getattr(templates, name) for name in templates.__all__]


@pytest.mark.parametrize("template", EVERY)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_template_is_sound(template: Any, language: Literal["en", "ru"]) -> None:
    """No template has a problem, a warning included, and each survives a document."""
    made = template(language)
    assert made.check() == ()
    assert Pipeline.from_toml(made.to_toml()) == made


@pytest.mark.parametrize("template", EVERY)
def test_languages_share_their_ids(template: Any) -> None:
    """Only labels differ between English and Russian."""
    english, russian = template(), template("ru")
    assert english.stage_ids == russian.stage_ids
    assert all(" label" in line or line.startswith("label ") for line in english.diff(russian))
    assert english != russian


@pytest.mark.parametrize("template", EVERY)
def test_russian_labels_are_cyrillic(template: Any) -> None:
    """Every stage of a Russian template is labelled in Russian."""
    assert all(any("а" <= mark.lower() <= "я" for mark in stage.label) for stage in template("ru").stages)


def test_a_shop_order_is_won_only_from_paid() -> None:
    """The result needs all stages before it."""
    edges = templates.shop_order().table.edges
    assert [place for place, word in edges if word == "won"] == ["paid"]
    assert templates.shop_order().stage_ids == ("new", "confirmed", "processing", "sent", "paid")


def test_lead_intake_knows_two_causes_of_junk() -> None:
    """An inquiry is lost as off target or as erroneous."""
    made = templates.lead_intake()
    assert made.kind == "lead"
    assert made.stage_ids == ("register", "assess", "process")
    assert [reason.id for reason in made.close_reasons["lost"]] == ["off_target", "erroneous"]


def test_aida_has_its_four_letters() -> None:
    """Attention, interest, desire, action."""
    assert "".join(stage.id[0] for stage in templates.aida().stages) == "aida"


def test_a_short_sale_is_engage_order_deliver() -> None:
    """Three stages, in that order."""
    assert templates.short_b2c().stage_ids == ("engage", "order", "deliver")


def test_a_long_sale_has_seven_stages_up_to_the_shipment() -> None:
    """From the first inquiry over contract and payment to the shipment."""
    assert templates.long_b2b().stage_ids == (
        *("new", "qualification", "proposal", "presentation"),
        *("contract", "payment", "shipment"),
    )
