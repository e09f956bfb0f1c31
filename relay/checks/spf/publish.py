"""Records to publish: the owner's terms kept byte for byte, ours put in front, in three forms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from relay.checks.dated import table
from relay.checks.mail_host import provider_of
from relay.checks.model import Fix
from relay.checks.spf.evaluate import is_within
from relay.checks.spf.mend import mend
from relay.checks.spf.record import Record, Term, parse_record
from relay.mail.zone_line import TXT_STRING, escaped
from relay.net.dns import Lookup, Mx, Records

VERSION = "v=spf1"
WEAKEST_FIRST = "+?~-"


def with_include(record: Record, include: str, unwanted: Iterable[str] = ()) -> str:
    """The record with ``include`` as its first term, so that nothing before it can spoil it. ``unwanted`` terms, the
    ones that were meant to name it, go; ``redirect`` and ``all`` stay as they are."""
    gone = set(unwanted)
    words = [term.text for term in record.terms if term.text not in gone]
    return " ".join([record.text[: len(VERSION)], f"include:{include}", *words])


def merged(records: Sequence[Record]) -> Record:
    """One record for several: all terms, each once, and at the end the weaker of their ``all``. DNS answers in any
    order, so the records go by their text."""
    words: list[str] = []
    ends: list[Term] = []
    redirects: list[str] = []
    for record in sorted(records, key=lambda record: record.text):
        for term in parse_record(mend(record).text.encode("latin-1")).terms:
            if term.name == "all":
                ends.append(term)
            elif term.name == "redirect":
                redirects.append(term.text)
            elif term.text not in words:
                words.append(term.text)
    ends.sort(key=lambda term: WEAKEST_FIRST.index(term.qualifier))
    last = [ends[0].text] if ends else redirects[:1]
    return parse_record(" ".join([VERSION, *words, *last]).encode("latin-1"))


def first_record(include: str, senders: Sequence[str]) -> str:
    """A record for a domain that has none; ``~all``, since nobody knows yet what else sends in its name."""
    words = dict.fromkeys([*senders, f"include:{include}"])
    return " ".join([VERSION, *words, "~all"])


def senders_of(domain: str, exchangers: Lookup) -> list[str]:
    """Terms for who sends a domain's mail besides, as its MX records tell: the domain's own mail hosts, or the mailbox
    provider that we know the include of."""
    hosts = [mx.exchange for mx in exchangers.values if isinstance(mx, Mx)] if isinstance(exchangers, Records) else []
    includes = table("mail_hosts")["includes"]
    known = [f"include:{includes[name]}" for host in hosts if (name := provider_of(host)) in includes]
    own = ["mx"] if any(is_within(host, domain) for host in hosts) else []
    return [*own, *dict.fromkeys(known)]


def zone_line(domain: str, text: str) -> str:
    """The record in a zone file: strings of at most 255 octets, the space between two terms inside the first."""
    strings: list[str] = [""]
    for word in text.split(" "):
        part = f"{word} "
        while len(part) > TXT_STRING:
            strings.append(part[:TXT_STRING])
            part = part[TXT_STRING:]
        if len(strings[-1]) + len(part) > TXT_STRING + 1:
            strings.append("")
        strings[-1] += part
    strings = [string for string in strings if string]
    strings[-1] = strings[-1].removesuffix(" ")
    quoted = [f'"{"".join(map(escaped, string))}"' for string in fitted(strings)]
    value = quoted[0] if len(quoted) == 1 else f"( {' '.join(quoted)} )"
    return f"{domain}. IN TXT {value}"


def fitted(strings: Sequence[str]) -> list[str]:
    """A string whose final space is one octet too many hands that space to the next."""
    done = list(strings)
    for place, string in enumerate(done):
        if len(string) > TXT_STRING:
            done[place] = string[:TXT_STRING]
            done[place + 1] = string[TXT_STRING:] + done[place + 1]
    return done


def difference(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """What changes, term by term: ``+`` new, ``-`` gone, a blank for kept."""
    old, new = before.split(), after.split()
    added = [("+", word) for word in new if word not in old]
    removed = [("-", word) for word in old if word not in new]
    kept = [(" ", word) for word in new if word in old]
    return (*kept[:1], *added, *removed, *kept[1:])


def spf_fix(domain: str, text: str, removes: Sequence[str] = ()) -> Fix:
    """The record as something to publish."""
    return Fix(domain, "TXT", text, zone_line(domain, text), tuple(removes))
