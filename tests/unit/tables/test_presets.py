"""Presets: the header that a system exports is a header that its preset reads."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import pytest

from funnelkit.money import money
from funnelkit.records import OUTCOMES
from funnelkit.tables.drafts import RowDraft
from funnelkit.tables.files import read_table
from funnelkit.tables.mapping import TableMapping
from funnelkit.tables.presets import amocrm, bitrix24, hubspot, pipedrive, salesforce, simple, zoho

SYSTEMS = (amocrm, bitrix24, hubspot, pipedrive, salesforce, simple, zoho)
FACTORIES = [(system, name) for system in SYSTEMS for name in system.__all__]


def drafts(mapping: TableMapping, text: str, encoding: str = "utf-8") -> list[RowDraft]:
    """Read a table with a preset; every row has to be usable, and every column known."""
    table = read_table(io.BytesIO(text.encode(encoding)))
    reader = mapping.bound(table)
    assert reader.unknown == ()
    read = [reader.read(row) for row in table]
    assert [str(reason) for draft in read for reason in draft.reasons] == []
    return read


def test_every_system_has_its_kinds() -> None:
    """All but amoCRM, which has no leads of their own, export four kinds."""
    kinds = {"companies", "contacts", "deals", "leads"}
    assert [set(system.__all__) for system in SYSTEMS] == [kinds - {"leads"}, *[kinds] * 6]


@pytest.mark.parametrize(("system", "name"), FACTORIES)
def test_a_preset_names_its_kind_and_takes_the_options_of_a_mapping(system: ModuleType, name: str) -> None:
    """Every preset has a key, a required name and the options that were given."""
    factory: Callable[..., TableMapping] = getattr(system, name)
    mapping = factory(currency="EUR", zone="UTC", decimal=",", order="dmy", keep="custom")
    assert mapping.kind == {"companies": "company"}.get(name, name.removesuffix("s"))
    assert mapping.key is not None
    assert mapping.fields["name"].required
    assert (mapping.currency, mapping.zone, mapping.decimal, mapping.order, mapping.keep) == (
        "EUR", UTC, ",", "dmy", "custom",
    )  # fmt: skip


@pytest.mark.parametrize(("system", "name"), [(s, n) for s, n in FACTORIES if n in {"deals", "leads"}])
def test_what_a_preset_knows_of_places_are_outcomes(system: ModuleType, name: str) -> None:
    """Stages are a company's own: without ``places`` only outcomes are known."""
    mapping: TableMapping = getattr(system, name)()
    if "place" in mapping.fields:
        assert set(mapping.fields["place"].values.values()) <= set(OUTCOMES)


def fields(draft: RowDraft) -> dict[str, Any]:
    """Return the fields of a draft with its key."""
    return {"key": draft.key, **draft.fields}


def test_deals_of_bitrix24_in_russian() -> None:
    """Semicolons, days with points, a decimal point without groups."""
    (draft,) = drafts(
        bitrix24.deals(places={"Новая": "new"}, zone="UTC"),
        "ID;Название сделки;Стадия сделки;Сумма;Валюта;Ответственный;Дата создания;"
        "Предполагаемая дата закрытия;"
        "Источник\n17;Кухня;Новая;1234.50;RUB;Иван Петров;01.02.2026 10:30:00;01.03.2026;Сайт\n",
        "utf-8-sig",
    )
    assert fields(draft) == {
        "key": "17",
        "name": "Кухня",
        "stage": "new",
        "value": money("1234.50", "RUB"),
        "owner": "Иван Петров",
        "created_at": datetime(2026, 2, 1, 10, 30, tzinfo=UTC),
        "expected_close": date(2026, 3, 1),
        "source": "Сайт",
    }


def test_deals_of_bitrix24_over_rest() -> None:
    """The field names of the REST interface are columns as well."""
    (draft,) = drafts(
        bitrix24.deals(),
        "ID,TITLE,STAGE_ID,OPPORTUNITY,CURRENCY_ID,ASSIGNED_BY_ID,DATE_CREATE,CLOSEDATE,"
        "COMPANY_ID,CONTACT_ID,LEAD_ID\n"
        "17,Kitchen,WON,900.00,EUR,5,2026-02-01T10:30:00+03:00,2026-03-01T00:00:00+03:00,3,4,\n",
    )
    assert fields(draft)["outcome"] == "won"
    assert (fields(draft)["company"], fields(draft)["contact"]) == ("3", "4")
    assert fields(draft)["expected_close"] == date(2026, 3, 1)


def test_deals_of_amocrm() -> None:
    """A budget with spaces in cp1251, and a client who is known by name."""
    (draft,) = drafts(
        amocrm.deals(currency="RUB", zone="UTC"),
        "ID;Название сделки;Бюджет руб.;Ответственный;Дата создания;Дата закрытия;"
        "Этап сделки;Основной контакт\n"
        "101;Кухня;350 000;Анна;01.09.2025 10:15:00;20.09.2025 18:00:00;Успешно реализовано;Ада\n",
        "cp1251",
    )
    assert fields(draft) == {
        "key": "101",
        "name": "Кухня",
        "outcome": "won",
        "value": money(350_000, "RUB"),
        "owner": "Анна",
        "created_at": datetime(2025, 9, 1, 10, 15, tzinfo=UTC),
        "closed_at": datetime(2025, 9, 20, 18, tzinfo=UTC),
        "custom": {"contact_name": "Ада"},
    }


def test_contacts_of_amocrm_with_two_phones() -> None:
    """The first phone is taken; the second is noted, not lost."""
    (draft,) = drafts(
        amocrm.contacts(),
        "ID;Полное имя (контакт);Рабочий телефон (контакт);Мобильный телефон (контакт)\n5;Ада;+7 1;+7 2\n",
    )
    assert draft.fields["phone"] == "+7 1"
    assert "+7 2" in draft.notes[0]


def test_deals_of_hubspot() -> None:
    """The probability is a share; the stages that close are known."""
    (draft,) = drafts(
        hubspot.deals(currency="USD", zone="UTC"),
        "Record ID,Deal Name,Deal Stage,Amount,Close Date,Create Date,Deal owner,"
        "Deal probability,Closed Lost Reason,"
        "Associated Contact IDs\n"
        "9001,Acme,Closed Lost,1200.5,2026-03-01 12:00,2026-02-01 10:30,Ann,0.0,Price,77\n",
    )
    assert fields(draft) == {
        "key": "9001",
        "name": "Acme",
        "outcome": "lost",
        "value": money("1200.50", "USD"),
        "probability": 0,
        "owner": "Ann",
        "created_at": datetime(2026, 2, 1, 10, 30, tzinfo=UTC),
        "expected_close": date(2026, 3, 1),
        "reason": "Price",
        "contact": "77",
    }


def test_deals_of_pipedrive() -> None:
    """The status is a column of its own; an open deal has no outcome."""
    found = drafts(
        pipedrive.deals(places={"Qualified": "new"}, zone="UTC"),
        "Deal - ID,Deal - Title,Deal - Value,Deal - Currency of Value,Deal - Stage,"
        "Deal - Status,Deal - Owner,"
        "Deal - Deal created,Deal - Won time,Deal - Lost time,Deal - Lost reason,Deal - Organization\n"
        "1,A,100,EUR,Qualified,Open,Ann,2026-02-01 10:30:00,,,,Acme\n"
        "2,B,200,EUR,Qualified,Lost,Ann,2026-02-01 10:30:00,,2026-02-03 10:30:00,Price,Acme\n",
    )
    assert "outcome" not in found[0].fields
    assert fields(found[1]) == {
        "key": "2",
        "name": "B",
        "stage": "new",
        "outcome": "lost",
        "value": money(200, "EUR"),
        "owner": "Ann",
        "created_at": datetime(2026, 2, 1, 10, 30, tzinfo=UTC),
        "closed_at": datetime(2026, 2, 3, 10, 30, tzinfo=UTC),
        "reason": "Price",
        "custom": {"company_name": "Acme"},
    }


def test_opportunities_of_salesforce() -> None:
    """A report has labels, the data export the names of fields; both are read alike."""
    report = drafts(
        salesforce.deals(currency="USD", order="mdy", zone="UTC"),
        "Opportunity ID,Opportunity Name,Stage,Amount,Close Date,Created Date,"
        "Opportunity Owner,Probability (%)\n"
        '006A,Acme,Closed Won,"1,234.50",3/1/2026,2/1/2026,Ann,100\n',
    )
    export = drafts(
        salesforce.deals(currency="USD", zone="UTC"),
        "Id,Name,StageName,Amount,CloseDate,CreatedDate,OwnerId,Probability\n"
        "006A,Acme,Closed Won,1234.50,2026-03-01,2026-02-01T00:00:00.000Z,Ann,100.0\n",
    )
    assert report == export
    assert fields(report[0]) == {
        "key": "006A",
        "name": "Acme",
        "outcome": "won",
        "value": money("1234.50", "USD"),
        "probability": 1.0,
        "owner": "Ann",
        "created_at": datetime(2026, 2, 1, tzinfo=UTC),
        "expected_close": date(2026, 3, 1),
    }


def test_leads_of_zoho() -> None:
    """Names of two columns, and a junk lead that is void."""
    (draft,) = drafts(
        zoho.leads(zone="UTC"),
        "Record Id,First Name,Last Name,Company,Lead Status,Lead Owner,Email,Phone,Mobile,"
        "Lead Source,Created Time\n"
        "zcrm_3152079000000153079,Ada,Lovelace,Acme,Junk Lead,Ann,ada@example.org,,+44 20,Web,"
        "2026-02-01 10:30:00\n",
    )
    assert fields(draft) == {
        "key": "zcrm_3152079000000153079",
        "name": "Ada Lovelace",
        "outcome": "void",
        "owner": "Ann",
        "created_at": datetime(2026, 2, 1, 10, 30, tzinfo=UTC),
        "source": "Web",
        "company_name": "Acme",
        "email": "ada@example.org",
        "phone": "+44 20",
    }


def test_a_simple_table_in_russian() -> None:
    """Plain names are found in both languages."""
    (draft,) = drafts(
        simple.deals(places={"в работе": "work"}, currency="RUB"),
        "Код;Название;Сумма;Этап\n1;Кухня;1 234,50 ₽;В работе\n",
    )
    assert fields(draft) == {"key": "1", "name": "Кухня", "value": money("1234.50", "RUB"), "stage": "work"}
