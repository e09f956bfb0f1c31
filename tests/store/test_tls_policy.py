"""MTA-STS policies and results of TLS in the database."""

from __future__ import annotations

from dataclasses import replace

from relay.mail.mta_sts import Mode, Policy
from relay.mail.tls_report import AppliedPolicy, PolicyKind, TlsResult
from relay.store.tls_policy import KeptPolicy

STS = AppliedPolicy(PolicyKind.STS, "a.example", ("version: STSv1", "mode: enforce"), ("*.a.example", "mx.b.example"))


def result(domain: str, day: str, fault: str = "") -> TlsResult:
    return TlsResult(day, domain, STS, fault, "mx.b.example", "192.0.2.1", "198.51.100.1", "why")


def test_that_a_message_requires_tls_is_kept(store, tenant, make):
    for requires_tls in (True, False):
        queued = make(tenant.id, "a@x.example")
        store.enqueue(replace(queued, message=replace(queued.message, requires_tls=requires_tls)))
        assert store.message(queued.message.id).requires_tls is requires_tls


def test_a_policy_comes_back_and_is_replaced(store, now):
    assert store.sts_policy("a.example") is None
    for kept in (
        KeptPolicy("1", Policy(Mode.ENFORCE, 86400, ("*.a.example", "mx.b.example")), now),
        KeptPolicy("2", Policy(Mode.NONE, 60, ()), now + 1),
    ):
        store.put_sts_policy("a.example", kept)
        assert store.sts_policy("a.example") == kept
    assert store.sts_policy("b.example") is None


def test_a_policy_counts_until_its_life_is_over(now):
    kept = KeptPolicy("1", Policy(Mode.ENFORCE, 60, ("a.example",)), now)
    assert [kept.counts(now + seconds) for seconds in (0, 59, 60)] == [True, True, False]


def test_results_are_added_up_and_taken_once(store):
    good, bad = result("a.example", "2026-11-23"), result("a.example", "2026-11-23", "certificate-expired")
    store.add_tls_results({good: 2, bad: 1})
    store.add_tls_results({good: 3})
    assert store.take_tls_results("a.example", "2026-11-23") == {good: 5, bad: 1}
    assert store.take_tls_results("a.example", "2026-11-23") == {}


def test_days_that_are_over_come_in_order_a_page_at_a_time(store):
    days = [("a.example", "2026-11-22"), ("a.example", "2026-11-23"), ("b.example", "2026-11-21")]
    for domain, day in [*days, ("a.example", "2026-11-24")]:
        store.add_tls_results({result(domain, day): 1, result(domain, day, "certificate-expired"): 1})
    assert store.tls_days("2026-11-24", ("", ""), 10) == days
    assert store.tls_days("2026-11-24", ("", ""), 2) == days[:2]
    assert store.tls_days("2026-11-24", days[0], 10) == days[1:]
    assert store.tls_days("2026-11-24", days[2], 10) == []
