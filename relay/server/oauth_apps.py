"""The applications of the configuration as clients of their providers, whose endpoints are dated data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from relay.checks.dated import table
from relay.net.oauth import Application, Endpoints, OAuthClient

if TYPE_CHECKING:
    from relay.config import Config
    from relay.config.outgoing import OAuthApp

CALLBACK = "/oauth/callback"


class AppError(Exception):
    """An application that cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Apps:
    """The ``[[oauth]]`` tables by name. Secrets are read at each use, so that a new one counts at once."""

    apps: Mapping[str, OAuthApp]
    redirect_uri: str
    ca_file: str
    now: Callable[[], float]

    def client(self, name: str) -> OAuthClient:
        """The client of an application. Raises `AppError`."""
        app = self.apps.get(name)
        if app is None:
            raise AppError(f'the configuration has no [[oauth]] with name = "{name}" any more')
        return OAuthClient(endpoints_of(app), Application(app.client_id, secret_of(app)), self.ca_file, self.now)


def open_apps(config: Config, now: Callable[[], float]) -> Apps:
    """The applications of a configuration."""
    apps = {app.name: app for app in config.oauth}
    return Apps(apps, config.platform.base_url.rstrip("/") + CALLBACK, config.delivery.ca_file, now)


def endpoints_of(app: OAuthApp) -> Endpoints:
    """Where an application's provider is asked: what the configuration says, else what is known."""
    known = table("oauth")[app.provider]
    directory = app.directory or known["common"]

    def place(name: str) -> str:
        return str(getattr(app, name) or known[name].replace("{directory}", directory))

    return Endpoints(
        authorize=place("authorize"),
        token=place("token"),
        device=place("device"),
        scope=place("scope"),
        application_scope=place("application_scope"),
        consent=known["consent"],
    )


def secret_of(app: OAuthApp) -> str:
    """The secret of an application, empty for one without. Raises `AppError`."""
    if not app.client_secret_file:
        return os.environ.get(f"RELAY_SECRET_OAUTH_{app.name.upper().replace('-', '_')}", "")
    try:
        return Path(app.client_secret_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise AppError(f"{app.client_secret_file}: {reason}; put the secret of the application there") from None
