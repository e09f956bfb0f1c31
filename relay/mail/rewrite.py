"""The exact rewriting of a submission (rules A to C): what a customer's customer sees instead of what the app wrote.

1. `clashing_field`: a message that says two things where it may say one is refused.
2. `displayed`: the name that the From will show.
3. `relay.mail.reply_to.replies`: who gets the replies.
4. `edits`: the fields that go, and the two that are written anew, each in its place.
5. `apply`: the header block with these edits, and a list of them for people to read.

Everything else stays byte for byte, in order; the body is not even looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from relay.mail.address import Address, AddressError, parse_address
from relay.mail.mailbox import parse_mailboxes
from relay.mail.message import Field, Message
from relay.mail.name import LONGEST_NAME, clean_name, clean_text, cut
from relay.mail.reply import Refusal
from relay.mail.reply_to import replies
from relay.mail.sender import RECEIPTS, Admitted, Verified
from relay.mail.text import print_mailboxes

if TYPE_CHECKING:
    from collections.abc import Sequence

# Rule A7: field (lower case) -> reason in the locales.
REMOVED = {
    "bcc": "bcc",
    "resent-bcc": "bcc",  # RFC 5322 3.6.6
    "return-path": "return_path",
    "sender": "sender",
    "dkim-signature": "signature",
    "domainkey-signature": "signature",
}
AUTHSERV_ID = re.compile(rb"""(?:[ \t]|\([^()\\]*+\))*+"?([^\s"();\\]++)"?(?=[\s;(]|$)""")  # RFC 8601 2.2, a usual one
OF_NO_TENANT = "relay"
ARC, ROUTING = "arc-", "x-relay-"
ONCE = frozenset({"message-id", "date", "subject", "to", "cc", "mime-version", "content-type"})  # rule A8, RFC 5322 3.6


@dataclass(frozen=True, slots=True)
class Change:
    """One header field that left otherwise than it came; ``reason`` is a key of the locales (section ``reason``)."""

    field: str
    before: str | None
    after: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RewritePolicy:
    """What rewriting needs to know of the platform and the tenant.

    ``platform`` is the address every From gets; ``suffix`` a template with {name} and {platform} (rule B7), or empty;
    ``authserv_id`` the name in our own Authentication-Results (RFC 8601 2.5), by default the domain of ``platform``;
    ``auto_submitted`` adds that field (RFC 3834 5) where the app did not.
    """

    platform: Address
    platform_name: str
    company: str
    display_name: Literal["company", "message"] = "company"
    reply_to: Literal["refuse", "drop"] = "refuse"
    protected_names: tuple[str, ...] = ()
    suffix: str = ""
    authserv_id: str = ""
    auto_submitted: bool = False


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The message as it leaves but for trace and signature, what changed, and what was remarkable."""

    message: Message
    changes: tuple[Change, ...]
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of the field at a place of the header: another one, or nothing."""

    field: Field | None
    reason: str


def resolve_platform_address(template: str, tenant_slug: str) -> Address:
    """The platform address for a tenant: the setting with ``{tenant}`` filled in, by a word of ours where there is no
    tenant. Raises `AddressError`."""
    return parse_address(template.replace("{tenant}", tenant_slug or OF_NO_TENANT))


def rewrite(
    message: Message, author: Admitted, known: Verified, policy: RewritePolicy, *, date: str, message_id: str
) -> Rewritten | Refusal:
    """The message as it leaves under the platform's address, or why it cannot.

    ``date`` and ``message_id`` are the values of these fields where the message has none (rule A8).
    """
    address = author.author.address
    if address.key == policy.platform.key:  # replies would go in circles
        return Refusal(550, "5.7.1", "sender.platform", {"address": str(address)})
    clash = clashing_field(message)
    if clash:
        return Refusal(550, "5.6.0", "header.duplicate", {"field": clash})
    name, name_events = displayed(author, policy)
    answers = replies(message, author, known, name, policy)
    if isinstance(answers, Refusal):
        return answers
    from_field = Field.make("From", print_mailboxes("From", [(suffixed(name, policy), policy.platform)]))
    reply_to = Field.make("Reply-To", print_mailboxes("Reply-To", answers.mailboxes))
    places = edits(message, author, known, policy, from_field, reply_to)
    missing = missing_fields(message, date, message_id, automatic=policy.auto_submitted)
    result, changes = apply(message, places, reply_to, missing)
    dropped = (f"{change.field.lower().replace('-', '_')}_dropped" for change in changes if change.reason == "receipt")
    return Rewritten(result, changes, tuple(dict.fromkeys((*name_events, *answers.events, *dropped))))


def missing_fields(message: Message, date: str, message_id: str, *, automatic: bool = False) -> list[Edit]:
    """The fields that every message has (RFC 5322 3.6, rule A8) and this one has not, with these values; where
    ``automatic``, also that a program made it (RFC 3834 5)."""
    wanted = [("Date", date, "date"), ("Message-ID", message_id, "message_id")]
    if automatic:
        wanted.append(("Auto-Submitted", "auto-generated", "auto_submitted"))
    return [
        Edit(Field.make(label, value), reason)
        for label, value, reason in wanted
        if message.first(label.lower()) is None
    ]


def clashing_field(message: Message) -> str:
    """The name of a field that may occur once and occurs with two values (rule A8), or nothing."""
    seen: dict[str, Field] = {}
    for field in message.fields:
        if field.key in ONCE:
            first = seen.setdefault(field.key, field)
            if first is not field and first.value != field.value:
                return field.name
    return ""


def displayed(author: Admitted, policy: RewritePolicy) -> tuple[str, tuple[str, ...]]:
    """The name that recipients see, and what was remarkable about it (rules B1 to B5)."""
    events: tuple[str, ...] = ()
    if policy.display_name == "message":
        mailbox = author.author
        name, events = clean_name(mailbox.name, mailbox.address, policy.protected_names)
        if name:
            return name, events
    company, company_events = clean_name(policy.company)
    return company or clean_name(policy.platform_name)[0], (*events, *company_events)


def suffixed(name: str, policy: RewritePolicy) -> str:
    """The name with the suffix of rule B7, when there is one; the name gives way where both are too long."""
    if not policy.suffix or not name:
        return name
    platform = clean_text(policy.platform_name)
    room = LONGEST_NAME - len(policy.suffix.format(name="", platform=platform))
    shown = name if len(name) <= room else cut(name, max(room, 1))
    return clean_text(policy.suffix.format(name=shown, platform=platform))[:LONGEST_NAME]


def edits(
    message: Message, author: Admitted, known: Verified, policy: RewritePolicy, from_field: Field, reply_to: Field
) -> dict[int, Edit]:
    """What becomes of the fields that do not stay as they are, by their place."""
    found: dict[int, Edit] = {}
    seen: set[str] = set()
    for place, field in enumerate(message.fields):
        key = field.key
        if key == "from":
            found[place] = Edit(from_field, "from")
        elif key == "reply-to":
            found[place] = Edit(None, "reply_to_merged") if key in seen else Edit(reply_to, "reply_to")
        elif key in ONCE and key in seen:
            found[place] = Edit(None, "duplicate")
        elif key in RECEIPTS:
            if key in seen or not all_known(field, known, smtputf8=author.smtputf8):
                found[place] = Edit(None, "receipt")
        elif reason := removal(field, policy):
            found[place] = Edit(None, reason)
        seen.add(key)
    return found


def removal(field: Field, policy: RewritePolicy) -> str:
    """Why a field is taken out whatever else there is (rule A7), or nothing."""
    key = field.key
    if key in REMOVED:
        return REMOVED[key]
    if key == "authentication-results":
        own = policy.authserv_id or policy.platform.domain
        return "authentication_results" if claims(field, own) else ""
    if key.startswith(ARC):
        return "signature"
    return "routing" if key.startswith(ROUTING) else ""


def all_known(field: Field, known: Verified, *, smtputf8: bool) -> bool:
    """True when the field holds addresses and every one is verified (rule C6)."""
    try:
        mailboxes = parse_mailboxes(field.value, smtputf8=smtputf8)
    except AddressError:
        return False
    return bool(mailboxes) and all(mailbox.address in known for mailbox in mailboxes)


def claims(field: Field, authserv_id: str) -> bool:
    """True when an Authentication-Results field says it is ours (RFC 8601 2.2, 5), or hides whose it is."""
    found = AUTHSERV_ID.match(field.value)
    return found is None or found[1].lower().removesuffix(b".") == authserv_id.lower().encode()


def apply(
    message: Message, places: dict[int, Edit], reply_to: Field | None, missing: Sequence[Edit]
) -> tuple[Message, tuple[Change, ...]]:
    """The message with its edits and with what is missing at the end, and the changes as people read them. A
    ``reply_to`` that takes no field's place goes behind the From."""
    fields: list[Field] = []
    changes: list[Change] = []
    replied = any(edit.field is reply_to for edit in places.values())
    for place, before in enumerate(message.fields):
        edit = places.get(place)
        after = edit.field if edit else before
        if after:
            fields.append(after)
        if edit and after != before:
            changes.append(changed(before, edit))
        if reply_to and edit and edit.reason == "from" and not replied:
            fields.append(reply_to)  # right after the From
            changes.append(changed(None, Edit(reply_to, "reply_to_added")))
    fields += [edit.field for edit in missing if edit.field]
    changes += [changed(None, edit) for edit in missing]
    return Message(tuple(fields), message.body), tuple(changes)


def changed(before: Field | None, edit: Edit) -> Change:
    """An edit as people read it."""
    field = edit.field or before
    assert field is not None  # an edit takes something away or puts something there
    return Change(field.name, before.text if before else None, edit.field.text if edit.field else None, edit.reason)
