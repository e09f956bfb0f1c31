"""What is asked for with ``relay route set``, and what of it is refused with a reason."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from relay.cli.options import EXIT_USAGE, fail

if TYPE_CHECKING:
    from relay.cli.check.smtp import Target
    from relay.mail.own_server import OwnServer, SignInBy
    from relay.mail.route import TlsMode

WITH_LOGIN = frozenset({465, 587})
PORTS = {"implicit": 465, "starttls": 587, "none": 25}
UNPROTECTED = (
    "this way is unprotected: without TLS everybody in between can read and change the mail, and the server knows the "
    "relay by its address alone. Use port 587 (STARTTLS) or 465 (TLS from the start) with a user name and a password. "
    "Only where the server really offers nothing else: --tls none --insecure"
)
LOGIN_NEEDED = (
    "ports 587 and 465 take mail from whoever signs in: give --username, and the password when it is asked for or with "
    "--password-stdin"
)
NEVER_IN_THE_CLEAR = (
    "a password is never sent without TLS: use port 587 (--tls starttls) or 465 (--tls implicit) for this login"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings of an own server. ``port`` and ``tls`` may be open (None, empty): the probe sees what works."""

    host: str
    port: int | None
    tls: str
    username: str
    auth: str
    on_failure: str = "hold"

    @property
    def tls_mode(self) -> TlsMode:
        """How sessions are protected: with TLS, the certificate is verified."""
        from relay.mail.route import TlsMode

        return {"implicit": TlsMode.IMPLICIT, "none": TlsMode.NONE}.get(self.tls, TlsMode.REQUIRE)

    @property
    def sign_in_by(self) -> SignInBy:
        """How the relay signs in."""
        from relay.mail.own_server import SignInBy

        return SignInBy(self.auth) if self.username else SignInBy.NOTHING


def choose(target: Target, options: Mapping[str, Any]) -> Choice:
    """The choice that was made; one that would harm ends the command with the reason."""
    tls, port, username = options["tls"] or "", target.port, options["username"].strip()
    if not tls and port == 25 and not username:
        if not options["insecure"]:
            fail(UNPROTECTED, EXIT_USAGE)
        tls = "none"
    if tls == "none" and username:
        fail(NEVER_IN_THE_CLEAR, EXIT_USAGE)
    if tls == "none" and not options["insecure"]:
        fail(UNPROTECTED, EXIT_USAGE)
    if options["insecure"] and tls != "none":
        fail("--insecure: it belongs to --tls none", EXIT_USAGE)
    port = port or PORTS.get(tls)
    if not username and (port is None or port in WITH_LOGIN):
        fail(LOGIN_NEEDED, EXIT_USAGE)
    return Choice(target.host, port, tls, username, options["auth"], options["on_failure"])


def choice_of(server: OwnServer) -> Choice:
    """The settings that are kept, as a choice."""
    from relay.mail.route import TlsMode

    tls = {TlsMode.IMPLICIT: "implicit", TlsMode.NONE: "none"}.get(server.tls, "starttls")
    auth = server.sign_in_by.value if server.username else "password"
    return Choice(server.host, server.port, tls, server.username, auth, server.on_failure.value)


def read_secret(choice: Choice, password_stdin: bool) -> str:
    """The password, from standard input or a prompt that does not show it; never from an argument."""
    from relay.cli.check.smtp import read_password

    if not choice.username or choice.auth == "xoauth2":
        if password_stdin:
            fail("--password-stdin: there is no password without --username, nor with --auth xoauth2", EXIT_USAGE)
        return ""
    if password_stdin:
        password = read_password()
    elif sys.stdin.isatty():
        password = click.prompt(f"Password of {choice.username}", hide_input=True, err=True)
    else:
        fail("no terminal to ask for the password: give it with --password-stdin", EXIT_USAGE)
    return password or fail("the password is empty", EXIT_USAGE)
