"""The contract can fail: stores that each break one promise are found out, each by the tests for that."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import pytest
from tests.contract.broken import FOUND_BY

from funnelkit import MemoryStore, Store
from funnelkit.storage import Capabilities
from funnelkit.testing import StoreContract

TESTS = sorted(name.removeprefix("test_") for name in dir(StoreContract) if name.startswith("test_"))


def contract_of(store: type[MemoryStore]) -> StoreContract:
    """Return the contract, to be held against a sort of store."""

    class Held(StoreContract):
        __test__ = False

        def make_store(self) -> Store:
            return store()

        def reopen(self, store: Any) -> Store:
            return store.reopened()

        def second(self, store: Any) -> Store:
            return store.another()

        def writer(self, store: Any) -> Store:
            return store

    return Held()


def fails(store: type[MemoryStore], test: str) -> bool:
    """Whether a test of the contract fails on a sort of store."""
    try:
        getattr(contract_of(store), f"test_{test}")()
    except SkipTest as skipped:
        raise AssertionError(f"{test} is skipped: {skipped}") from None
    except Exception:  # noqa: BLE001 (a test that ends in any error has failed)
        return True
    return False


@pytest.mark.parametrize("store", FOUND_BY, ids=lambda store: store.__name__)
def test_a_broken_store_is_found_out(store: type[MemoryStore]) -> None:
    """Each test that is meant to find a broken promise fails on the store that breaks it."""
    assert [test for test in FOUND_BY[store] if not fails(store, test)] == []


@pytest.mark.parametrize("test", TESTS)
def test_no_test_of_the_contract_is_idle(test: str) -> None:
    """For every test of the contract there is a broken store that it finds out."""
    assert [store for store, tests in FOUND_BY.items() if test in tests]


def test_what_is_named_is_there() -> None:
    """The tests named by broken stores are tests of the contract; the table shows who finds what."""
    assert {test for tests in FOUND_BY.values() for test in tests} <= set(TESTS)
    assert len(FOUND_BY) >= 25
    for store, tests in FOUND_BY.items():
        print(f"{store.__name__:<28} {(store.__doc__ or '').strip():<90} {', '.join(tests)}")


@pytest.mark.parametrize(
    ("capabilities", "test", "hook"),
    [
        (Capabilities(durable=True), "what_is_durable_is_there_again", r"durable=True.*reopen\(store\)"),
        (Capabilities(shared=True), "a_second_store_sees_each_commit", r"shared=True.*second\(store\)"),
        (Capabilities(writable=False), "records_round_trip_with_every_field_blank", r"writer\(store\)"),
    ],
)
def test_a_missing_hook_is_named(capabilities: Capabilities, test: str, hook: str) -> None:
    """Who declares a capability and supplies no hook is told which one, and what it returns."""
    declared = capabilities

    class Declaring(MemoryStore):
        capabilities = declared

    class Held(StoreContract):
        __test__ = False

        def make_store(self) -> Store:
            return Declaring()

    with pytest.raises(NotImplementedError, match=hook):
        getattr(Held(), f"test_{test}")()


def test_what_is_not_declared_is_skipped() -> None:
    """Tests of what a store does not declare are skipped, and say why."""
    with pytest.raises(SkipTest, match="the store declares durable=False"):
        contract_of(MemoryStore).test_what_is_durable_is_there_again()
