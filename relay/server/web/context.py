"""What the pages need from the rest of the relay."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.server.domain_checks import DomainChecks
    from relay.server.oauth_connect import Accounts
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.web")


def log_line(event: str, facts: Mapping[str, str]) -> None:
    """One line a decision; a refusal is a warning, since somebody was asked who did not want to be."""
    level = logging.WARNING if event == "sender.refused" else logging.INFO
    log.log(level, "%s %s", event, " ".join(f"{name}={value!r}" for name, value in facts.items()))


@dataclass(frozen=True, slots=True)
class WebContext:
    """One per process. ``secret`` keys the forms' nonces, ``now`` tells seconds since 1970.

    ``inbox`` puts the development inbox at ``/``; ``hints`` are the settings (label and value) that it offers. With it,
    only requests for our own name are answered: ``allowed_hosts`` (without port), or if that is empty, ``base_url``'s.
    ``checks`` answers ``/check``, ``accounts`` the way back from an OAuth provider.
    ``log`` takes what a person decided: an event (``sender.confirmed``, ``sender.refused`` or ``sender.withdrawn``) and
    its facts.
    """

    platform: Platform
    group: CommitGroup
    secret: bytes
    now: Callable[[], float]
    inbox: bool = False
    allowed_hosts: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()
    checks: DomainChecks | None = None
    accounts: Accounts | None = None
    log: Callable[[str, Mapping[str, str]], None] = log_line
