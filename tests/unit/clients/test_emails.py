"""E-mail addresses in one spelling, with and without the package that checks them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelkit.clients import ALIASES, email_key
from funnelkit.errors import InputError

TYPED = st.one_of(
    st.emails(),
    st.text(max_size=30),
    st.builds("{}@{}".format, st.text("abAB.+_-'!1é", max_size=12), st.text("abA-.1xnéß", max_size=14)),
    st.builds("{}@{}".format, st.text(max_size=8), st.text(max_size=8)),
)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("\ufeffada@example.org\u200b", "ada@example.org"),
        ("Ada@EXAMPLE.Org", "Ada@example.org"),
        ("INFO@Example.org", "info@example.org"),
        ("ada@localhost", "ada@localhost"),
        ("ада@пример.рф", "ада@пример.рф"),
    ],
)
@pytest.mark.parametrize("world", ["bare", "as installed"])
def test_an_address_is_trimmed_and_its_domain_lowered(
    typed: str, key: str, world: str, request: pytest.FixtureRequest
) -> None:
    """Spaces and the case of the domain tell nobody apart; RFC 2142 adds its own mailboxes."""
    if world == "bare":
        request.getfixturevalue("bare")
    assert email_key(typed) == key


@pytest.mark.parametrize(
    "typed", ["", "  ", "ada", "@", "@example.org", "ada@", "a@b@c", "a da@x.org", "a\0@x.org"]
)
@pytest.mark.parametrize("world", ["bare", "as installed"])
def test_what_is_no_address_has_no_key(typed: str, world: str, request: pytest.FixtureRequest) -> None:
    """A text without both sides of one @, or with what cannot be seen, is not compared."""
    if world == "bare":
        request.getfixturevalue("bare")
    assert email_key(typed) == ""


@pytest.mark.parametrize(
    ("aliases", "one", "other", "same"),
    [
        ("keep", "Ada@example.org", "ada@example.org", False),
        ("case", "Ada@example.org", "ada@example.org", True),
        ("case", "ada+x@example.org", "ada@example.org", False),
        ("plus", "ada+x@example.org", "ada@example.org", True),
        ("plus", "a.da@gmail.com", "ada@gmail.com", False),
        ("providers", "a.da+x@gmail.com", "Ada@googlemail.com", True),
        ("providers", "a.da@yandex.ru", "ada@yandex.ru", False),
        ("providers", "ada+x@yandex.ru", "ada@yandex.ru", True),
        ("providers", "ada+x@example.org", "ada@example.org", False),
        ("plus", "+x@example.org", "+y@example.org", False),
        ("plus", "a.+x@example.org", "a.+y@example.org", False),
        ("case", "H\u0331@example.org", "\u1e96@example.org", True),
    ],
)
def test_the_alias_policy_decides_what_is_one_mailbox(aliases: str, one: str, other: str, same: bool) -> None:
    """Each policy makes one mailbox of exactly the spellings that it names."""
    assert (email_key(one, aliases) == email_key(other, aliases)) is same


def test_an_international_domain_has_one_spelling() -> None:
    """A domain is the same in Punycode (RFC 3492) and spelt out."""
    pytest.importorskip("email_validator", reason="the extra 'clients' is not installed")
    assert email_key("ada@xn--e1afmkfd.xn--p1ai") == email_key("ada@ПРИМЕР.рф") == "ada@пример.рф"


@pytest.mark.parametrize(
    "typed", ["ada..l@example.org", "ada@-example.org", "ada@exa_mple.org", '"a b"@x.org']
)
def test_syntax_is_checked_where_the_package_is_installed(typed: str) -> None:
    """An address that RFC 5321 does not allow, or that needs quotes, is no key."""
    pytest.importorskip("email_validator", reason="the extra 'clients' is not installed")
    assert email_key(typed) == ""


@given(typed=TYPED)
def test_the_quick_way_says_what_the_package_says(typed: str) -> None:
    """The address of plain letters that is not shown to the package is what the package would make of it."""
    library: Any = pytest.importorskip("email_validator", reason="the extra 'clients' is not installed")
    typed = "".join(letter for letter in typed if letter.isprintable()).strip()
    try:
        found = library.validate_email(typed, check_deliverability=False, globally_deliverable=False)
    except library.EmailNotValidError:
        assert email_key(typed) == ""
    else:
        assert email_key(typed) == found.normalized


@given(typed=TYPED, aliases=st.sampled_from(sorted(ALIASES)))
def test_a_key_is_its_own_key(typed: str, aliases: str) -> None:
    """Normalising twice is normalising once, and hostile text never raises."""
    key = email_key(typed, aliases)
    assert email_key(key, aliases) == key


@pytest.mark.parametrize("aliases", ["", "gmail", None, ["plus"]])
def test_an_unknown_alias_policy_is_refused(aliases: Any) -> None:
    """The policy is one of the table."""
    with pytest.raises(InputError, match=r"aliases: .* is no alias policy"):
        email_key("ada@example.org", aliases)


def test_what_is_no_text_is_refused() -> None:
    """A number is not an address."""
    with pytest.raises(InputError, match="email: 7 is not text"):
        email_key(7)  # type: ignore[arg-type]
