"""The settings of how mail leaves: its way, smarthosts, signatures, and what signs in for tenants."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from relay.config.section import Count, Port, Section


class Delivery(Section, frozen=True):
    """How mail leaves."""

    via: Annotated[
        Literal["mx", "smarthost", "capture"],
        Meta(description="mx: to the recipient's servers; smarthost: by servers of yours; capture: keep and show."),
    ] = "mx"
    smarthost: Annotated[str, Meta(description="host:port, where there is no [[smarthost]].")] = "127.0.0.1:25"
    tls: Annotated[
        Literal["opportunistic", "require", "none"], Meta(description="require verifies the certificate.")
    ] = "opportunistic"
    ca_file: Annotated[str, Meta(description="PEM file of further certificate authorities (empty: the system's).")] = ""
    port: Annotated[Port, Meta(description="Port of mail exchangers (25 but in tests).")] = 25
    allow_private: Annotated[
        bool, Meta(description="Deliver to mail exchangers at loopback and private addresses.")
    ] = False
    connections: Annotated[Count, Meta(description="Most connections a process to one destination.")] = 10
    conversation: Annotated[
        Literal["failures", "all"],
        Meta(description="Which attempts keep what was said: those that did not deliver, or all."),
    ] = "failures"
    tls_reports: Annotated[bool, Meta(description="Daily reports about TLS to domains that want them (RFC 8460).")] = (
        True
    )


class SmarthostTable(Section, frozen=True):
    """A server that passes the platform's mail on, for `delivery.via = "smarthost"`."""

    host: Annotated[str, Meta(description="Its name, which the certificate must have.", min_length=1)]
    port: Annotated[Port, Meta(description="587 for STARTTLS, 465 for implicit TLS.")] = 587
    tls: Annotated[
        Literal["require", "implicit", "opportunistic", "none"],
        Meta(description="require and implicit verify the certificate; a login needs one of them."),
    ] = "require"
    username: Annotated[str, Meta(description="Login (empty: none).")] = ""
    password_file: Annotated[str, Meta(description="File with the password, read at each sign-in.")] = ""
    priority: Annotated[int, Meta(description="The lowest is used first, the next ones when it fails.", ge=0)] = 0
    weight: Annotated[Count, Meta(description="Its share among those of the same priority.")] = 1


class DkimKey(Section, frozen=True):
    """A key to sign with."""

    selector: Annotated[str, Meta(description="Its selector in DNS.")]
    algorithm: Annotated[Literal["rsa-sha256", "ed25519-sha256"], Meta(description="RFC 6376 and RFC 8463.")]
    file: Annotated[str, Meta(description="PEM file of the private key, relative to the configuration file.")]


class Dkim(Section, frozen=True):
    """How mail is signed. Without keys it is not."""

    domain: Annotated[str, Meta(description="Signing domain (empty: the domain of platform.address).")] = ""
    keys: Annotated[tuple[DkimKey, ...], Meta(description="Each message is signed with every one.")] = ()


class Secrets(Section, frozen=True):
    """What opens the passwords of tenants' own servers in the database."""

    key_file: Annotated[
        str,
        Meta(description="File with the key (empty: relay-secrets of the service manager, or beside the database)."),
    ] = ""


class OAuthApp(Section, frozen=True):
    """An application that is registered at a provider, to connect customers' accounts with (docs/own-server.md)."""

    name: Annotated[str, Meta(description="As `relay route connect --app` names it: a-z, 0-9 and hyphens.")]
    provider: Annotated[
        Literal["microsoft", "google", "custom"],
        Meta(description="Whose endpoints it uses; custom: those given here."),
    ]
    client_id: Annotated[str, Meta(description="Its identifier there.", min_length=1)]
    client_secret_file: Annotated[
        str, Meta(description="File with its secret (empty: RELAY_SECRET_OAUTH_ with its name, else none).")
    ] = ""
    directory: Annotated[str, Meta(description="Directory (tenant) identifier at Microsoft; empty: any.")] = ""
    authorize: Annotated[str, Meta(description="Endpoint where people agree (empty: the provider's).")] = ""
    token: Annotated[str, Meta(description="Endpoint for tokens (empty: the provider's).")] = ""
    device: Annotated[str, Meta(description="Endpoint for codes of devices (empty: the provider's).")] = ""
    scope: Annotated[str, Meta(description="What people are asked for (empty: to send by SMTP).")] = ""
    application_scope: Annotated[str, Meta(description="What an application is let in for.")] = ""
