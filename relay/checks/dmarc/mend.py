"""A DMARC record put right: what its owner meant, with all tags kept and no policy weakened."""

from __future__ import annotations

import re

from relay.checks.dmarc.record import (
    KNOWN,
    POLICIES,
    POLICY_TAGS,
    REMOVED,
    URI_TAGS,
    VALUES,
    Slip,
    is_dmarc,
    read_destination,
    read_dmarc,
)
from relay.checks.spf.mend import distance

VERSION = "v=DMARC1"
NAMES = "|".join(("v", *KNOWN))
STRAY = re.compile(r"[\"'\\\ufeff\u200b“”„‘’]")
GAP = re.compile(rf"(?<![;,\s])[\s,]+(?=(?:{NAMES})[ \t]*=)", re.IGNORECASE)  # a semicolon that is not there
COLON = re.compile(rf"((?:^|;)[ \t]*(?:{NAMES}))[ \t]*:[ \t]*", re.IGNORECASE)
HEAD = re.compile(r"[ \t]*(?:v[ \t]*=[ \t]*)?dmarc[ \t]*1?(?:\.0)?[ \t]*(?:;|\Z)", re.IGNORECASE)
MEANT = {"strict": "s", "relaxed": "r", "yes": "y", "true": "y", "no": "n", "false": "n"}
LONGEST = 16  # of a policy that is only misspelt
ADDRESS = re.compile(r"(?:mailto)?[:/ ]*([^\s@:/!]+@[A-Za-z0-9.-]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


def is_lookalike(text: str) -> bool:
    """True for a text that was meant as a DMARC record and is none."""
    return not is_dmarc(text) and lookalike_mend(text) is not None


def lookalike_mend(text: str) -> str | None:
    """The record that a text was meant to be; None where it looks like something else."""
    plain = tidy(text)
    pieces = [piece.strip() for piece in plain.split(";") if piece.strip()]
    heads = [piece for piece in pieces if HEAD.fullmatch(piece)]
    policies = [piece for piece in pieces if re.fullmatch(r"(?i)p[ \t]*=[ \t]*(none|quarantine|reject)", piece)]
    if not heads and not (policies and not plain.lower().startswith("v=")):
        return None
    return mend("; ".join([VERSION, *(piece for piece in pieces if piece not in heads)]))


def tidy(text: str) -> str:
    """The text without quotes of zone files and word processors, with the semicolons that are missing."""
    octets = text.encode("latin-1", "replace").decode("utf-8", "replace")
    plain = STRAY.sub("", octets.replace("\u00a0", " "))
    plain = GAP.sub("; ", COLON.sub(r"\1=", plain))
    return "".join(char for char in plain if " " <= char <= "~").strip()


def mend(text: str, *, np: str = "") -> str | None:
    """The record as it should be, with ``np=`` where one is given; None where a policy cannot be made out."""
    tags = read_dmarc(tidy(text)).tags
    mended: dict[str, str] = {}
    for name, value in tags.tags:
        if name == "v":
            continue
        meant = mend_value(name, value)
        if meant is None and name == "p":
            return None
        if meant is not None and name not in REMOVED:
            mended[name] = meant
    policy = {"p": mended.pop("p", "none")}
    if (tags.value("pct") or "") == "0" and "t" not in mended:
        mended["t"] = "y"  # RFC 9989 C.4: what pct=0 was used for
    if np:
        mended["np"] = np
    return "; ".join([VERSION, *(f"{name}={value}" for name, value in (policy | mended).items())])


def mend_value(tag: str, value: str) -> str | None:
    """The value that was meant; None where nobody can tell. Tags that are not known are the owner's, and stay."""
    if tag in URI_TAGS:
        return mend_uris(value)
    if tag not in VALUES or value.lower() in VALUES[tag]:
        return value or None
    if tag in POLICY_TAGS:
        near = [policy for policy in POLICIES if distance(value.lower()[:LONGEST], policy) <= 2]
        return near[0] if len(near) == 1 else None
    meant = MEANT.get(value.lower(), "")
    return meant if meant in VALUES[tag] else None


def mend_uris(value: str) -> str | None:
    """Addresses with ``mailto:`` before them and no size behind; what cannot be made out goes."""
    uris = []
    for uri in (each.strip() for each in re.split(r"[,\s]+(?=\S)", value)):
        found = ADDRESS.fullmatch(uri)
        if found:
            uris.append(f"mailto:{found[1]}")
        elif read_destination(uri).slip in {Slip.NONE, Slip.SCHEME}:
            uris.append(uri)
    return ",".join(uris) or None
