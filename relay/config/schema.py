"""The settings: frozen structures with a default and a description for every key."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from relay.config.outgoing import Delivery, Dkim, OAuthApp, Secrets, SmarthostTable
from relay.config.section import Count, Locale, Port, Section, octets, seconds
from relay.mail.document import BUILT_IN, Guard


class Platform(Section, frozen=True):
    """Who runs the relay, as recipients and tenants see it."""

    name: Annotated[str, Meta(description="The platform's name, in mails and pages.")] = "Mail Platform"
    address: Annotated[str, Meta(description="The From of all mail; may hold {tenant}.")] = (
        "mail@customers.platform.example"
    )
    bounce_domain: Annotated[str, Meta(description="Domain of the reverse-paths; bounces come back to it.")] = (
        "bounce.platform.example"
    )
    base_url: Annotated[str, Meta(description="Where the pages are reached; links in mails begin with it.")] = (
        "http://127.0.0.1:8025"
    )
    spf_include: Annotated[str, Meta(description="The name that customers include in their SPF record.")] = (
        "spf.platform.example"
    )
    postmaster: Annotated[
        str,
        Meta(
            description="Who gets mail to postmaster and abuse at our domains, and what nobody can match to a message."
        ),
    ] = ""
    locale: Annotated[Locale, Meta(description="Language where a tenant has none of its own.")] = "en"
    hostname: Annotated[str, Meta(description="Name in greeting, EHLO and Received (empty: the machine's).")] = ""


class Database(Section, frozen=True):
    """Where tenants, senders and the queue are kept."""

    url: Annotated[str, Meta(description="sqlite:///relative.db or sqlite:////absolute.db.")] = "sqlite:///relay.db"


class Neighbour(Section, frozen=True):
    """A network that hands in mail for a tenant without a login."""

    network: Annotated[str, Meta(description="CIDR, such as 192.168.1.0/24.")]
    tenant: Annotated[str, Meta(description="Identifier or name of the tenant.")]


class Listener(Section, frozen=True):
    """A port on which apps hand in mail."""

    address: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port; 0 is any free one.")] = 2587
    tls: Annotated[
        Literal["starttls", "implicit", "none"],
        Meta(description="none: no TLS and logins in the clear, for loopback only."),
    ] = "starttls"
    auth: Annotated[
        Literal["required", "network", "none"],
        Meta(
            description="Who may hand in mail: whoever logs in, or whoever sits in one of networks. none: bounces and "
            "replies come in here from anybody, on port 25."
        ),
    ] = "required"
    networks: Annotated[
        tuple[Neighbour, ...],
        Meta(description='For auth = "network": [{network = "192.168.1.0/24", tenant = "Bakker B.V."}].'),
    ] = ()
    proxies: Annotated[
        tuple[str, ...],
        Meta(description="Networks of load balancers: each connection from there begins with a PROXY header (v1, v2)."),
    ] = ()
    bare_newline: Annotated[
        Literal["normalize", "reject"],
        Meta(description="A LF without CR: make it CRLF, or refuse the message (550 5.6.11) or command."),
    ] = "normalize"
    certificate: Annotated[str, Meta(description="PEM file (empty on loopback: self-signed).")] = ""
    key: Annotated[str, Meta(description="PEM file of the certificate's private key.")] = ""


class Policy(Section, frozen=True):
    """What is accepted, and how it is rewritten."""

    unverified: Annotated[
        Literal["refuse", "hold"],
        Meta(description="Mail of an unconfirmed sender: refuse it, or hold it until the owner confirms (72 h)."),
    ] = "refuse"
    reply_to: Annotated[
        Literal["refuse", "drop"],
        Meta(description="A Reply-To that is not verified: refuse the mail or drop the field."),
    ] = "refuse"
    display_name: Annotated[
        Literal["company", "message"], Meta(description="Name in the From: the tenant's or the message's own.")
    ] = "company"
    auto_submitted: Annotated[
        bool,
        Meta(description="Add Auto-Submitted: auto-generated (RFC 3834) where an app does not: fewer spam points."),
    ] = True
    name_suffix: Annotated[bool, Meta(description='"via (platform)" behind the name in the From.')] = False
    message_size: Annotated[int | str, Meta(description='Largest message, such as "25 MB".')] = "25 MB"
    recipients: Annotated[Count, Meta(description="Most recipients of one message.")] = 100
    recipient_check: Annotated[
        Literal["off", "warn", "refuse"],
        Meta(description="A recipient whose domain takes no mail, says public DNS: accept it, say so, or refuse it."),
    ] = "off"
    suppression: Annotated[
        Literal["refuse", "off"],
        Meta(description="Recipients on the suppression list: refuse them, or send to them all the same."),
    ] = "refuse"
    document: Annotated[str, Meta(description="Type of a message that names none and fits no pattern.")] = "invoice"
    own_servers: Annotated[bool, Meta(description="Tenants may send by an SMTP server of their own.")] = True
    own_server_patience: Annotated[
        str, Meta(description="How long an own server may fail before the tenant is told, or the platform sends.")
    ] = "4h"
    delay_notice: Annotated[
        str, Meta(description='Age of a message at which its author is told that it is late ("0s": never).')
    ] = "4h"
    keep_bodies: Annotated[str, Meta(description="How long bodies are kept after the last delivery.")] = "1h"
    keep_messages: Annotated[str, Meta(description="How long the rest of a message is kept.")] = "30d"

    @property
    def size_limit(self) -> int:
        """Largest message in octets."""
        return octets(self.message_size)

    @property
    def patient_for(self) -> float:
        """Seconds that an own server may fail before something is done."""
        return seconds(self.own_server_patience)

    @property
    def late_after(self) -> float:
        """Seconds until the author is told that a message is late; 0: never."""
        return seconds(self.delay_notice)

    @property
    def bodies_kept_for(self) -> float:
        """Seconds that a body is kept after the last delivery."""
        return seconds(self.keep_bodies)

    @property
    def messages_kept_for(self) -> float:
        """Seconds that the rest of a message is kept after the last delivery."""
        return seconds(self.keep_messages)


class Limits(Section, frozen=True):
    """What one client, and all of them together, may take of the relay."""

    connections: Annotated[Count, Meta(description="Most SMTP connections of a listener, in each process.")] = 2000
    connections_per_address: Annotated[Count, Meta(description="Most SMTP connections of one client address.")] = 50
    header_size: Annotated[int | str, Meta(description="Largest header of a message.")] = "100 kB"
    header_fields: Annotated[Count, Meta(description="Most header fields.")] = 1000
    errors: Annotated[Count, Meta(description="Errors that end a session.")] = 20
    auth_failures: Annotated[Count, Meta(description="Wrong passwords that end a session.")] = 5
    idle: Annotated[str, Meta(description="How long a client may say nothing (10s when it is crowded).")] = "300s"
    session: Annotated[str, Meta(description="Longest session.")] = "1h"
    data_rate: Annotated[Count, Meta(description="Least octets a second of a message, after half a minute.")] = 500
    disk_reserve: Annotated[
        int | str, Meta(description="Free space below which no message is taken (452): empty is 1.5 messages.")
    ] = ""

    def reserve(self, message_size: int) -> int:
        """The free space in octets below which no message is taken."""
        return octets(self.disk_reserve) if self.disk_reserve != "" else message_size * 3 // 2


class DocumentType(Section, frozen=True):
    """A document type beside the built-in ones, or a built-in one with another default."""

    name: Annotated[str, Meta(description="As X-Relay-Document names it: a-z, 0-9 and hyphens.")]
    internal_only: Annotated[
        Literal["off", "refuse", "redirect"],
        Meta(description="Where tenants set nothing else: may it leave the company? See docs/documents.md."),
    ] = "off"


class Dns(Section, frozen=True):
    """Whom to ask."""

    nameservers: Annotated[tuple[str, ...], Meta(description="host:port (empty: the system's).")] = ()
    validating: Annotated[
        bool | Literal["auto"],
        Meta(description="They check DNSSEC and are to be trusted: DANE. auto: if they are on this machine and do."),
    ] = "auto"


class Http(Section, frozen=True):
    """The pages: confirming and withdrawing senders."""

    address: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port; 0 is any free one.")] = 8025


class Config(Section, frozen=True):
    """The whole configuration."""

    platform: Platform = Platform()
    database: Database = Database()
    listener: tuple[Listener, ...] = (Listener(),)
    delivery: Delivery = Delivery()
    smarthost: tuple[SmarthostTable, ...] = ()
    policy: Policy = Policy()
    limits: Limits = Limits()
    document: tuple[DocumentType, ...] = ()
    dkim: Dkim = Dkim()
    secrets: Secrets = Secrets()
    oauth: tuple[OAuthApp, ...] = ()
    dns: Dns = Dns()
    http: Http = Http()

    @property
    def document_types(self) -> dict[str, Guard]:
        """Every document type, and whether it stays inside the company."""
        return {**BUILT_IN, **{each.name: Guard(each.internal_only) for each in self.document}}
