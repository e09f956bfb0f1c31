"""Answers that come to the platform's address: what they answer, and what was done with them. Every function is a
method of `relay.store.Store`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from relay.mail.ids import make_id
from relay.mail.message_id import id_key, id_of

if TYPE_CHECKING:
    from relay.store.session import Session

Outcome = Literal["forwarded", "counted", "hinted", "kept"]
MOST_NAMESAKES = 20  # messages of one Message-ID that are looked at


@dataclass(frozen=True, slots=True)
class Answered:
    """What was done with a mail to the platform's address. ``about`` is the message it answers, where one was found;
    ``writer_key`` the address it came from, as addresses are compared."""

    id: str
    kind: str
    outcome: Outcome
    writer_key: str
    about: str | None = None


def messages_without_key(store: Session, after: str, limit: int) -> list[tuple[str, bytes]]:
    """Messages of apps behind that identifier that cannot be found by their Message-ID yet: identifier and header."""
    return [(row[0], row[1]) for row in store.database.all("messages_without_key", after=after, limit=limit)]


def add_message_keys(store: Session, headers: list[tuple[str, bytes]]) -> None:
    """Let messages be found by the Message-ID in their headers."""
    keys = sorted((id_key(id_of(header)), message_id) for message_id, header in headers)
    store.database.run_many("add_message_key", [{"message_id": message_id, "key": key} for key, message_id in keys])


def ids_by_message_id(store: Session, message_id: str) -> list[str]:
    """The identifiers of messages that may have that Message-ID, the oldest first: their headers say whether."""
    return [row[0] for row in store.database.all("messages_by_key", key=id_key(message_id), limit=MOST_NAMESAKES)]


def add_answer(store: Session, answered: Answered) -> None:
    """Write down what was done with a mail."""
    store.database.run(
        "add_answer",
        id=answered.id,
        kind=answered.kind,
        outcome=answered.outcome,
        writer_key=answered.writer_key,
        about=answered.about,
    )


def was_hinted(store: Session, writer_key: str, since: float) -> bool:
    """True when that address was told since then where to write."""
    return store.database.one("was_hinted", writer_key=writer_key, since=make_id(since, 0)) is not None


def answers_since(store: Session, outcome: Outcome, since: float) -> int:
    """How many mails since then came to that."""
    row = store.database.one("answers_since", outcome=outcome, since=make_id(since, 0))
    return int(row[0]) if row else 0


def answers(store: Session, message_id: str) -> dict[str, int]:
    """How many answers to a message came to the platform's address, by what they were."""
    return {row[0]: row[1] for row in store.database.all("answers", message_id=message_id)}


def purge_answers(store: Session, before: float) -> int:
    """Forget what came before then and is about no message."""
    return store.database.run("purge_answers", oldest=make_id(before, 0))
