"""What a report that came back means for the delivery to whose reverse-path it came.

The reverse-path alone says which delivery that is (`relay.mail.verp`): what a report says of others is not believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from relay.mail.address import AddressError, parse_address
from relay.mail.delivery import Answer, State
from relay.mail.report import Bounce, Complaint

if TYPE_CHECKING:
    from relay.mail.delivery import Delivery
    from relay.mail.report import BounceRecipient, Report

CODED = re.compile(r"([45]\d\d)[ -]+(?:[245]\.\d{1,3}\.\d{1,3}[ -]+)?(?=\S)")
NOT_SPAM = "not-spam"  # RFC 5965 7.3
WORST_FIRST = ("failed", "delayed", "delivered", "relayed", "expanded")


class Meaning(StrEnum):
    """In a word."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Returned:
    """``answer`` is what the reporting server said. ``names_recipient``: it speaks of the address that we sent to, not
    of one that this was passed on to."""

    meaning: Meaning
    answer: Answer
    names_recipient: bool = False


def meaning_of(report: Report, recipient: str) -> Returned:
    """What a report means for the delivery to ``recipient``."""
    match report:
        case Bounce():
            return of_bounce(report, recipient)
        case Complaint(feedback_type=kind) if kind != NOT_SPAM:
            return Returned(Meaning.COMPLAINT, Answer(kind or "abuse"), names_recipient=True)
    return Returned(Meaning.NOTHING, Answer(""))


def of_bounce(bounce: Bounce, recipient: str) -> Returned:
    """The groups about our recipient count, where there are some; else all: it may have been passed on from there."""
    ours = [each for each in bounce.recipients if is_about(each, recipient)]
    found = min(ours or bounce.recipients, key=lambda each: WORST_FIRST.index(each.action))
    meaning = Meaning(found.action) if found.action in {"failed", "delayed"} else Meaning.DELIVERED
    return Returned(meaning, answer_of(found, bounce.reporting_mta), names_recipient=bool(ours))


def is_about(each: BounceRecipient, recipient: str) -> bool:
    """True when a group names our recipient, or nobody."""
    named = [text for text in (each.original_recipient, each.final_recipient) if text]
    key = key_of(recipient)
    return not named or any(key_of(text) == key for text in named)


def key_of(text: str) -> str:
    """What an address is compared on, where it is one."""
    try:
        return parse_address(text, smtputf8=True).key
    except AddressError:
        return text.lower()


def answer_of(each: BounceRecipient, reporting_mta: str) -> Answer:
    """The words of a group as if its server had said them to us."""
    coded = CODED.match(each.diagnostic)
    text = each.diagnostic[coded.end() :] if coded else each.diagnostic
    code = int(coded[1]) if coded else 0
    return Answer(text or "the message came back", code, each.status, each.remote_mta or reporting_mta)


def after_return(delivery: Delivery, answer: Answer) -> Delivery:
    """A delivery once a bounce says that it failed. It counts as one more attempt, so that a result that comes late
    changes nothing. What had failed or was given up stays so."""
    if delivery.state in {State.FAILED, State.CANCELLED}:
        return delivery
    return replace(
        delivery,
        state=State.FAILED,
        attempt=delivery.attempt + 1,
        last_reply=str(answer),
        leased_until=None,
        leased_by=None,
    )
