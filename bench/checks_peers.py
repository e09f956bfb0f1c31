"""Other SPF checkers, asked one question a line. Runs in an environment of its own, without the relay.

``checks_peers.py PORT``: reads ``PEER DOMAIN`` and prints ``{"ms": …, "result": …}``; at first it prints what is there.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from typing import Any

IP = "198.51.100.7"
PACKAGES = ("checkdmarc", "pyspf", "spftrace")


def with_checkdmarc(domain: str, port: int) -> str:
    """The record with its tree; it takes no address."""
    import checkdmarc.spf
    import checkdmarc.utils

    checkdmarc.utils.DNS_CACHE.clear()
    return str(checkdmarc.spf.check_spf(domain, resolver=stub(port), timeout=5.0).get("valid"))


def with_pyspf(domain: str, port: int) -> str:
    """The verdict, by its own driver, which uses dnspython's default resolver."""
    import dns.resolver
    import spf

    dns.resolver.default_resolver = stub(port)
    return str(spf.check2(i=IP, s=f"postmaster@{domain}", h=domain)[0])


def with_spftrace(domain: str, port: int) -> str:
    """The verdict, with what it can ask beforehand asked beforehand."""
    import spftrace

    resolver = spftrace.LiveResolver(["127.0.0.1"])
    resolver.resolver.port = port
    checking = spftrace.acheck(IP, f"postmaster@{domain}", domain, resolver=resolver, prefetch=True)
    return str(asyncio.run(checking).result)


PEERS: dict[str, Callable[[str, int], str]] = {
    "checkdmarc": with_checkdmarc,
    "pyspf": with_pyspf,
    "spftrace": with_spftrace,
}


def stub(port: int) -> Any:
    """A dnspython resolver that asks the nameserver of the benchmark, without a cache."""
    import dns.resolver

    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port = ["127.0.0.1"], port
    return made


def version(package: str) -> str:
    """The version that is installed, empty where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def answer(peer: str, domain: str, port: int) -> dict[str, object]:
    """One question with its time."""
    started = time.perf_counter()
    try:
        result = PEERS[peer](domain, port)
    except Exception as error:  # noqa: BLE001 - whatever a peer does wrong is its result
        result = type(error).__name__
    return {"ms": (time.perf_counter() - started) * 1000, "result": result}


if __name__ == "__main__":
    print(json.dumps({package: version(package) for package in PACKAGES}), flush=True)
    for line in sys.stdin:
        name, asked = line.split()
        print(json.dumps(answer(name, asked, int(sys.argv[1]))), flush=True)
