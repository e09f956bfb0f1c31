"""Taking messages apart for display: what is shown, and that hostile structure costs little."""

from __future__ import annotations

import time

import pytest

from relay.server.web.parts import read_content


def nested(depth: int) -> bytes:
    """A multipart in a multipart in a multipart."""
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    return opening + b"Content-Type: text/plain\r\n\r\ndeep\r\n"


def parts(count: int) -> bytes:
    """A multipart of many parts."""
    part = b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n"
    return b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * count + b"--b--\r\n"


async def test_plain_message_is_text():
    content = await read_content(b"Subject: x\r\n\r\nHello\r\n")
    assert (content.text, content.html, content.attachments, content.problem) == ("Hello\r\n", None, (), "")


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("utf-8", b"\xe2\x82\xac", "€"),
        ("utf-8", b"\x80", "€"),
        ("windows-1252", b"\x80", "€"),
        ("iso-8859-15", b"\xa4", "€"),
        ("nonsense", b"\xe2\x82\xac", "€"),
        ("idna", b"xn--caf-dma", "xn--caf-dma"),
        ("zip", b"x", "x"),
        ("unicode_escape", b"\\x41", "\\x41"),
        ("a\\0b", b"x", "x"),
    ],
)
async def test_charsets(charset, body, text):
    content = await read_content(b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n" + body)
    assert content.text == text


async def test_message_in_a_message_is_an_attachment():
    inner = b"From: a@b.example\r\nSubject: inner\r\n\r\ninside\r\n"
    content = await read_content(
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n'
        + inner
        + b"\r\n--b--\r\n"
    )
    assert content.attachments[0].content_type == "message/rfc822"
    assert b"inside" in content.attachments[0].data


async def test_file_names_hold_no_paths():
    header = (
        b'Content-Type: application/pdf; name="../../etc/pass\\"wd\x01.pdf"\r\nContent-Disposition: attachment\r\n\r\n'
    )
    content = await read_content(header + b"x")
    assert not set(content.attachments[0].name) & set('/\\"\x01')


async def test_images_of_other_kinds_are_not_put_into_the_html():
    content = await read_content(
        b'Content-Type: multipart/related; boundary="b"\r\n\r\n'
        b'--b\r\nContent-Type: text/html\r\n\r\n<img src="cid:x">\r\n'
        b"--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <x>\r\n\r\n<svg/>\r\n--b--\r\n"
    )
    assert content.html is not None
    assert "data:" not in content.html


HOSTILE = {
    "nested 15": (nested(15), ""),
    "nested 100": (nested(100), ""),
    "nested 10000": (nested(10_000), "too_complex"),
    "messages in messages": (b"Content-Type: message/rfc822\r\n\r\n" * 5000, "too_complex"),
    "parts 99": (parts(99), ""),
    "parts 20000": (parts(20_000), "too_complex"),
    "empty lines": (b"X: y\r\n\r\n" + b"\r\n" * 500_000, "too_large"),
    "26 MB": (b"X: y\r\n\r\n" + b"a" * 26_000_000, "too_large"),
    "one line": (b"X: y\r\n\r\n" + b"a" * 20_000_000, ""),
    "parameters": (b"Content-Type: text/plain" + b'; a="b' * 200_000 + b"\r\n\r\nx", ""),
    "semicolons": (b"Content-Type: multipart/mixed" + b";" * 1_000_000 + b"\r\n\r\nx", ""),
    "continuations": (b"Content-Disposition: attachment" + b"; filename*%d=x" * 100_000 + b"\r\n\r\nx", ""),
    "encoded words": (b"Content-Type: text/plain; name=" + b"=?utf-8?q?" * 100_000 + b"\r\n\r\nx", ""),
    "fields": (b"a: b\r\n" * 100_000 + b"\r\nx", ""),
    "folds": (b"a: b\r\n" + b" x\r\n" * 100_000 + b"\r\nx", ""),
    "no colon": (b"nothing\r\n\r\nx", ""),
    "nothing": (b"", ""),
    "nul": (b"\0\r\n\r\n\0", ""),
    "base64 noise": (b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=" * 1_000_000, ""),
    "uuencode": (b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n" + b"\xff" * 100_000, ""),
    "boundary of nothing": (b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\n----\r\n', ""),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_structure_is_cheap(name):
    source, problem = HOSTILE[name]
    began = time.monotonic()
    content = await read_content(source)
    assert time.monotonic() - began < 30  # what is not linear takes minutes; a machine with other work takes seconds
    assert content.problem == problem


async def test_an_image_shown_very_often_stays_outside_the_html():
    html = b"cid:x " * 100_000
    source = (
        b'Content-Type: multipart/related; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n'
        + html
        + b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <x>\r\n\r\n"
        + b"x" * 100_000
        + b"\r\n--b--\r\n"
    )
    content = await read_content(source)
    assert content.html == html.decode()
