"""Четыре схемы работы: клиент и сделки, быстрая продажа, сделка без лида, клиент пришёл снова.

    python examples/four_schemes.py

A shop for office furniture works in four ways at once. Each conversion is planned, read, done in one
commit; one is taken back. Labels and data are Russian, as in the shop.
"""

from __future__ import annotations

from datetime import UTC, datetime

from funnelkit import Engine, FrozenClock, Lead, money
from funnelkit.clients import KeyPolicy, schemes
from funnelkit.clients.leadless import convert_open_leads
from funnelkit.clients.schemes import FieldMap, Scheme
from funnelkit.errors import RefusedError
from funnelkit.stages import templates

CLOCK = FrozenClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
CRM = Engine(
    templates.lead_intake("ru"),
    templates.long_b2b("ru"),
    templates.short_b2c("ru"),
    clock=CLOCK,
    keys=KeyPolicy(region="RU", identifiers={"inn": "custom.inn"}),
)
OFFICE = Scheme(
    id="office",
    deal="none",
    fields=FieldMap(
        {
            "company": {"custom.inn": ("custom.inn",)},
            "contact": {"phone": ("phone", "custom.phone2"), "custom.position": ("custom.position",)},
        }
    ),
)
"""The first scheme with fields of our own: the tax number to the company, a second phone if need be."""


def client_first() -> None:
    """(1) A legal entity: contact and company now, deals attached to them later."""
    lead = CRM.capture(
        "Анна Белова",
        company_name="ООО «Ромашка»",
        email="belova@romashka.example",
        source="выставка",
        custom={"inn": "7701234567", "phone2": "+7 495 123-45-67", "position": "закупки", "этаж": 3},
    )
    plan = CRM.plan_conversion(lead, scheme=OFFICE, actor="ирина")
    print("1. Лид → контакт и компания\n", plan, sep="\n")
    made = CRM.apply(plan)
    for name, sum_ in (("40 столов", 1_200_000), ("Переговорная", 350_000)):
        told = {"contact": made.contact or "", "company": made.company or ""}
        print("  сделка:", CRM.create(name, pipeline="long_b2b", value=money(sum_, "RUB"), **told))


def quick_sale() -> None:
    """(2) One chair, sold at once: the deal carries the names, there is no client to keep."""
    lead = CRM.capture("Пётр", company_name="ИП Сидоров", phone="+7 900 000-00-01", value=money(9_900, "RUB"))
    plan = CRM.plan_conversion(lead, scheme=schemes.QUICK_SALE, pipeline="short_b2c", actor="олег")
    print("\n2. Быстрая продажа\n", plan, sep="\n")
    CRM.win(CRM.apply(plan).deal or "")


def from_client() -> None:
    """(3) The client calls the manager: a deal without any lead."""
    company = CRM.find("company")[0]
    deal = CRM.create(
        "Шкафы", pipeline="long_b2b", company=company.id, value=money(80_000, "RUB"), actor="ирина"
    )
    print("\n3. Сделка без лида\n", f"  {deal}, клиент {company.name}, лид: {deal.lead or 'нет'}", sep="\n")


def comes_again() -> None:
    """(4) She bought; she writes again from her own address. And one who left without buying."""
    first = CRM.find("deal", pipeline="long_b2b", outcome="open")[0]
    CRM.win(first.id, override=True, actor="ирина", reason="оплачено заранее")
    sergei = CRM.create_contact("Сергей Котов", phone="+7 921 555-01-01")
    CRM.lose(CRM.create("Кресла", pipeline="short_b2c", contact=sergei), reason="price", actor="олег")
    CLOCK.tick("90d")

    print("\n4. Клиент пришёл снова")
    anna = CRM.capture("Анна", email="Belova@ROMASHKA.example", value=money(150_000, "RUB"))
    serg = CRM.capture("Сергей К.", phone="+7 (921) 555-01-01", value=money(12_000, "RUB"))
    for lead in (anna, serg):
        plan = CRM.plan_conversion(lead, scheme=schemes.COMES_AGAIN, pipeline="short_b2c", actor="олег")
        print(f"\n{plan}")
        deal = CRM.apply(plan).deal
        print(
            "  пометка:",
            {"deal": "повторная сделка", "inquiry": "повторное обращение"}[deal.repeat if deal else ""],
        )


def taken_back() -> None:
    """A conversion by mistake is taken back, as long as nobody works on what came of it."""
    print("\nОтмена")
    made = CRM.convert(CRM.capture("Проверка связи"), pipeline="short_b2c", actor="олег")
    deal = CRM.advance(made.deal or "", actor="олег")
    try:
        CRM.undo(made, actor="олег", reason="ошибка")
    except RefusedError as refused:
        print("  ", refused.verdict)
    other = CRM.convert(CRM.capture("Ещё одна проверка"), pipeline="short_b2c", actor="олег")
    lead = CRM.undo(other, actor="олег", reason="ошибка")
    print("  ", lead, "снова открыт; сделка", deal.name, "осталась")


def without_leads() -> None:
    """The shop gives up leads: what is open is converted in bulk, with a report."""
    print("\nЛиды выключены")
    for name in ("Глеб", "Дарья"):
        CRM.capture(name, email=f"{len(name)}@example.org")
    print("  ", convert_open_leads(CRM, pipeline="short_b2c", actor="олег", reason="работаем без лидов"))


def report() -> None:
    """Repeats apart: how much the clients brought who came again."""
    print("\nОтдельно о повторных, короткая продажа:\n")
    print(CRM.funnel("short_b2c", by="repeat"))
    assert CRM.verify() == ()
    leads = [lead for lead in CRM.find("lead") if isinstance(lead, Lead)]
    print(f"\nЛидов {len(leads)}, открытых {sum(lead.is_open for lead in leads)}, проверка: всё сходится")


if __name__ == "__main__":
    for scheme in (client_first, quick_sale, from_client, comes_again, taken_back, without_leads, report):
        scheme()
