"""Addresses of many: rows with ids and names of their own are not one person."""

from __future__ import annotations

import io

import pytest

from funnelkit import Engine
from funnelkit.tables import import_table, plan_table
from funnelkit.tables.mapping import TableMapping

CONTACTS = TableMapping(kind="contact", key="id", fields={"name": "name", "email": "email", "phone": "phone"})
NAMES = ["Ada", "Bob", "Cid", "Dora", "Eva", "Finn", "Gus", "Hal", "Ida", "Jo", "Kim", "Leo", "Mia", "Ned"]


def shop(first: int, count: int, *, email: str = "noreply@shop.example") -> io.BytesIO:
    """Return a table of contacts with ids and names of their own and one address."""
    lines = [f"{number},{_name(number)},{email}" for number in range(first, first + count)]
    return io.BytesIO("\n".join(["id,name,email", *lines]).encode())


def _name(number: int) -> str:
    tens, ones = divmod(number, len(NAMES))
    return f"{NAMES[ones]}{'abcdefghijklmnop'[tens]}"


def test_many_with_one_address_are_many() -> None:
    """A hundred rows that share the address of a shop are a hundred contacts; each row says why."""
    engine = Engine()
    planned = plan_table(engine, shop(0, 100), CONTACTS).report
    report = import_table(engine, shop(0, 100), CONTACTS)
    assert (report.created, report.same, planned.created) == (100, 0, 100)
    assert report.listed[0].notes == (
        "email:noreply@shop.example stands for more than 20 names, so nobody is known by it",
    )


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_the_whole_table_says_it(batch: int) -> None:
    """Rows of such an address that are far apart are many as well, in a plan as in any batches."""
    table = shop(0, 40).getvalue().decode().splitlines()
    others = [f"x{number},Someone{number},{number}@x.example" for number in range(2400)]
    lines = [table[0]]
    for at, line in enumerate(table[1:]):
        lines += [line, *others[at * 60 : at * 60 + (60 if batch > 1 else 2)]]
    data = "\n".join(lines).encode()
    planned = plan_table(Engine(), io.BytesIO(data), CONTACTS).report
    report = import_table(Engine(), io.BytesIO(data), CONTACTS, batch=batch)
    assert (report.created, planned.created) == (len(lines) - 1, len(lines) - 1)


def test_again_they_are_the_same() -> None:
    """The same table twice changes nothing, and later rows are not folded either."""
    engine = Engine()
    import_table(engine, shop(0, 100), CONTACTS)
    assert import_table(engine, shop(0, 100), CONTACTS).same == 100
    assert import_table(engine, shop(100, 5), CONTACTS).created == 5


@pytest.mark.parametrize(("there", "created"), [(0, 1), (1, 20)])
def test_twenty_are_no_noise_yet(there: int, created: int) -> None:
    """Twenty names of one address are one contact with many names; with one of the store they are noise."""
    engine = Engine()
    if there:
        engine.create_contact("Zoe", email="noreply@shop.example")
    assert import_table(engine, shop(0, 20), CONTACTS).created == created


def test_many_rows_of_one_name_are_one() -> None:
    """Thirty rows of one person under thirty ids are still that person."""
    lines = [f"{number},Ada Kim,ada@kim.example" for number in range(30)]
    table = io.BytesIO("\n".join(["id,name,email", *lines]).encode())
    report = import_table(Engine(), table, CONTACTS)
    assert (report.created, report.same) == (1, 29)


def test_a_number_is_still_believed() -> None:
    """Who is not known by such an address can be known by the telephone."""
    engine = Engine()
    ada = engine.create_contact("Ada Kim", phone="+442079460000")
    lines = shop(0, 40).getvalue().decode().splitlines()
    table = "\n".join([lines[0] + ",phone", *(f"{line}," for line in lines[1:])])
    table += "\n99,Ada Kim,noreply@shop.example,+442079460000"
    report = import_table(engine, io.BytesIO(table.encode()), CONTACTS)
    assert (report.created, report.matched) == (40, 1)
    assert report.listed[-1].record == ada.id
