"""A message that comes back again and again is stopped by our own mark, long before fifty hops."""

from __future__ import annotations

import smtplib

import pytest

AUTHOR = "info@bakker.example"


def test_the_fourth_time_round_is_refused(relay, sink) -> None:
    login = relay.add_tenant()["login"]
    relay.start()
    client = relay.client(login)
    content = f"From: {AUTHOR}\r\nTo: k@klant.example\r\nSubject: rond\r\n\r\nx\r\n".encode()
    for turn in range(1, 4):
        client.sendmail(AUTHOR, ["k@klant.example"], content)
        came = sink.wait_for("k@klant.example", turn)[-1]
        header, _, body = came.partition(b"\r\n\r\n")
        trace = header.partition(b"\r\nFrom:")[0]  # a mailbox sends it back: same trace, its own From
        content = trace + f"\r\nFrom: {AUTHOR}\r\nTo: k@klant.example\r\n\r\n".encode() + body
    with pytest.raises(smtplib.SMTPDataError, match=r"5\.4\.6.*3 keer langs dit relay"):
        client.sendmail(AUTHOR, ["k@klant.example"], content)
