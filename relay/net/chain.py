"""The certificates that came in a TLS handshake."""

from __future__ import annotations

import ssl
from typing import Any

from relay.net.wire import Wire

DER = 2  # ssl's ENCODING_DER, which has no public name


def chain_of(wire: Wire) -> tuple[bytes, ...]:
    """As DER, the server's own first. Before Python 3.13 only the inner object of ssl knows more than the first."""
    tls: Any = wire.transport.get_extra_info("ssl_object") if wire.transport else None
    if not isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
        return ()
    if hasattr(tls, "get_unverified_chain"):
        return tuple(tls.get_unverified_chain())
    inner: Any = getattr(tls, "_sslobj", None)
    if hasattr(inner, "get_unverified_chain"):
        return tuple(certificate.public_bytes(DER) for certificate in inner.get_unverified_chain())
    own = tls.getpeercert(binary_form=True)
    return (own,) if own else ()
