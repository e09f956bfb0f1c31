"""REQUIRETLS on the way in (RFC 8689): what the desk gets."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("parameters", "requires_tls", "ret"),
    [
        ("", False, ""),
        (" RET=FULL", False, "FULL"),
        (" REQUIRETLS", True, "HDRS"),
        (" requiretls RET=FULL", True, "HDRS"),
    ],
)
def test_it_goes_with_the_envelope_and_no_report_shows_the_body(serve, parameters, requires_tls, ret) -> None:
    serving = serve(tls="starttls")
    client = serving.connect()
    client.reply()
    client.command("EHLO app.example")
    client.command("STARTTLS")
    client.start_tls()
    client.command("EHLO app.example")
    client.sign_in()
    assert client.command(f"MAIL FROM:<info@bakker.example>{parameters}").startswith("250")
    client.command("RCPT TO:<a@b.example>")
    client.command("DATA")
    client.send(b"A: b\r\n\r\n.\r\n")
    client.reply()
    (submission,) = serving.desk.submissions
    assert (submission.envelope.requires_tls, submission.envelope.ret) == (requires_tls, ret)
