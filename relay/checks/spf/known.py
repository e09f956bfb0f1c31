"""What is known without asking, from the dated lists in ``data/``: senders' reverse-paths, networks for rent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from ipaddress import ip_network

from relay.checks.dated import table
from relay.checks.spf.evaluate import is_within
from relay.checks.spf.record import Network, is_inside

RENTED4, RENTED6 = 24, 48  # a shorter prefix in a network for rent holds more than one customer


class ReturnPath(StrEnum):
    """Whose domain a sender's reverse-path has: its OWN, a SUBDOMAIN of the customer if wanted, or, of a MAILBOX
    provider, the customer's own."""

    OWN = "own"
    SUBDOMAIN = "subdomain"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True)
class KnownSender:
    """A sender that SPF records include."""

    name: str
    includes: tuple[str, ...]
    return_path: ReturnPath


@cache
def senders() -> tuple[KnownSender, ...]:
    """All senders whose reverse-path is known."""
    return tuple(
        KnownSender(row["name"], tuple(row["include"].split()), ReturnPath(row["return_path"]))
        for row in table("return_paths")["sender"]
    )


def sender_of(name: str) -> KnownSender | None:
    """The sender that an included name belongs to."""
    return next((each for each in senders() if any(is_within(name, include) for include in each.includes)), None)


@cache
def rented() -> tuple[tuple[Network, str], ...]:
    """Networks for rent, with whose they are."""
    listed = table("cloud_networks")["networks"]
    return tuple((ip_network(text), owner) for owner, texts in listed.items() for text in texts.split())


def landlord_of(network: Network) -> str:
    """Who rents out a network that holds more than one customer; empty where that is not known."""
    longest = RENTED4 if network.version == 4 else RENTED6
    if network.prefixlen >= longest:
        return ""
    return next((owner for each, owner in rented() if is_inside(network, each)), "")
