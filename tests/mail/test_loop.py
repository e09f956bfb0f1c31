"""Our own mark in Received: counted when it is true, worth nothing when it is made up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.mail.loop import own_hops, trace_id
from relay.mail.message import BytesBody, Message

SECRET = b"s" * 32
ID = "0123456789abcdef"


def hops(*traces: str, secret: bytes = SECRET) -> int:
    header = "".join(f"Received: from x by y\r\n\twith ESMTPSA id {trace};\r\n\tTue\r\n" for trace in traces)
    return own_hops(Message.parse(header.encode(), BytesBody(b"")), secret)


def test_true_marks_are_counted() -> None:
    assert hops(trace_id(ID, SECRET), "4bXyz", trace_id("0" * 16, SECRET)) == 2


def test_marks_of_others_and_made_up_ones_are_not() -> None:
    assert hops(trace_id(ID, b"another")) == 0
    assert hops(f"{ID}.{'0' * 20}") == 0
    assert hops(trace_id(ID, SECRET).replace("0123", "0124")) == 0


@given(st.binary(max_size=100).map(lambda octets: octets.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")))
def test_any_octets(octets: bytes) -> None:
    message = Message.parse(b"Received: id " + octets + b"\r\n", BytesBody(b""))
    assert own_hops(message, SECRET) == 0
