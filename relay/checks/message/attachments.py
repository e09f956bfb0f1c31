"""The files that a message brings: types that providers refuse, macros, disguises. They are opened for nothing but a
list of names, and never unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from relay.checks.dated import names, table
from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity
from relay.mail.mime import Leaf

HEAD = 2_000  # octets that tell a type
MOST_FILES = 1_000  # in an archive
MOST_ATTACHMENTS = 100
DIRECTORY_END, DIRECTORY_ENTRY = b"PK\x05\x06", b"PK\x01\x02"
ENTRY = struct.Struct("<4s4xH18xHHH8xL")  # APPNOTE 4.3.12: flags, lengths of name, extra, comment; offset
PROGRAM = (b"MZ", b"\x7fELF")
MACROS = "vbaproject.bin"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    name: str
    is_encrypted: bool


def judge_attachments(mail: Mail) -> Iterator[Finding]:
    """Every attachment."""
    for leaf in mail.attachments[:MOST_ATTACHMENTS]:
        members = members_of(leaf)
        yield from judge_type(leaf.name, "")
        for member in members:
            yield from judge_type(member.name, leaf.name)
        yield from judge_content(leaf, members)
        if not leaf.raw_name.isascii():
            yield Finding("msg.attach.name", Severity.WARNING, leaf.name, {"name": leaf.name[:100]}, rfc="RFC 2231 4")


def extension(name: str) -> str:
    """What follows the last dot, in lower case; dots and spaces at the end do not count, as on Windows."""
    return name.rstrip(". ").rpartition(".")[2].lower() if "." in name else ""


def judge_type(name: str, archive: str) -> Iterator[Finding]:
    """A type that is refused, perhaps behind another; of an attachment, or of a file in an ``archive``."""
    facts = {"name": name[:100], "type": extension(name), "archive": archive[:100]}
    blocked = table("attachments")["blocked"]
    where = [provider for provider in blocked if extension(name) in names("attachments", "blocked", provider)]
    if not where:
        return
    before = extension(name.rstrip(". ").rpartition(".")[0].rstrip())
    if before in names("attachments", "document"):
        yield Finding("msg.attach.double_ext", Severity.ERROR, name, facts)
    else:
        id = "msg.attach.type.inside" if archive else "msg.attach.type"
        yield Finding(id, Severity.ERROR, name, {**facts, "where": ", ".join(where)})


def judge_content(leaf: Leaf, members: tuple[Member, ...]) -> Iterator[Finding]:
    """What the octets say of themselves."""
    kind, head = extension(leaf.name), leaf.octets(HEAD)
    facts = {"name": leaf.name[:100], "type": kind}
    inside = [member.name.lower() for member in members]
    if kind in names("attachments", "macro") or any(name.endswith(MACROS) for name in inside):
        yield Finding("msg.attach.macro", Severity.WARNING, leaf.name, facts)
    if any(member.is_encrypted for member in members):
        yield Finding("msg.attach.zip_encrypted", Severity.WARNING, leaf.name, facts)
    is_program = head.startswith(PROGRAM)
    known = bytes_of(kind)
    if known and (
        is_program or not any(magic in head[:1024] if kind == "pdf" else head.startswith(magic) for magic in known)
    ):
        severity = Severity.ERROR if is_program else Severity.WARNING
        yield Finding("msg.attach.magic", severity, leaf.name, facts, evidence=(head[:8].hex(" "),))


def bytes_of(kind: str) -> list[bytes]:
    """How files of a type may begin; nothing where that is not known."""
    return [bytes.fromhex(text) for text in table("attachments")["magic"].get(kind, "").split()]


def members_of(leaf: Leaf) -> tuple[Member, ...]:
    """The files in a ZIP file by its directory (APPNOTE 4.3.12), at most `MOST_FILES`; none where it cannot be read."""
    if extension(leaf.name) not in names("attachments", "archive"):
        return ()
    octets = leaf.octets()
    end = octets.rfind(DIRECTORY_END)
    if end < 0 or end + 20 > len(octets):
        return ()
    place = int.from_bytes(octets[end + 16 : end + 20], "little")
    found: list[Member] = []
    while len(found) < MOST_FILES and octets[place : place + 4] == DIRECTORY_ENTRY and place + 46 <= len(octets):
        _, flags, name_size, extra_size, comment_size, _ = ENTRY.unpack_from(octets, place)
        name = octets[place + 46 : place + 46 + name_size].decode("utf-8", "replace")
        found.append(Member(name, bool(flags & 1)))
        place += 46 + name_size + extra_size + comment_size
    return tuple(found)
