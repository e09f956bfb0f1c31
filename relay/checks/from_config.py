"""What a configuration says about how mail of a domain is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.checks.domain import DomainQuestion
from relay.checks.sending import Mode, Sending
from relay.config.schema import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relay.config import Config
    from relay.net.https import HttpsClient


def own_domain_question(config: Config, domain: str, keys: Mapping[str, str], client: HttpsClient) -> DomainQuestion:
    """Everything about a domain whose mail the platform is to send: its include, its reverse-paths. ``keys`` are the
    DKIM records that belong there, where the domain is ours."""
    ours = config.platform.spf_include
    include = "" if ours == Platform().spf_include else ours  # the example stands for none
    sending = Sending(Mode.OWN_DOMAIN, domain, config.platform.bounce_domain, dkim_domain=domain)
    return DomainQuestion(domain, sending, include, keys, client)
