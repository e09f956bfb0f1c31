"""``relay dev``: a whole relay on loopback with nothing configured: own keys, a made-up tenant, every mail caught."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from relay.config import Config, Database, Delivery, Dkim, DkimKey, Http, Listener, Platform, Policy
from relay.mail.address import Address
from relay.mail.sender import SenderState
from relay.mail.tenant import Login, Tenant
from relay.server.office import fresh_id
from relay.store.store import open_store

LOOPBACK = "127.0.0.1"
COMPANY = "Bakker B.V."
SIGNED_UP = Address("info", "bakker.example")
KEEP = "7d"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an app signs in with."""

    username: str
    password: str


def dev_config(folder: Path, smtp_port: int, http_port: int) -> Config:
    """A configuration that needs nothing from outside: database and keys in ``folder``, no delivery."""
    return Config(
        platform=Platform(
            name="Klantenplatform",
            address="mail@customers.platform.example",
            base_url=f"http://{LOOPBACK}:{http_port}",
            hostname="relay.localhost",
        ),
        database=Database(url=f"sqlite:///{folder / 'relay.db'}"),
        listener=(Listener(address=LOOPBACK, port=smtp_port, tls="starttls"),),
        delivery=Delivery(via="capture"),
        policy=Policy(keep_bodies=KEEP, keep_messages=KEEP),
        dkim=Dkim(keys=write_keys(folder)),
        http=Http(address=LOOPBACK, port=http_port),
    )


def with_http_port(config: Config, port: int) -> Config:
    """The configuration with links that lead to the port which was really bound."""
    platform = msgspec.structs.replace(config.platform, base_url=f"http://{LOOPBACK}:{port}")
    return msgspec.structs.replace(config, platform=platform)


def write_keys(folder: Path) -> tuple[DkimKey, ...]:
    """Fresh DKIM keys in ``folder``."""
    pairs = (
        ("r1", "rsa-sha256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ("e1", "ed25519-sha256", ed25519.Ed25519PrivateKey.generate()),
    )
    keys = []
    for selector, algorithm, key in pairs:
        file = folder / f"{selector}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        keys.append(DkimKey(selector=selector, algorithm=algorithm, file=str(file)))  # type: ignore[arg-type]
    return tuple(keys)


def make_tenant(config: Config, now: float) -> Credentials:
    """The made-up tenant, its confirmed address and a login whose secret is returned once."""
    credentials = Credentials("bakker", secrets.token_urlsafe(20))
    tenant = Tenant(id=fresh_id(now), name=COMPANY, email=str(SIGNED_UP), locale="nl", created_at=now)
    digest = hashlib.sha256(credentials.password.encode()).digest()
    store = open_store(config.database.url)
    try:
        with store.transaction():
            store.add_tenant(tenant)
            store.add_login(Login(credentials.username, tenant.id, digest, created_at=now))
            store.put_sender(tenant.id, SIGNED_UP, SenderState.VERIFIED, now)
    finally:
        store.close()
    return credentials
