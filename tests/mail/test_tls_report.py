"""The daily report about TLS (RFC 8460), as programs and people get it."""

from __future__ import annotations

import gzip
import json
from email import message_from_bytes

from relay.mail.tls_report import AppliedPolicy, PolicyKind, Reporter, TlsResult, day_of, file_name, report_json
from relay.mail.tls_report_mail import Report, packed, report_mail

DAY = "2026-11-23"
STS = AppliedPolicy(
    PolicyKind.STS,
    "customer.example",
    ("version: STSv1", "mode: enforce", "mx: *.customer.example", "max_age: 86400"),
    ("*.customer.example",),
)
DANE = AppliedPolicy(PolicyKind.TLSA, "mx.customer.example", ("3 1 1 00ff",))
NONE = AppliedPolicy(PolicyKind.NONE, "customer.example")
WHO = Reporter("relay.example", "postmaster@platform.example", "Klantenplatform é")


def result(policy, fault="", **details) -> TlsResult:
    return TlsResult(DAY, "customer.example", policy, fault, **details)


def test_the_report_as_json():
    counts = {
        result(STS): 5,
        result(STS, "certificate-expired", host="mx.customer.example", address="192.0.2.1"): 2,
        result(STS, "validation-failure", host="mx.evil.example", address="192.0.2.9", reason="mx-mismatch"): 1,
        result(DANE): 7,
        result(NONE, "starttls-not-supported", host="old.customer.example", address="192.0.2.3"): 4,
    }
    assert json.loads(report_json(counts, DAY, WHO, "1@platform.example")) == {
        "organization-name": "Klantenplatform é",
        "date-range": {"start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z"},
        "contact-info": "postmaster@platform.example",
        "report-id": "1@platform.example",
        "policies": [
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "customer.example"},
                "summary": {"total-successful-session-count": 0, "total-failure-session-count": 4},
                "failure-details": [
                    {
                        "result-type": "starttls-not-supported",
                        "receiving-mx-hostname": "old.customer.example",
                        "receiving-ip": "192.0.2.3",
                        "failed-session-count": 4,
                    }
                ],
            },
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-domain": "customer.example",
                    "policy-string": ["version: STSv1", "mode: enforce", "mx: *.customer.example", "max_age: 86400"],
                    "mx-host": ["*.customer.example"],
                },
                "summary": {"total-successful-session-count": 5, "total-failure-session-count": 3},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "receiving-mx-hostname": "mx.customer.example",
                        "receiving-ip": "192.0.2.1",
                        "failed-session-count": 2,
                    },
                    {
                        "result-type": "validation-failure",
                        "receiving-mx-hostname": "mx.evil.example",
                        "receiving-ip": "192.0.2.9",
                        "failure-reason-code": "mx-mismatch",
                        "failed-session-count": 1,
                    },
                ],
            },
            {
                "policy": {
                    "policy-type": "tlsa",
                    "policy-domain": "mx.customer.example",
                    "policy-string": ["3 1 1 00ff"],
                },
                "summary": {"total-successful-session-count": 7, "total-failure-session-count": 0},
            },
        ],
    }


def test_a_day_is_one_of_utc():
    assert day_of(1_795_478_399.9) == "2026-11-23"
    assert day_of(1_795_478_400.0) == "2026-11-24"
    assert file_name("customer.example", DAY, "relay.example") == (
        "relay.example!customer.example!1795392000!1795478399.json.gz"
    )


def test_the_mail():
    name = file_name("customer.example", DAY, "relay.example")
    report = Report("customer.example", DAY, "relay.example", "1@platform.example", packed(b'{"a": 1}' * 30), name)
    mail = report_mail(report, "noreply@platform.example", "tls@customer.example", 0.0, "<m@platform.example>")
    octets = mail.header + b"\r\n" + b"".join(mail.body.chunks())
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    read = message_from_bytes(octets)
    assert read["TLS-Report-Domain"] == "customer.example"
    assert read["TLS-Report-Submitter"] == "relay.example"
    assert read["TLS-Required"] == "No"
    assert " ".join(read["Subject"].split()) == (
        "Report Domain: customer.example Submitter: relay.example Report-ID: <1@platform.example>"
    )
    assert read.get_content_type() == "multipart/report"
    assert read.get_param("report-type") == "tlsrpt"
    words, attached = read.get_payload()
    assert words.get_content_type() == "text/plain"
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    assert attached.get_filename() == name
    assert gzip.decompress(attached.get_payload(decode=True)) == b'{"a": 1}' * 30
