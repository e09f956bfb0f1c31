"""What was asked about MTA-STS, and what follows from it without judging."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from relay.checks.model import Fix
from relay.checks.publish import txt_fix
from relay.mail.mta_sts import (
    Mode,
    Policy,
    Reading,
    is_pattern,
    matches,
    policy_text,
    read_policy,
    read_record,
    sts_texts,
)
from relay.net.dns import Lookup, Mx, NoData, Records, Unknown
from relay.net.https import Fetched, Unfetched

PATH = "/.well-known/mta-sts.txt"  # RFC 8461 3.3
SHORT_AGE = 86_400  # a day: shorter, and an attacker only has to wait
USUAL_AGE = 604_800  # a week


@dataclass(frozen=True, slots=True)
class Sts:
    """The answers for one domain. ``fetched`` is None where nothing is announced, so nothing was fetched."""

    domain: str
    txt: Lookup
    mx: Lookup
    fetched: Fetched | Unfetched | None = None

    @property
    def place(self) -> str:
        """Where the record is (RFC 8461 3.1)."""
        return f"_mta-sts.{self.domain}"

    @property
    def host(self) -> str:
        """Who serves the policy (RFC 8461 3.3)."""
        return f"mta-sts.{self.domain}"

    @property
    def texts(self) -> tuple[str, ...]:
        """The TXT records, octets read as latin-1."""
        values = self.txt.values if isinstance(self.txt, Records) else ()
        return tuple(value.decode("latin-1") for value in values if isinstance(value, bytes))

    @property
    def records(self) -> tuple[str, ...]:
        """Those of them that count."""
        return sts_texts(self.texts)

    @property
    def id(self) -> str | None:
        """The id of the one valid record."""
        return read_record(self.records[0])[0] if len(self.records) == 1 else None

    @property
    def reading(self) -> Reading | None:
        """What the file says."""
        return read_policy(self.fetched.body) if isinstance(self.fetched, Fetched) else None

    @property
    def policy(self) -> Policy | None:
        """The valid policy."""
        return self.reading.policy if self.reading else None

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """The mail servers: those of MX, else the domain itself (RFC 5321 5.1); None where nobody could say."""
        if isinstance(self.mx, Unknown):
            return None
        if isinstance(self.mx, Records):
            return tuple(value.exchange for value in self.mx.values if isinstance(value, Mx) and value.exchange)
        return (self.domain,) if isinstance(self.mx, NoData) else ()


def policy_fix(sts: Sts) -> Fix | None:
    """The file to serve: what is right in the present one stays. None where the mail servers are not known."""
    policy = proposal(sts)
    return Fix(f"https://{sts.host}{PATH}", "HTTPS", policy_text(policy), "") if policy else None


def record_fix(sts: Sts) -> Fix:
    """The TXT record to publish: its id is made from the policy, so another policy has another id."""
    policy = proposal(sts) or sts.policy
    digest = sha256(policy_text(policy).encode()).hexdigest() if policy else "1"
    return txt_fix(sts.place, f"v=STSv1; id={digest[:16]}", sts.records or lookalikes(sts))


def proposal(sts: Sts) -> Policy | None:
    """A policy that covers every mail server; the first one only tests, so that nothing can break."""
    hosts = [host for host in sts.hosts or () if is_pattern(host)]
    if not hosts:
        return None
    present = sts.reading or Reading(None, None, (), ())
    kept = tuple(dict.fromkeys(present.mx))
    missing = [host for host in hosts if not any(matches(pattern, host) for pattern in kept)]
    age = present.max_age if present.max_age and present.max_age >= SHORT_AGE else USUAL_AGE
    return Policy(present.mode or Mode.TESTING, age, (*kept, *missing))


def lookalikes(sts: Sts) -> tuple[str, ...]:
    """Records that were meant to be one, but do not begin as they must."""
    meant = (text for text in sts.texts if text.lower().replace(" ", "").lstrip("\"'").startswith("v=sts"))
    return tuple(text for text in meant if text not in sts.records)
