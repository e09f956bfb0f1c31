"""A tenant's own SMTP server: where it is, how to sign in, and what to do when it fails."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.route import TlsMode


class SignInBy(StrEnum):
    """How the relay signs in. NOTHING: the server knows the relay by its address."""

    NOTHING = "nothing"
    PASSWORD = "password"  # noqa: S105 - the name of a way
    XOAUTH2 = "xoauth2"


class OnFailure(StrEnum):
    """What becomes of mail when the server fails for long: HOLD it, or send it by the PLATFORM's address."""

    HOLD = "hold"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class OwnServer:
    """The settings of a tenant, and what was seen since they were made. ``version`` is another each time that they are
    made or mended, so that late news about older ones does not count. ``sealed`` is the encrypted password, empty
    without. Times are seconds since 1970: ``refused_at`` since when the login is refused, with the server's words,
    ``failing_since`` since when nothing has got through, ``told_at`` when the tenant was told so."""

    tenant_id: str
    host: str
    port: int
    tls: TlsMode
    sign_in_by: SignInBy
    username: str
    sealed: bytes
    on_failure: OnFailure
    version: str
    changed_at: float
    refused_at: float | None = None
    refused_reply: str = ""
    failing_since: float | None = None
    told_at: float | None = None

    @property
    def place(self) -> str:
        """The server as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
