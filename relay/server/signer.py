"""The platform's DKIM keys, and the last step before the queue: hash the body, sign the header."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relay.config import Config, ConfigError
from relay.mail.message import Message
from relay.mail.sign import BodyHash, SigningKey, load_key, sign


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with every configured key; without keys it leaves messages unsigned."""

    keys: Sequence[SigningKey]

    def sign(self, message: Message, now: float) -> tuple[Message, bytes]:
        """The signed message, and the SHA-256 of its body as it is stored."""
        stored, canonical = hashlib.sha256(), BodyHash()
        for chunk in message.body.chunks():
            stored.update(chunk)
            if self.keys:
                canonical.update(chunk)
        return self.sign_over(message, canonical, now), stored.digest()

    def sign_over(self, message: Message, canonical: BodyHash, now: float) -> Message:
        """The signed message, for a body whose hash is known."""
        if not self.keys:
            return message
        return sign(message, self.keys, body_hash=canonical.digest(), now=int(now))


UNSIGNED = Signer(())


def load_signer(config: Config) -> Signer:
    """The signer for a configuration. Raises ConfigError for a key that is missing or unfit."""
    domain = config.dkim.domain or config.platform.address.rpartition("@")[2]
    return Signer([load_key_file(Path(key.file), domain, key.selector, key.algorithm) for key in config.dkim.keys])


def load_key_file(file: Path, domain: str, selector: str, algorithm: str) -> SigningKey:
    """One signing key from its PEM file. Raises ConfigError."""
    try:
        return load_key(file.read_bytes(), domain=domain, selector=selector, algorithm=algorithm)
    except FileNotFoundError:
        raise ConfigError(
            f"dkim key {selector}: {file}: there is no such file; make one with: relay key generate"
        ) from None
    except OSError as error:
        raise ConfigError(f"dkim key {selector}: {file}: {error.strerror}; make it readable for this user") from None
    except ValueError as error:
        raise ConfigError(f"dkim key {selector}: {file}: {error}") from None
