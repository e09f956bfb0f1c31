"""``relay check tls-rpt``: where reports about TLS to a domain go (RFC 8460)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from relay.checks.asking import Asking
from relay.checks.model import Finding, Part, Severity
from relay.checks.publish import txt_fix
from relay.mail.address import AddressError, parse_address
from relay.net.dns import Lookup, Records, Unknown, plain_name

VERSION = "v=TLSRPTv1"
RFC = "RFC 8460 3"
FIELD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x20-\x3a\x3c-\x7e]+")


@dataclass(frozen=True, slots=True)
class TlsRpt:
    """The answer for one domain."""

    domain: str
    txt: Lookup

    @property
    def place(self) -> str:
        """Where the record is."""
        return f"_smtp._tls.{self.domain}"

    @property
    def texts(self) -> tuple[str, ...]:
        """TXT records that are, or were meant to be, one of these; octets read as latin-1."""
        values = self.txt.values if isinstance(self.txt, Records) else ()
        texts = (value.decode("latin-1") for value in values if isinstance(value, bytes))
        return tuple(text for text in texts if text.lower().lstrip(" \t\"'").startswith("v=tlsrpt"))

    @property
    def records(self) -> tuple[str, ...]:
        """Those that count; exactly one may."""
        return tuple(text for text in self.texts if text.startswith(f"{VERSION};"))

    @property
    def uris(self) -> tuple[str, ...]:
        """Where reports go, of the one record."""
        return rua_of(self.records[0]) if len(self.records) == 1 else ()


async def check_tls_rpt(asking: Asking, domain: str) -> Part:
    """Ask for the TLS reporting policy of a domain and judge it."""
    name = plain_name(domain)
    rpt = TlsRpt(name, await asking.lookup(f"_smtp._tls.{name}", "TXT"))
    facts: dict[str, object] = {
        "record": rpt.records[0] if len(rpt.records) == 1 else None,
        "rua": list(rpt.uris),
    }
    return Part("tls-rpt", name, facts, tuple(judge_tls_rpt(rpt)))


def judge_tls_rpt(rpt: TlsRpt) -> Iterator[Finding]:
    """Everything that can be said from the answer."""
    domain, fix = rpt.domain, txt_fix(rpt.place, f"{VERSION}; rua=mailto:tls-reports@{rpt.domain}", rpt.texts)
    if isinstance(rpt.txt, Unknown):
        facts = {"name": rpt.place, "reason": rpt.txt.reason}
        yield Finding("tlsrpt.unknown", Severity.UNKNOWN, domain, facts, rfc=RFC)
    elif not rpt.texts:
        yield Finding("tlsrpt.none", Severity.INFO, domain, {"name": rpt.place}, fix, rfc=RFC)
    elif len(rpt.records) > 1:
        facts = {"count": str(len(rpt.records))}
        yield Finding("tlsrpt.multiple", Severity.WARNING, domain, facts, fix, rpt.records, RFC)
    elif wrong := fault_of(rpt):
        yield Finding("tlsrpt.syntax", Severity.WARNING, domain, {"wrote": wrong}, fix, rpt.texts, RFC)
    elif not rpt.uris:
        yield Finding("tlsrpt.rua.none", Severity.WARNING, domain, {}, fix, rpt.texts, RFC)
    else:
        bad = [uri for uri in rpt.uris if not is_destination(uri)]
        yield from (Finding("tlsrpt.rua", Severity.WARNING, domain, {"uri": uri}, fix, (uri,), RFC) for uri in bad)


def fault_of(rpt: TlsRpt) -> str:
    """The piece of the record that is wrong; empty when none is."""
    if not rpt.records:
        return rpt.texts[0]  # it does not begin with the version
    pieces = [piece.strip(" \t") for piece in rpt.records[0].split(";")]
    if pieces[-1] == "":  # a delimiter may end the record
        pieces.pop()
    return next((piece or ";" for piece in pieces if not FIELD.fullmatch(piece)), "")


def rua_of(record: str) -> tuple[str, ...]:
    """The URIs of a record, with commas between them."""
    for piece in record.split(";"):
        name, _, value = piece.strip(" \t").partition("=")
        if name == "rua":
            return tuple(uri.strip(" \t") for uri in value.split(","))
    return ()


def is_destination(uri: str) -> bool:
    """True for a mail address or a place on the web to send reports to (RFC 8460 3: ``mailto:`` or ``https:``)."""
    try:
        parts = urlsplit(uri)
        if parts.scheme == "mailto":
            parse_address(parts.path)
            return True
        return parts.scheme == "https" and bool(parts.hostname)
    except (ValueError, AddressError):
        return False
