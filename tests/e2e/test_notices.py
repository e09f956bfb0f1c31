"""What a tenant is told by a running relay, and what its administrator sees of it."""

from __future__ import annotations

import email
import time
from email import policy

import pytest

AUTHOR = "info@bakker.example"


def submit(relay, login, *recipients: str) -> None:
    with relay.client(login) as client:
        message = f"From: {AUTHOR}\r\nTo: klant@klant.example\r\nSubject: Factuur 2026-0042\r\n\r\nde inhoud\r\n"
        client.sendmail(AUTHOR, list(recipients), message)


def text(mail: bytes) -> str:
    body = email.message_from_bytes(mail, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def until(true, seconds: float = 15) -> None:
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come to that")


@pytest.fixture
def started(relay):
    """Starts the relay with some settings of ``[policy]`` and ``[delivery]``."""

    def start(policy: str = "", delivery: str = ""):
        config = relay.config.read_text().replace("[delivery]", f"[delivery]\n{delivery}")
        relay.config.write_text(f"{config}\n[policy]\n{policy}\n")
        login = relay.add_tenant()["login"]
        relay.start()
        return relay, login

    return start


def test_one_mail_for_all_recipients_that_failed(started, sink) -> None:
    relay, login = started()
    sink.refused |= {"weg@klant.example": "550 5.1.1 no such user", "vol@klant.example": "552 5.2.2 mailbox full"}
    submit(relay, login, "weg@klant.example", "er@klant.example", "vol@klant.example")
    [notice] = sink.wait_for(AUTHOR)
    shown = text(notice)
    assert "factuur 2026-0042" in shown
    for words in ("weg@klant.example", "550 5.1.1 no such user", "vol@klant.example", "552 5.2.2 mailbox full"):
        assert words in shown
    assert "er@klant.example" not in shown


def test_late_then_delivered_after_all_each_told_once(started, sink) -> None:
    relay, login = started(policy='delay_notice = "1s"')
    sink.refused["klant@klant.example"] = "451 4.7.1 try again later"
    submit(relay, login, "klant@klant.example")
    [notice] = sink.wait_for(AUTHOR)
    assert b"Subject: Vertraagd: Factuur 2026-0042" in notice
    assert "451 4.7.1 try again later" in text(notice)
    del sink.refused["klant@klant.example"]
    relay.cli("queue", "retry", "--all", "--yes")
    [_, recovered] = sink.wait_for(AUTHOR, count=2)
    assert b"Subject: Alsnog afgeleverd: Factuur 2026-0042" in recovered


@pytest.mark.parametrize(("kept", "of_both"), [("failures", False), ("all", True)])
def test_what_was_said_is_kept_of_what_failed_or_of_all(started, sink, kept, of_both) -> None:
    relay, login = started(delivery=f'conversation = "{kept}"')
    sink.refused["weg@klant.example"] = "550 5.1.1 no such user"
    submit(relay, login, "weg@klant.example", "er@klant.example")
    until(lambda: not relay.json("queue", "list"))
    [failed] = relay.json("queue", "list", "--state", "failed")
    logged = relay.json("message", "log", failed["message_id"])["deliveries"]
    said = {each["to"]: [line["text"] for line in each["log"][0]["conversation"]] for each in logged}
    assert "RCPT TO:<weg@klant.example>" in said["weg@klant.example"]
    assert "550 5.1.1 no such user" in said["weg@klant.example"]
    assert bool(said["er@klant.example"]) == of_both
    assert "> RCPT TO:<weg@klant.example>" in relay.cli("message", "log", failed["message_id"])
    assert "de inhoud" not in relay.cli("message", "log", failed["message_id"])


def test_a_notice_is_not_lost_when_the_process_dies_before_it(started, sink) -> None:
    relay, login = started()
    sink.refused |= {"weg@klant.example": "550 5.1.1 no such user", "later@klant.example": "451 4.7.1 later"}
    submit(relay, login, "weg@klant.example", "later@klant.example")
    until(lambda: relay.json("queue", "list", "--state", "failed"))
    relay.kill()
    assert sink.to(AUTHOR) == []
    del sink.refused["later@klant.example"]
    relay.start()
    relay.cli("queue", "retry", "--all", "--yes")
    [notice] = sink.wait_for(AUTHOR)
    assert "weg@klant.example" in text(notice)
