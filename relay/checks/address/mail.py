"""What DNS says of mail for a domain, as a value; `relay.checks.address.domain` asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mail(StrEnum):
    """What DNS says of mail for a domain. Only UNKNOWN decides nothing."""

    TAKEN = "taken"
    NO_NAME = "no_name"  # the domain does not exist
    NULL_MX = "null_mx"  # RFC 7505: it says that it takes none
    NO_HOST = "no_host"  # no MX, no address
    PRIVATE = "private"  # only at addresses that the internet does not reach
    DEAD_HOST = "dead_host"  # there are MX records, but none of their names has an address
    SILENT = "silent"  # only at its own address, and its SPF record says that nobody sends from it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DomainMail:
    """The answer, and what it rests on: the mail hosts and their addresses, or why nobody could say."""

    mail: Mail
    evidence: tuple[str, ...] = ()
