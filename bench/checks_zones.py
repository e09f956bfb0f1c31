"""Zones for the benchmark of the checks: shapes of real records, made up. Each domain is one case.

Rows are as `relay.net.zone.Zone` reads them; a text in place of rows is a failure (``timeout`` is never answered).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INCLUDE = "spf.relay.test"
IP = "198.51.100.7"
OURS = f"include:{INCLUDE}"


def txt(*records: str, **more: Any) -> dict[str, Any]:
    """Rows of a name with TXT records."""
    return {"TXT": list(records), **more}


def addresses(first: int, number: int) -> str:
    """Some ip4 terms."""
    return " ".join(f"ip4:203.0.113.{first + at}" for at in range(number))


VENDORS: dict[str, Any] = {
    INCLUDE: txt(f"v=spf1 ip4:{IP} ip6:2001:db8::7 -all"),
    # One record of addresses; two levels as large providers have them; one that costs eight.
    "flat.vendor.test": txt("v=spf1 ip4:203.0.113.0/24 ip4:192.0.2.0/25 ip6:2001:db8:1::/48 -all"),
    "nested.vendor.test": txt("v=spf1 include:n1.vendor.test include:n2.vendor.test include:n3.vendor.test ~all"),
    "n1.vendor.test": txt(f"v=spf1 {addresses(1, 14)} ~all"),
    "n2.vendor.test": txt(f"v=spf1 {addresses(40, 14)} ~all"),
    "n3.vendor.test": txt("v=spf1 ip6:2001:db8:2::/48 ip6:2001:db8:3::/48 ~all"),
    "deep.vendor.test": txt("v=spf1 include:d1.vendor.test -all"),
    "d1.vendor.test": txt("v=spf1 include:d2.vendor.test -all"),
    "d2.vendor.test": txt("v=spf1 ip4:203.0.113.9 -all"),
    "eight.vendor.test": txt(
        "v=spf1 include:n1.vendor.test include:n2.vendor.test include:n3.vendor.test a:h1.vendor.test "
        "a:h2.vendor.test a:h3.vendor.test mx:vendor.test -all"
    ),
    "vendor.test": {"MX": ["10 h1.vendor.test"]},
    **{f"h{at}.vendor.test": {"A": [f"203.0.113.{200 + at}"]} for at in range(1, 6)},
    "nospf.vendor.test": {"A": ["203.0.113.99"]},
    "broken.vendor.test": "SERVFAIL",
    "silent.vendor.test": "timeout",
    "twice.vendor.test": txt("v=spf1 ip4:203.0.113.1 -all", "v=spf1 -all"),
    "loop.vendor.test": txt("v=spf1 include:loop.vendor.test -all"),
}

CASES: dict[str, Any] = {
    "ip-only.test": txt("v=spf1 ip4:203.0.113.5 ip4:203.0.113.6 -all"),
    "ip-both.test": txt("v=spf1 ip4:203.0.113.5 ip6:2001:db8::5 ~all", "unrelated=1"),
    "ours-only.test": txt(f"v=spf1 {OURS} -all"),
    "ours-first.test": txt(f"v=spf1 {OURS} include:flat.vendor.test ~all"),
    "ours-last.test": txt(f"v=spf1 include:flat.vendor.test include:nested.vendor.test {OURS} ~all"),
    "mx-only.test": txt("v=spf1 mx -all", MX=["10 h1.vendor.test", "20 h2.vendor.test"]),
    "a-mx.test": txt("v=spf1 a mx ~all", A=["203.0.113.20"], MX=["10 h1.vendor.test"]),
    "one-include.test": txt("v=spf1 include:flat.vendor.test -all"),
    "nested.test": txt("v=spf1 include:nested.vendor.test ~all"),
    "office.test": txt("v=spf1 include:flat.vendor.test include:nested.vendor.test -all"),
    "shop.test": txt("v=spf1 a mx include:nested.vendor.test ~all", A=["203.0.113.21"], MX=["10 h1.vendor.test"]),
    "deep.test": txt(f"v=spf1 include:deep.vendor.test {OURS} -all"),
    "redirect.test": txt("v=spf1 redirect=flat.vendor.test"),
    "redirect-far.test": txt("v=spf1 redirect=nested.vendor.test"),
    "redirect-lost.test": txt("v=spf1 ip4:203.0.113.5 ~all redirect=flat.vendor.test"),
    "exists.test": txt("v=spf1 exists:%{i}._spf.exists.test ~all"),
    "macro.test": txt("v=spf1 include:%{l}._spf.macro.test include:flat.vendor.test ~all"),
    "macro-deep.test": txt("v=spf1 exists:%{ir}.%{v}.%{d} include:deep.vendor.test -all"),
    "ten.test": txt("v=spf1 include:eight.vendor.test a:h4.vendor.test a:h5.vendor.test -all"),
    "ten-ours.test": txt(f"v=spf1 include:eight.vendor.test a:h4.vendor.test {OURS} -all"),
    "over.test": txt(f"v=spf1 include:eight.vendor.test include:deep.vendor.test {OURS} ~all"),
    "over-first.test": txt(f"v=spf1 {OURS} include:eight.vendor.test include:nested.vendor.test ~all"),
    "void.test": txt("v=spf1 a:v1.gone.test a:v2.gone.test include:flat.vendor.test ~all"),
    "void-over.test": txt(f"v=spf1 a:v1.gone.test a:v2.gone.test mx:v3.gone.test {OURS} ~all"),
    "dead.test": txt(f"v=spf1 include:nospf.vendor.test {OURS} -all"),
    "dead-behind.test": txt(f"v=spf1 {OURS} include:gone.test -all"),
    "multiple.test": txt("v=spf1 include:flat.vendor.test -all", f"v=spf1 {OURS} ~all"),
    "multiple-nested.test": txt("v=spf1 include:twice.vendor.test -all"),
    "none.test": {"A": ["203.0.113.30"], "MX": ["10 h1.vendor.test"]},
    "typo.test": txt(f"v=spf1 include: {INCLUDE} ipv4:203.0.113.5 ~all"),
    "after-all.test": txt(f"v=spf1 ip4:203.0.113.5 ~all {OURS}"),
    "loop.test": txt("v=spf1 include:loop.vendor.test ~all"),
    "servfail.test": txt(f"v=spf1 include:broken.vendor.test {OURS} ~all"),
    "long.test": txt(f"v=spf1 {addresses(1, 60)} {OURS} -all"),
    "ptr.test": txt("v=spf1 ptr a -all", A=["203.0.113.22"]),
}
DROPPED = "dropped.test"  # its include is never answered: apart, since it measures patience
WHOLE = "whole.test"

ZONES: Mapping[str, Any] = {
    **VENDORS,
    **CASES,
    DROPPED: txt(f"v=spf1 include:silent.vendor.test {OURS} -all"),
    WHOLE: txt(
        f"v=spf1 include:nested.vendor.test include:flat.vendor.test {OURS} mx ~all",
        "unrelated-verification=7f3a",
        A=["203.0.113.40"],
        MX=["10 mx1.whole.test", "20 mx2.whole.test"],
        NS=["ns1.whole.test", "ns2.whole.test"],
    ),
    "mx1.whole.test": {"A": ["203.0.113.41"], "AAAA": ["2001:db8:4::1"]},
    "mx2.whole.test": {"A": ["203.0.113.42"]},
    "ns1.whole.test": {"A": ["127.0.0.1"]},
    "ns2.whole.test": {"A": ["127.0.0.1"]},
    "_dmarc.whole.test": txt("v=DMARC1; p=quarantine; rua=mailto:dmarc@whole.test"),
    "_mta-sts.whole.test": txt("v=STSv1; id=20261124T1200"),
    "_smtp._tls.whole.test": txt("v=TLSRPTv1; rua=mailto:tls@whole.test"),
    "r1._domainkey.whole.test": txt("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
}
