"""One relay process: store, intake, worker, listeners and pages, started together and stopped together."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from relay.config import Config
from relay.config.outgoing import SmarthostTable
from relay.config.section import octets, seconds
from relay.mail.route import CaptureRoute, MxRoute, Route, Smarthost, SmarthostRoute, TlsMode
from relay.net.dns import DnsResolver
from relay.net.post import Poster
from relay.server.bounces import BounceDesk
from relay.server.certificates import Certificates
from relay.server.disk import Disk
from relay.server.domain_checks import DomainChecks
from relay.server.holding import watch_held
from relay.server.housekeeping import Retention
from relay.server.inbound import Inbound
from relay.server.intake import Intake
from relay.server.oauth_apps import open_apps
from relay.server.oauth_connect import Accounts
from relay.server.oauth_tokens import OAuthTokens
from relay.server.office import Office, own_hostname
from relay.server.own_desk import OwnDesk
from relay.server.own_route import OwnRoutes, Tokens, key_files
from relay.server.recipients import SECONDS, RecipientCheck
from relay.server.replies import ReplyDesk
from relay.server.signer import load_signer
from relay.server.smtp import ListenerSettings, listen
from relay.server.telling import Teller
from relay.server.tls import listener_context
from relay.server.tls_desk import open_desk, open_policies
from relay.server.web import WebContext, create_app
from relay.server.web.serve import serve_http
from relay.server.webhooks import Webhooks
from relay.server.worker import Worker
from relay.store.group import CommitGroup
from relay.store.node import node_name

if TYPE_CHECKING:
    from relay.config import Listener
    from relay.server.smtp_contract import Reception
    from relay.server.transports.policy import Policies

log = logging.getLogger("relay.app")
SECRET_NAMES = ("verp", "forms", "loop")
NOW = time.time

Stop = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sockets:
    """Bound, not yet listening: one a listener, in order, and one for the pages."""

    smtp: tuple[socket.socket, ...]
    http: socket.socket


@dataclass(frozen=True, slots=True)
class Extras:
    """What `relay dev` adds to a relay: the inbox, the hints on its empty page, logins in the clear."""

    inbox: bool = False
    hints: tuple[tuple[str, str], ...] = ()
    auth_without_tls: bool = False


async def run(
    config: Config, sockets: Sockets, ready: Callable[[], None], stop: asyncio.Event, extras: Extras, *, alone: bool
) -> None:
    """Run a relay process until ``stop`` is set; ``ready`` is called when everything listens. ``alone`` says that it is
    the only one."""
    office = Office(config, load_signer(config), own_hostname(config.platform.hostname))
    async with AsyncExitStack() as stack:
        group = CommitGroup(config.database.url)
        await group.start()
        stack.push_async_callback(group.close)
        keys = {name: await installation_secret(group, name) for name in SECRET_NAMES}
        policies = open_policies(config, group, NOW) if config.delivery.via == "mx" else None
        worker = open_worker(config, office, group, keys["verp"], policies)
        if policies:
            desk = open_desk(config, office, policies, worker.wake, NOW)
            stack.push_async_callback(desk.close)
            stack.callback(asyncio.create_task(desk.run()).cancel)
        await worker.start()
        stops: list[Stop] = [worker.stop]  # each may take half a minute
        stack.push_async_callback(stop_together, stops)
        stack.callback(asyncio.create_task(watch_held(group, office, worker.wake, NOW)).cancel)
        webhooks = Webhooks(group, key_files(config), Poster(config.delivery.ca_file), NOW)
        stack.callback(asyncio.create_task(webhooks.run()).cancel)
        teller = Teller(group, office, worker.wake, NOW, config.policy.late_after)
        stack.callback(asyncio.create_task(teller.watch()).cancel)
        intake = Intake(group, office, worker, NOW, keys["loop"], alone=alone)
        certificates = Certificates()
        answers = ReplyDesk(group, office, worker.wake, NOW, keys["loop"])
        if any(listener.auth == "none" for listener in config.listener):
            stack.callback(asyncio.create_task(answers.watch()).cancel)
        reception = Inbound(office, group, keys["verp"], BounceDesk(group, NOW), answers, NOW)
        stops += await open_listeners(config, sockets.smtp, intake, reception, certificates, extras)
        if certificates.certificates:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, certificates.reload)
        stack.callback(asyncio.create_task(certificates.watch()).cancel)
        stops.append(await open_pages(config, sockets.http, group, keys["forms"], extras))
        ready()
        await stop.wait()
        log.info("stopping")


def open_worker(
    config: Config, office: Office, group: CommitGroup, verp_key: bytes, policies: Policies | None
) -> Worker:
    """What carries out deliveries, with everything it asks."""
    return Worker(
        group=group,
        route=platform_route(config),
        delivery=config.delivery,
        resolver=DnsResolver(config.dns.nameservers),
        node=node_name(),
        hostname=office.hostname,
        verp_key=verp_key,
        bounce_domain=config.platform.bounce_domain,
        own_routes=OwnRoutes(group, key_files(config), open_tokens(config, group), allowed=config.policy.own_servers),
        after_own=OwnDesk(group, office, NOW).settled,
        now=NOW,
        retention=Retention(config.policy.bodies_kept_for, config.policy.messages_kept_for),
        policies=policies,
    )


def open_tokens(config: Config, group: CommitGroup) -> Tokens:
    """Where OAuth access tokens for own servers come from."""
    return OAuthTokens(group, key_files(config), open_apps(config, NOW), NOW)


async def open_listeners(
    config: Config,
    sockets: Sequence[socket.socket],
    intake: Intake,
    reception: Reception,
    certificates: Certificates,
    extras: Extras,
) -> list[Stop]:
    """Every listener on its socket, its certificate under watch; what stops them."""
    recipient_check = open_recipient_check(config, intake.group)
    stops: list[Stop] = []
    for listener, sock in zip(config.listener, sockets, strict=True):
        settings = listener_settings(config, listener, intake.office.hostname, extras)
        if listener.auth == "none":  # one recipient a message: each is for another desk
            settings = replace(settings, reception=reception, recipients=1)
        else:
            settings = replace(settings, recipient_check=recipient_check)
        certificates.add(listener.certificate, listener.key, settings.context)
        stops.append((await listen(settings, intake, sock)).stop)
    return stops


async def open_pages(config: Config, sock: socket.socket, group: CommitGroup, secret: bytes, extras: Extras) -> Stop:
    """The pages on their socket; what stops them."""
    context = WebContext(
        platform=config.platform,
        group=group,
        secret=secret,
        now=NOW,
        inbox=extras.inbox,
        hints=extras.hints,
        checks=DomainChecks(config),
        accounts=Accounts(group, open_apps(config, NOW), key_files(config), secret, NOW),
    )
    return (await serve_http(create_app(context), sock)).stop


async def stop_together(stops: Sequence[Stop]) -> None:
    """Stop several at the same time, so that all of them take no longer than the slowest."""
    for result in await asyncio.gather(*(each() for each in stops), return_exceptions=True):
        if result is not None:
            raise result


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set ``stop`` on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


def open_recipient_check(config: Config, group: CommitGroup) -> RecipientCheck | None:
    """What is said of recipients at RCPT; None when nothing is."""
    how = config.policy.recipient_check
    if how == "off":
        return None
    resolver = DnsResolver(config.dns.nameservers, SECONDS, SECONDS / 2)
    return RecipientCheck(group, resolver, time.monotonic, refuses=how == "refuse")


async def installation_secret(group: CommitGroup, name: str) -> bytes:
    """A secret of the installation, made the first time it is asked for."""
    fresh = secrets.token_bytes(32)
    return await group.write(lambda store: store.secret(name, fresh))


def platform_route(config: Config) -> Route:
    """The route of mail that leaves by the platform."""
    tls = TlsMode(config.delivery.tls)
    match config.delivery.via:
        case "capture":
            return CaptureRoute()
        case "smarthost":
            return SmarthostRoute(tuple(map(smarthost_of, config.smarthost)) or (one_smarthost(config),))
        case _:
            return MxRoute(tls)


def one_smarthost(config: Config) -> Smarthost:
    """That of ``delivery.smarthost``."""
    host, _, port = config.delivery.smarthost.rpartition(":")
    return Smarthost(host.strip("[]"), int(port), TlsMode(config.delivery.tls))


def smarthost_of(table: SmarthostTable) -> Smarthost:
    """That of a ``[[smarthost]]`` table."""
    return Smarthost(
        host=table.host,
        port=table.port,
        tls=TlsMode(table.tls),
        username=table.username,
        password_file=table.password_file,
        priority=table.priority,
        weight=table.weight,
    )


def listener_settings(config: Config, listener: Listener, hostname: str, extras: Extras) -> ListenerSettings:
    """A listener's settings as the SMTP server takes them."""
    limits = config.limits
    return ListenerSettings(
        hostname=hostname,
        tls=listener.tls,
        context=listener_context(listener.certificate, listener.key, hostname) if listener.tls != "none" else None,
        auth_without_tls=extras.auth_without_tls or listener.tls == "none",
        message_size=config.policy.size_limit,
        by_network=listener.auth == "network",
        proxies=listener.proxies,
        disk=Disk(spool_directory(config), limits.reserve(config.policy.size_limit)),
        recipients=config.policy.recipients,
        header_size=octets(limits.header_size),
        header_fields=limits.header_fields,
        bare_newline=listener.bare_newline,
        errors=limits.errors,
        auth_failures=limits.auth_failures,
        idle_for=seconds(limits.idle),
        session_for=seconds(limits.session),
        data_rate=float(limits.data_rate),
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
        spool_directory=spool_directory(config),
    )


def spool_directory(config: Config) -> str:
    """Where large messages wait while they come in: beside the database, so that one disk is watched."""
    path = config.database.url.removeprefix("sqlite:///")
    return str(Path(path).parent) if path != config.database.url else tempfile.gettempdir()
