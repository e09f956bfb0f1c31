"""The listeners' certificates while they are in use: read again when they change, and a word before they expire."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from relay.server.tls import CertificateError, context_from_files

log = logging.getLogger("relay.tls")
LOOK_EVERY = 60.0  # seconds
REMIND_EVERY = 86_400.0
EXPIRES_SOON = 14 * 86_400.0


@dataclass(slots=True)
class Certificate:
    """A listener's certificate and key files, the context that serves them, and what they looked like when read."""

    certificate: str
    key: str
    context: ssl.SSLContext
    seen: tuple[float, ...] = ()
    reminded_at: float = 0.0

    def look(self, now: float, *, anew: bool = False) -> None:
        """Read the files again when they have changed (or ``anew``), and warn when the certificate expires soon."""
        seen = tuple(changed_at(path) for path in (self.certificate, self.key))
        if anew or (self.seen and seen != self.seen):
            self.load()
            self.reminded_at = 0.0
        self.seen = seen
        if now - self.reminded_at >= REMIND_EVERY:
            self.remind(now)

    def load(self) -> None:
        """Serve what the files hold now to new sessions; files that cannot be used leave everything as it is."""
        try:
            context_from_files(Path(self.certificate), Path(self.key))
        except CertificateError as error:
            log.error("certificate not taken, the old one stays: %s", error)  # noqa: TRY400 - the sentence says it all
            return
        self.context.load_cert_chain(self.certificate, self.key)
        log.info("certificate loaded: %s", self.certificate)

    def remind(self, now: float) -> None:
        """Say so when the certificate has expired, or will within two weeks."""
        try:
            [first, *_] = x509.load_pem_x509_certificates(Path(self.certificate).read_bytes())
        except (OSError, ValueError):
            return  # said when it is loaded
        left = first.not_valid_after_utc.timestamp() - now
        if left < EXPIRES_SOON:
            self.reminded_at = now
            until = first.not_valid_after_utc.strftime("%Y-%m-%d %H:%M UTC")
            word = "expired" if left < 0 else "expires"
            log.warning("certificate %s %s %s: renew it, and it is taken by itself", self.certificate, word, until)


def changed_at(path: str) -> float:
    """When a file was last changed; 0 while it is not there."""
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


class Certificates:
    """All certificates that were read from files."""

    def __init__(self) -> None:
        self.certificates: list[Certificate] = []
        self.asked = asyncio.Event()

    def add(self, certificate: str, key: str, context: ssl.SSLContext | None) -> None:
        """Watch the files of a listener; one without TLS, or with a certificate made on the spot, has none."""
        if certificate and context is not None:
            self.certificates.append(Certificate(certificate, key, context))

    def reload(self) -> None:
        """Read everything again soon (SIGHUP)."""
        self.asked.set()

    async def watch(self) -> None:
        """Look now and every minute, for ever."""
        while True:
            anew = self.asked.is_set()
            self.asked.clear()
            for certificate in self.certificates:
                await asyncio.to_thread(certificate.look, time.time(), anew=anew)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.asked.wait(), LOOK_EVERY)
