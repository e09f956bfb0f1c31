"""``relay.toml``: every setting with its default, read into frozen structures; an unknown key is an error that helps."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""


class Platform(Section):
    """Who runs the relay, as recipients and tenants see it."""

    name: str = "Mail Platform"
    address: str = "mail@customers.platform.example"
    bounce_domain: str = "bounce.platform.example"
    base_url: str = "http://127.0.0.1:8025"
    spf_include: str = "spf.platform.example"
    locale: str = "en"
    hostname: str = ""


class Database(Section):
    url: str = "sqlite:///relay.db"


class Listener(Section):
    address: str = "127.0.0.1"
    port: int = 587
    tls: str = "starttls"
    auth: str = "required"
    certificate: str = ""
    key: str = ""


class Delivery(Section):
    via: str = "mx"
    smarthost: str = "127.0.0.1:25"
    tls: str = "opportunistic"
    ca_file: str = ""
    port: int = 25
    allow_private: bool = False
    connections: int = 10


class Policy(Section):
    unverified: str = "refuse"
    reply_to: str = "refuse"
    display_name: str = "company"
    message_size: int = 25_000_000
    recipients: int = 100


class DkimKey(Section):
    selector: str
    algorithm: str
    file: str


class Dkim(Section):
    domain: str = ""
    keys: tuple[DkimKey, ...] = ()


class Dns(Section):
    nameservers: tuple[str, ...] = ()


class Http(Section):
    address: str = "127.0.0.1"
    port: int = 8025


class Config(Section):
    platform: Platform = Platform()
    database: Database = Database()
    listener: tuple[Listener, ...] = ()
    delivery: Delivery = Delivery()
    policy: Policy = Policy()
    dkim: Dkim = Dkim()
    dns: Dns = Dns()
    http: Http = Http()
