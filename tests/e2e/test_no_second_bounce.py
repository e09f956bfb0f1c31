"""H11: one message makes at most one notice, whatever becomes of the notice."""

from __future__ import annotations

AUTHOR = "info@bakker.example"
MESSAGE = f"From: {AUTHOR}\r\nTo: gone@customer.example\r\nAuto-Submitted: auto-replied\r\nSubject: x\r\n\r\nx\r\n"


def test_a_notice_that_cannot_be_delivered_is_the_end(relay, sink, until) -> None:
    sink.refused |= {"gone@customer.example": "550 5.1.1 no such user", AUTHOR: "550 5.1.1 no such user"}
    login = relay.add_tenant()["login"]
    relay.start()
    with relay.client(login) as client:
        client.sendmail(AUTHOR, ["gone@customer.example"], MESSAGE)

    def failed() -> list[str]:
        return [row["to"] for row in relay.json("queue", "list", "--state", "failed")]

    until(lambda: len(failed()) == 2)
    assert sorted(failed()) == ["gone@customer.example", AUTHOR]
    assert relay.json("queue", "list", "--state", "queued") == []
    assert sink.received == []
    assert relay.stop() == 0
    assert relay.log.count("outcome=failed") == 2


def test_the_notice_asks_for_no_answer(relay, sink) -> None:
    sink.refused["gone@customer.example"] = "550 5.1.1 no such user"
    login = relay.add_tenant()["login"]
    relay.start()
    with relay.client(login) as client:
        client.sendmail(AUTHOR, ["gone@customer.example"], MESSAGE)
    (notice,) = sink.wait_for(AUTHOR)
    (reverse_path,) = [path for path, recipients, _ in sink.received if AUTHOR in recipients]
    assert reverse_path in {"", "<>"}  # RFC 3464 2; the sink keeps the brackets
    assert b"Auto-Submitted: auto-" in notice
