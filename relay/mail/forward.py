"""An answer that came to the platform's address, made ready to go on to the author of what it answers.

It leaves as all mail of the platform does (rules A7 and B): From is the platform's address under the writer's name,
because a stranger's From would fail SPF and DMARC at the author's server. Reply-To is the writer. The body stays as it
is, and so does Auto-Submitted, so that no program of the author's takes it for a person's (RFC 3834 5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from relay.mail.address import AddressError
from relay.mail.mailbox import Mailbox, parse_from, parse_mailboxes, reply_to_mailboxes
from relay.mail.message import Field
from relay.mail.name import clean_name, clean_text
from relay.mail.rewrite import missing_fields, removal, suffixed
from relay.mail.text import print_mailboxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relay.mail.address import Address
    from relay.mail.message import Message
    from relay.mail.rewrite import RewritePolicy

REPLACED = frozenset({"reply-to", "errors-to"})


def writer_of(message: Message, reverse_path: Address | None, *, smtputf8: bool = False) -> Mailbox | None:
    """Who wrote a mail: the mailbox of its From, else the reverse-path; None when neither says."""
    field = message.first("from")
    try:
        if field is not None:
            return parse_from(field.value, smtputf8=smtputf8)[0]
    except AddressError:
        pass  # a mail that comes in need not keep our rules for one that goes out
    return Mailbox("", reverse_path) if reverse_path else None


def forward(
    message: Message,
    writer: Mailbox,
    to: Sequence[Address],
    policy: RewritePolicy,
    *,
    date: str,
    message_id: str,
    smtputf8: bool = False,
) -> Message:
    """The answer of ``writer`` as it goes on ``to`` the author, but for trace and signature. ``policy.suffix`` names
    the platform behind the writer; ``date`` and ``message_id`` are for a mail that has none."""
    name = suffixed(shown_name(writer, policy), policy)
    answers = [
        (clean_name(each.name)[0], each.address) for each in answers_to(message, writer, policy, smtputf8=smtputf8)
    ]
    kept = message.drop(lambda field: bool(removal(field, policy)) or field.key in REPLACED)
    for label, mailboxes in (("From", [(name, policy.platform)]), ("To", [("", address) for address in to])):
        kept = kept.put(Field.make(label, print_mailboxes(label, mailboxes)))
    kept = replace(kept, fields=(*kept.fields, Field.make("Reply-To", print_mailboxes("Reply-To", answers))))
    added = [edit.field for edit in missing_fields(kept, date, message_id) if edit.field]
    return replace(kept, fields=(*kept.fields, *added))


def shown_name(writer: Mailbox, policy: RewritePolicy) -> str:
    """The writer's name, cleaned (rules B1 to B5); without one what stands before the @, which is no address."""
    name, _ = clean_name(writer.name, writer.address, policy.protected_names)
    return name or clean_name(writer.address.local.strip('"'))[0] or clean_text(policy.platform_name)


def answers_to(message: Message, writer: Mailbox, policy: RewritePolicy, *, smtputf8: bool) -> list[Mailbox]:
    """Where the author's own answer goes: where the writer asked for it, but never to the platform; else the writer."""
    try:
        wanted = reply_to_mailboxes(message, smtputf8=smtputf8)
    except AddressError:
        wanted = []
    return [each for each in wanted if each.address.key != policy.platform.key] or [writer]


def is_addressed(message: Message, address: Address) -> bool:
    """True when a mail names ``address`` in To or Cc: only then may a program answer it (RFC 3834 2)."""
    for field in (*message.all("to"), *message.all("cc")):
        try:
            if any(each.address.key == address.key for each in parse_mailboxes(field.value, smtputf8=True)):
                return True
        except AddressError:
            continue
    return False
