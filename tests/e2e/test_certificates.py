"""A certificate is renewed under a running relay: taken at SIGHUP and by itself, never one that does not work."""

from __future__ import annotations

import os
import signal
import smtplib
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from relay.server.certificates import Certificate
from relay.server.tls import context_from_files

NAME = "relay.platform.example"


def issue(folder: Path, expires_in: float = 90) -> bytes:
    """A new certificate with its key where the relay reads them; the certificate as it goes over the wire."""
    made = trustme.CA().issue_cert(NAME, not_after=datetime.now(UTC) + timedelta(days=expires_in))
    made.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())


def served(port: int) -> bytes:
    """The certificate that a new session gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=context)
        return client.sock.getpeercert(binary_form=True)


def wait_until(holds) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("not within ten seconds")


@pytest.mark.parametrize("processes", [1, 2])
def test_sighup_takes_the_new_certificate(relay, processes) -> None:
    first = issue(relay.folder)
    text = relay.config.read_text().replace(
        'tls = "starttls"', 'tls = "starttls"\ncertificate = "certificate.pem"\nkey = "key.pem"'
    )
    relay.config.write_text(text)
    relay.processes = processes
    relay.start()
    assert served(relay.port) == first
    second = issue(relay.folder)
    os.kill(relay.process.pid, signal.SIGHUP)
    wait_until(lambda: relay.log.count("certificate loaded") == processes)
    assert {served(relay.port) for _ in range(8)} == {second}
    (relay.folder / "certificate.pem").write_text("nonsense")
    os.kill(relay.process.pid, signal.SIGHUP)
    wait_until(lambda: "the old one stays" in relay.log)
    assert served(relay.port) == second
    assert relay.stop() == 0


def test_a_changed_file_is_taken_and_one_that_expires_is_named(tmp_path, caplog) -> None:
    caplog.set_level("INFO")
    now = time.time()
    issue(tmp_path)
    names = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    certificate = Certificate(*names, context_from_files(*map(Path, names)))
    certificate.look(now)
    certificate.look(now + 60)
    assert caplog.messages == []
    issue(tmp_path, expires_in=10)
    os.utime(names[0], (now + 5, now + 5))
    certificate.look(now + 120)
    assert caplog.messages[0].startswith("certificate loaded")
    assert "expires" in caplog.messages[1]
    certificate.look(now + 180)
    assert len(caplog.messages) == 2
    certificate.look(now + 86_400 * 11)
    assert "expired" in caplog.messages[2]
