"""Whether an address is the platform's own, which all mail comes from, and whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.address import Address

SHARED = ""


def whose(template: str, address: Address) -> str | None:
    """The tenant behind an address made from the setting ``template``, `SHARED` where it holds no ``{tenant}``; None
    for an address that is not the platform's."""
    before, placeholder, after = template.lower().partition("{tenant}")
    key = address.key
    if not placeholder:
        return SHARED if key == before else None
    if not (key.startswith(before) and key.endswith(after)):
        return None
    tenant = key[len(before) : len(key) - len(after)]
    return tenant if tenant.isalnum() else None
