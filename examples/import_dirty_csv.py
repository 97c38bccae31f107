"""Tables as people really send them: cp1251, semicolons, rounded ids, look-alike letters, duplicates.

Run it: it writes the files, plans the import, imports, shows the bad rows, and imports once more.
"""

from __future__ import annotations

from pathlib import Path

from funnelkit import Engine, Pipeline, Stage
from funnelkit.clients import KeyPolicy
from funnelkit.tables import import_table, plan_table
from funnelkit.tables.presets import simple

CONTACTS = """\
Код;ФИО;Почта;Телефон;Компания;Дата создания
101;Анна Ким;anna@kim.example;8 916 123-45-67;ООО «Ким и дети»;01.02.2025 09:30
102;А. Ким;anna@kim.example;;Ким и дети;03.02.2025
103;Борис Лев;;+7 (916) 765-43-21;;05.02.2025
104;Борис Лев;boris@lev.example;+79167654321;;06.02.2025
1,23457E+15;Вера Ро;vera@ro.example;;;07.02.2025
106;;nobody@x.example;;;08.02.2025

107;Глеб Ту;gleb@tu.example;;;31.02.2025
"""
DEALS = """\
Код;Название;Стадия;Сумма;Код контакта;Дата создания;Дата закрытия;Причина
1;Окна;Новая;1 234,50 ₽;101;01.03.2025;;
2;Двери;Успех;2 000,00 ₽;102;02.03.2025;09.03.2025;
3;Крыша;Провал;500 руб.;103;02.03.2025;05.03.2025;Дорого
4;Забор;Hовая;700,00 ₽;104;03.03.2025;;
5;Баня;Провал;800,00 ₽;104;03.03.2025;04.03.2025;просто так
6;Сарай;Новая;9 ₽;999;03.03.2025;;
"""


def main() -> None:
    """Import both tables, twice."""
    Path("contacts.csv").write_text(CONTACTS, "cp1251")
    Path("deals.csv").write_text(DEALS, "utf-8-sig")
    sales = Pipeline(
        "sales",
        [Stage("new", label="Новая"), Stage("offer", label="Предложение")],
        close_reasons={"lost": {"price": "Дорого"}},
    )
    engine = Engine(sales, keys=KeyPolicy(region="RU"))
    contacts = simple.contacts(zone="Europe/Moscow")
    deals = simple.deals(
        places={"Успех": "won", "Провал": "lost"}, currency="RUB", zone="Europe/Moscow", decimal=","
    )

    plan = plan_table(engine, "contacts.csv", contacts)
    print(f"How the file is read: {plan.why}.\n")
    print("What an import would do:")
    for row in plan:
        print(f"  {row}")
    assert engine.find("contact") == []

    print("\nThe import:")
    print(import_table(engine, "contacts.csv", contacts, bad_rows="bad-contacts.csv"))
    print()
    print(import_table(engine, "deals.csv", deals, bad_rows="bad-deals.csv"))
    anna, boris = engine.find("contact")
    assert (anna.id, boris.email) == ("csv-contact-101", "boris@lev.example")
    assert [deal.place for deal in engine.find("deal", pipeline="sales")] == ["new", "won", "lost"]

    print("\nThe bad rows, to be mended and imported:")
    print(Path("bad-deals.csv").read_text("utf-8-sig"))

    print("The same files again:")
    for name, mapping in (("contacts.csv", contacts), ("deals.csv", deals)):
        again = import_table(engine, name, mapping)
        print(f"  {name}: created {again.created}, filled {again.filled}, same {again.same}, bad {again.bad}")
        assert (again.created, again.filled) == (0, 0)

    text = Path("bad-deals.csv").read_text("utf-8-sig").replace("Hовая", "Новая")
    Path("mended-deals.csv").write_text(text, "utf-8")
    mended = import_table(engine, "mended-deals.csv", deals)
    print(f"\nOne row mended: created {mended.created}, still bad {mended.bad}")
    assert mended.created == 1


if __name__ == "__main__":
    main()
