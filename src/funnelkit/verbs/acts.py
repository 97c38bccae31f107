"""The arguments that every verb takes, and how they become a request for the gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

import attrs

from funnelkit.clock import Clock, aware, present
from funnelkit.errors import InputError, OutOfOrderError, TimeError, shown
from funnelkit.inputs import TEXT_LIMIT, an_actor, text
from funnelkit.records import Actor
from funnelkit.serial import closest

__all__ = ["Act", "Asked", "asked", "digest", "no_unknown", "split"]


class Act(TypedDict, total=False):
    """What every verb of the engine takes, by keyword.

    Attributes:
        actor: Who does it: an `Actor`, or the id of one. Nobody named means ``"system"``.
        reason: Why. For closing, an entry of the pipeline's catalogue where it has one.
        note: Anything worth keeping beside it.
        at: When it really happened, for acts recorded later; aware, not in the future, not before
            what is already recorded for the record.
        expect: The version of the record the decision was made on. Passing a record (not an id)
            implies its own version.
        key: An idempotency key: the same request made again under it does nothing and answers the
            same; another request under it raises `KeyReusedError`.
        override: Pass over rules and missing ways. Needs an actor and a reason; the ledger tells.
    """

    actor: Actor | str | None
    reason: str
    note: str
    at: datetime | None
    expect: int | None
    key: str | None
    override: bool


_ACT = frozenset(Act.__annotations__)


@attrs.frozen(kw_only=True, slots=False)
class Asked:
    """The checked form of an `Act`."""

    actor: Actor
    reason: str
    note: str
    at: datetime | None
    expect: int | None
    key: str
    override: bool

    def instant(self, clock: Clock, not_before: datetime | None) -> datetime:
        """Return when the act counts from.

        Without ``at=`` that is now, or the record's latest act if the clock has stepped back since.

        Raises:
            TimeError: ``at`` lies in the future.
            OutOfOrderError: ``at`` lies before the record's latest act.
        """
        now = present(clock)
        if self.at is None:
            return now if not_before is None or now >= not_before else not_before
        if self.at > now:
            raise TimeError("at", f"{self.at.isoformat()} is in the future", "record it when it has happened")
        if not_before is not None and self.at < not_before:
            raise OutOfOrderError(
                "at",
                f"{self.at.isoformat()} is before the latest act of the record, {not_before.isoformat()}",
                "record acts in the order they happened",
            )
        return self.at


def asked(act: Mapping[str, Any]) -> Asked:
    """Check the common arguments of a verb.

    Raises:
        InputError: One of them is not acceptable.
        TypeError: There is one that no verb takes; the message suggests the right name.
    """
    if not act.keys() <= _ACT:
        no_unknown(act, _ACT)
    at, key, expect = act.get("at"), act.get("key"), act.get("expect")
    reason, note, override = act.get("reason"), act.get("note"), act.get("override")
    if expect is not None and (isinstance(expect, bool) or not isinstance(expect, int) or expect < 1):
        raise InputError("expect", f"{shown(expect)} is not a version", "give record.version")
    if override is not None and not isinstance(override, bool):  # the text "false" is true
        raise InputError("override", f"{shown(override)} is not True or False")
    return Asked(
        actor=an_actor(act.get("actor")),
        reason="" if reason is None else text(reason, "reason"),
        note="" if note is None else text(note, "note", limit=TEXT_LIMIT),
        at=None if at is None else aware(at, "at"),
        expect=expect,
        key="" if key is None else text(key, "key", required=True),
        override=bool(override),
    )


def split(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the common arguments of a verb, and its own."""
    common = {name: value for name, value in arguments.items() if name in _ACT}
    return common, {name: value for name, value in arguments.items() if name not in _ACT}


def no_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for the first argument that is not known, with the name that was meant."""
    options = sorted(known)
    for name in given:
        if name not in options:
            meant = closest(name, options)
            hint = f"; did you mean {meant!r}?" if meant else f"; known: {', '.join(options)}"
            raise TypeError(f"unknown argument {name!r}{hint}")


def digest(verb: str, subject: str, what: Mapping[str, Any], said: Asked) -> str:
    """Return a short digest of a request, to tell a repeated one from another one under its key."""
    import hashlib  # OpenSSL is slow to load, and most acts carry no key

    payload = [verb, subject, what, said.actor.id, said.reason, said.note, said.at, said.override]
    try:
        document = _json(payload)
    except Exception:  # noqa: BLE001 (what cannot be written down is refused by name, by its own check)
        return ""
    return hashlib.blake2b(document.encode(), digest_size=16).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    record_id = getattr(value, "id", None)
    return record_id if isinstance(record_id, str) else str(value)


_json: Callable[[object], str] = json.JSONEncoder(default=_plain, sort_keys=True).encode
