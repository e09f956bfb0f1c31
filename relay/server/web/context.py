"""What the pages need from the rest of the relay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.store.group import CommitGroup

NO_HINTS: Mapping[str, str] = MappingProxyType({})


def silent(_event: str, _facts: Mapping[str, str]) -> None:
    """Log nothing."""


@dataclass(frozen=True, slots=True)
class WebContext:
    """One per process. ``secret`` keys the forms' nonces, ``now`` tells seconds since 1970.

    ``allowed_hosts`` are the host names (without port) that a request may ask for; empty allows any. ``inbox`` puts the
    development inbox at ``/``, and ``hints`` are the settings (label and value) that it shows while it is empty.
    ``log`` takes an event (``sender.confirmed``, ``sender.refused``, ``sender.withdrawn``) and its facts.
    """

    platform: Platform
    group: CommitGroup
    secret: bytes
    now: Callable[[], float]
    inbox: bool = False
    allowed_hosts: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=lambda: NO_HINTS)
    log: Callable[[str, Mapping[str, str]], None] = silent
