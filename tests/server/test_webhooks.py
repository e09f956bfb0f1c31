"""Webhooks with a clock of the test's: waiting longer, giving up, and the signature's published example."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from relay.mail.delivery import DAY
from relay.mail.ids import make_id
from relay.mail.route import RouteKind
from relay.net.post import Posted, Unposted, unfit
from relay.server.webhook_event import headers_of, signature
from relay.server.webhooks import PURPOSE, Webhooks
from relay.store.group import CommitGroup
from relay.store.model import MessageKind, Queued, StoredMessage
from relay.store.vault import open_vault
from relay.store.webhooks import Event, Webhook


@dataclass
class Answers:
    """Stands for the network: what it says, and what it was sent."""

    says: Posted | Unposted = field(default_factory=lambda: Posted(200, ""))
    sent: list[str] = field(default_factory=list)

    async def post(self, url, body, headers):
        del url, body
        self.sent.append(headers["Webhook-Id"])
        return self.says

    async def close(self) -> None:
        return


@pytest.fixture
async def told(tmp_path):
    """A webhook for everything, its events, the network and a clock."""
    files, now = [tmp_path / "relay-secrets"], [1_800_000_000.0]
    group = CommitGroup(f"sqlite:///{tmp_path}/relay.db")
    await group.start()
    answers = Answers()
    sealed = open_vault(files).seal("whsec_c2VjcmV0", tenant_id="", purpose=PURPOSE)
    webhook = Webhook("w1", None, "https://app.example/", ("accepted",), sealed, now[0])
    await group.write(lambda store: store.add_webhook(webhook))
    yield Webhooks(group, files, answers, lambda: now[0]), answers, now
    await group.close()


@pytest.fixture
def happen():
    """Queues a message, so that something has happened; its id."""
    count = itertools.count()

    async def queue(group: CommitGroup, now: float) -> str:
        message = StoredMessage(
            id=make_id(now, next(count)), kind=MessageKind.SUBMISSION, tenant_id=None, login="", author="a@b.example",
            subject="", document="invoice", original_header=b"", header=b"", body_size=0, body_sha256=b"", changes=(),
            events=(), route=RouteKind.PLATFORM, reverse_path="verp", smtputf8=False, eightbit=False, received_at=now,
            peer="",
        )  # fmt: skip
        await group.write(lambda store: store.enqueue(Queued(message, (), b"")))
        return message.id

    return queue


async def state(webhooks: Webhooks) -> Webhook:
    (webhook,) = await webhooks.group.read(lambda store: store.webhooks())
    return webhook


def test_the_signature_is_that_of_the_published_example():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    said = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}', secret)
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


FIT = [
    ("https://app.example/events?x=1", True),
    ("https://app.example:8443/", True),
    ("http://localhost:3000/hook", True),
    ("http://10.1.2.3/hook", True),
    ("http://[::1]/hook", True),
    ("http://app.example/hook", False),
    ("http://8.8.8.8/hook", False),
    ("https://user:word@app.example/", False),
    ("https://app.example/#part", False),
    ("https://app.example:99999/", False),
    ("https://", False),
    ("app.example", False),
]


@pytest.mark.parametrize(("url", "fits"), FIT)
def test_where_events_may_go(url, fits):
    assert (unfit(url) == "") is fits


async def test_it_waits_longer_each_time_and_asks_with_one_event_alone(told, happen):
    webhooks, answers, now = told
    for _ in range(15):
        await happen(webhooks.group, now[0])
    answers.says = Unposted("no route")
    waits = []
    for _ in range(6):
        await webhooks.round()
        waits.append((await state(webhooks)).retry_at - now[0])
        now[0] += waits[-1] - 1
        await webhooks.round()  # a moment too early
        now[0] += 1
    assert waits == [10, 60, 300, 1800, 7200, 7200]
    assert len(answers.sent) == 10 + 5  # ten at once, then one at a time
    assert len(set(answers.sent[10:])) == 1
    answers.says = Posted(202, "")
    await webhooks.round()
    webhook = await state(webhooks)
    assert (webhook.failures, webhook.waiting, webhook.last_success_at) == (0, 0, now[0])


async def test_after_three_days_events_are_given_up(told, happen):
    webhooks, answers, now = told
    await happen(webhooks.group, now[0])
    answers.says = Posted(500, "")
    await webhooks.round()
    assert (await state(webhooks)).waiting == 1
    now[0] += 3 * DAY + 1
    await happen(webhooks.group, now[0])
    await webhooks.round()
    assert (await state(webhooks)).waiting == 1


async def test_an_event_about_nothing_any_more_is_done_with(told, happen):
    webhooks, answers, now = told
    message_id = await happen(webhooks.group, now[0])
    event = Event(message_id, "accepted", "gone", "", 0, now[0])
    assert await webhooks.group.write(lambda store: store.add_webhook_event(event)) == 0
    await webhooks.round()
    assert answers.sent == [message_id]


def test_the_example_in_the_documentation_tells_ours_from_others():
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    body, secret = b'{"id": "e1"}', "whsec_c2VjcmV0"
    headers = headers_of("e1", body, secret, 1_800_000_000.0)
    assert names["is_from_relay"](headers, body, secret)
    assert not names["is_from_relay"](headers, body + b" ", secret)
    assert not names["is_from_relay"](headers, body, "whsec_b3RoZXI=")
