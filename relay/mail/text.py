"""Text in header fields: RFC 2047 read leniently and written exactly (rules B1 and B6)."""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp, b2a_base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.address import Address

LINE = 78  # RFC 5322 2.1.1: lines should be no longer
LONGEST_WORD = 63  # of an encoded word: RFC 2047 2 allows 75; this leaves room for "Reply-To: "
LONGEST_QUOTED = 400  # characters of a quoted-string; a longer one goes as encoded words, which fold

ENCODED_WORD = re.compile(r"=\?([\w.:-]++)(?:\*[^?]*+)?\?([bBqQ])\?([^?]*+)\?=")  # RFC 2047 2, RFC 2231 5
Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 5 (3)

# Codec -> what mail calls the character sets it reads, after the WHATWG Encoding Standard where mail programs name one
# and mean a larger one. A fixed table: a name that a stranger made up never reaches Python's own search for codecs.
_CHARSETS = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8",
    "ascii": "us-ascii ascii ansi-x3.4-1968",
    "cp1252": "iso-8859-1 iso8859-1 latin1 latin-1 l1 windows-1252 cp1252",
    "cp1254": "iso-8859-9 iso8859-9 latin5 windows-1254 cp1254",
    "koi8_r": "koi8-r koi8",
    "koi8_u": "koi8-u",
    "cp949": "euc-kr ks-c-5601-1987 ksc5601 cp949",
    "gb18030": "gb2312 gbk gb18030 cp936 x-gbk",
    "hz": "hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs cp950",
    "cp932": "shift-jis sjis windows-31j cp932",
    "euc_jp": "euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "iso2022_kr": "iso-2022-kr",
    "cp874": "tis-620 windows-874 cp874",
    "mac_roman": "macintosh x-mac-roman mac-roman",
    **{f"cp{page}": f"windows-{page} cp{page}" for page in (1250, 1251, 1253, 1255, 1256, 1257, 1258)},
    **{f"cp{page}": f"ibm{page} cp{page}" for page in (437, 850, 852, 858, 866)},
    **{f"iso8859-{part}": f"iso-8859-{part} iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 16)},
}
CODECS = {name: codec for codec, names in _CHARSETS.items() for name in names.split()}


def decode_raw(octets: bytes) -> str:
    """Octets outside of any encoding: UTF-8, else windows-1252 (rule A6)."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def decode_unstructured(value: bytes) -> str:
    """An unfolded field value as a person reads it, such as a Subject; what cannot be decoded stays as it is."""
    text = decode_raw(value)
    try:
        return decode_words(text)
    except UnicodeError:
        return text


def decode_words(text: str) -> str:
    """The text with its encoded words decoded (RFC 2047 6). Raises UnicodeError when one of them cannot be.

    The octets of neighbours in one character set are joined first: some programs cut characters in two.
    """
    if "=?" not in text:
        return text
    shown: list[str] = []
    octets, codec, end = bytearray(), "ascii", 0
    for match in ENCODED_WORD.finditer(text):
        between, word_codec = text[end : match.start()], codec_named(match[1])
        apart = not end or bool(between.strip())  # RFC 2047 6.2: white space between two encoded words is not shown
        if apart or word_codec != codec:
            shown += [octets.decode(codec), between if apart else ""]
            octets, codec = bytearray(), word_codec
        octets += word_octets(match[2], match[3], codec)
        end = match.end()
    return "".join([*shown, octets.decode(codec), text[end:]])


def codec_named(charset: str) -> str:
    """The codec for a character set of RFC 2047. Raises UnicodeError for one that nobody knows."""
    try:
        return CODECS[charset.lower().replace("_", "-")]
    except KeyError:
        raise UnicodeError(f"unknown character set: {charset}") from None


def word_octets(encoding: str, text: str, codec: str) -> bytes:
    """The octets of an encoded word (RFC 2047 4). Raises UnicodeError when they are not to be had."""
    try:
        if encoding in "qQ":
            return a2b_qp(text.encode(codec), header=True)
        bare = text.replace(" ", "").rstrip("=")
        return a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)
    except ValueError as error:
        raise UnicodeError(f"not an encoded word: {error}") from None


def encoded_words(text: str, room: int = LONGEST_WORD) -> list[str]:
    """The text as encoded words in UTF-8, each filled as far as it goes, never cut within a character (RFC 2047 5)."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be written
    words: list[str] = []
    start = octets = quoted = 0
    space = room - len("=?utf-8?Q??=")
    for place, char in enumerate(text):
        size = len(char.encode())
        cost = 1 if size == 1 and (char == " " or ord(char) in Q_SAFE) else 3 * size
        if min((octets + size + 2) // 3 * 4, quoted + cost) > space:
            words.append(encoded_word(text[start:place]))
            start, octets, quoted = place, 0, 0
        octets += size
        quoted += cost
    return [*words, encoded_word(text[start:])]


def encoded_word(text: str) -> str:
    """One encoded word, by the shorter of the encodings Q and B (RFC 2047 4)."""
    octets = text.encode()
    q = "".join("_" if octet == 32 else chr(octet) if octet in Q_SAFE else f"={octet:02X}" for octet in octets)
    b = b2a_base64(octets, newline=False).decode("ascii")
    return f"=?utf-8?Q?{q}?=" if len(q) <= len(b) else f"=?utf-8?B?{b}?="


def print_name(name: str) -> list[str]:
    """A display name as the words to fold between: one quoted-string, or encoded words (rule B6).

    Whatever the name holds, no octet of it can end the line or the word.
    """
    if name.isascii() and name.isprintable() and "=?" not in name and len(name) <= LONGEST_QUOTED:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')  # RFC 5322 3.2.4
        return [f'"{escaped}"']
    return encoded_words(name)


def print_mailboxes(field: str, mailboxes: Sequence[tuple[str, Address]]) -> bytes:
    """The value of an address field, folded, from clean names (or none: the address alone) and addresses."""
    words: list[bytes] = []
    for name, address in mailboxes:
        if words:
            words[-1] += b","
        if name:
            words += [word.encode("ascii") for word in print_name(name)]
        words.append(f"<{address}>".encode() if name else str(address).encode())
    return fold(field, words)


def encode_unstructured(field: str, text: str) -> bytes:
    """The value of an unstructured field of a mail of ours, such as its Subject: on one line, or folded."""
    plain = " ".join(text.split())
    words = plain.split(" ")
    if plain.isascii() and plain.isprintable() and "=?" not in plain and max(map(len, words)) <= LONGEST_QUOTED:
        return fold(field, [word.encode("ascii") for word in words])
    return fold(field, [word.encode("ascii") for word in encoded_words(plain)])


def fold(field: str, words: Sequence[bytes]) -> bytes:
    """The words with a space or a fold between them (RFC 5322 2.2.3); the first stays on the line of the field name."""
    out = bytearray(words[0])
    column = len(field) + 2 + len(words[0])
    for word in words[1:]:
        if column + 1 + len(word) > LINE:
            out += b"\r\n"
            column = 0
        out += b" " + word
        column += 1 + len(word)
    return bytes(out)
