"""Clients of other people: smtplib, curl, swaks."""

from __future__ import annotations

import shutil
import smtplib
import ssl
import subprocess
from pathlib import Path

import pytest

MESSAGE = "From: info@bakker.example\r\nSubject: Factuur\r\n\r\nHallo\r\n.\r\n..\r\nklaar\r\n"


@pytest.fixture
def message(tmp_path: Path) -> Path:
    path = tmp_path / "message.eml"
    path.write_bytes(MESSAGE.encode())
    return path


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_smtplib(serve, content_of, tls: str) -> None:
    serving = serve(tls=tls)
    context = ssl._create_unverified_context()
    if tls == "implicit":
        client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", serving.port, context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", serving.port)
        client.starttls(context=context)
    client.login("app", "s3cret")
    assert client.sendmail("info@bakker.example", ["klant@example.nl"], MESSAGE) == {}
    with pytest.raises(smtplib.SMTPDataError):
        client.sendmail("info@bakker.example", ["klant@example.nl"], b"\0")
    assert client.sendmail("jörg@b.example", ["a@example.nl"], MESSAGE, mail_options=["SMTPUTF8"]) == {}
    client.quit()
    assert content_of(serving.desk.submissions[0]) == MESSAGE.encode()


def test_smtplib_with_wrong_password(serve) -> None:
    with (
        smtplib.SMTP("127.0.0.1", serve(auth_failures=50).port) as client,
        pytest.raises(smtplib.SMTPAuthenticationError) as caught,
    ):
        client.login("app", "wrong")
    assert caught.value.smtp_code == 535


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_curl(serve, content_of, message: Path, tls: str) -> None:
    serving = serve(tls=tls)
    scheme = "smtps" if tls == "implicit" else "smtp"
    done = run(
        "curl",
        *("-sS", "--insecure", "--ssl-reqd", f"{scheme}://127.0.0.1:{serving.port}/app.example"),
        *("--user", "app:s3cret", "--mail-from", "info@bakker.example", "--mail-rcpt", "klant@example.nl"),
        *("--upload-file", str(message)),
    )
    assert done.returncode == 0, done.stderr
    assert content_of(serving.desk.submissions[0]) == MESSAGE.encode()


def test_swaks(serve, message: Path) -> None:
    serving = serve(tls="starttls")
    done = run(
        "swaks",
        *("--server", f"127.0.0.1:{serving.port}", "--tls", "--auth", "LOGIN", "--auth-user", "app"),
        *("--auth-password", "s3cret", "--from", "info@bakker.example", "--to", "klant@example.nl,b@example.nl"),
        *("--data", f"@{message}", "--pipeline"),
    )
    assert done.returncode == 0, done.stdout
    assert len(serving.desk.submissions[0].envelope.forward_paths) == 2
