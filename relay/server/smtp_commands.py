"""The commands that are answered at once: from a session and an argument to the octets of a reply, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from relay.mail.path import PathError, parse_params, parse_path
from relay.mail.reply import Reply
from relay.mail.wish import Wish, read_envid, read_notify, read_orcpt, read_ret
from relay.server.smtp_session import Transaction

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.server.smtp_session import Session


def reply(code: int, enhanced: str, *lines: str) -> bytes:
    """A reply as it goes on the wire."""
    return Reply(code, enhanced, lines).encode()


OK = reply(250, "2.0.0", "ok")
SENDER_OK = reply(250, "2.1.0", "sender ok")
RECIPIENT_OK = reply(250, "2.1.5", "recipient ok")
BYE = reply(221, "2.0.0", "goodbye")
HELP = reply(214, "2.0.0", "commands: EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT", "see RFC 5321 and RFC 6409")
NOT_VERIFIED = reply(252, "2.5.2", "cannot verify, but will take a message for it")  # RFC 5321 3.5.3
UNKNOWN = reply(500, "5.5.1", "unknown command")
NOT_IMPLEMENTED = reply(502, "5.5.1", "not implemented")
GARBLED = reply(500, "5.5.2", "malformed command")
LINE_TOO_LONG = reply(500, "5.5.2", "command line too long")  # RFC 5321 4.5.3.1.4
NO_ARGUMENT = reply(501, "5.5.4", "this command takes no argument")
HELO_FIRST = reply(503, "5.5.1", "say EHLO first")
TLS_FIRST = reply(530, "5.7.0", "must issue a STARTTLS command first")  # RFC 3207 4
AUTH_FIRST = reply(530, "5.7.0", "authentication required")  # RFC 4954 6
MAIL_FIRST = reply(503, "5.5.1", "say MAIL first")
RCPT_FIRST = reply(503, "5.5.1", "say RCPT first")
NESTED_MAIL = reply(503, "5.5.1", "a mail transaction is open already")
TOO_MANY_RECIPIENTS = reply(452, "4.5.3", "too many recipients")  # RFC 5321 4.5.3.1.10
NULL_SENDER = reply(550, "5.7.1", "a submission needs a reverse-path that is not empty")
NEEDS_SMTPUTF8 = reply(553, "5.6.7", "non-ASCII address needs SMTPUTF8")  # RFC 6531 3.5
UNKNOWN_PARAMETER = reply(555, "5.5.4", "parameter not recognized or not implemented")  # RFC 5321 4.1.1.11
NEEDS_TLS = reply(530, "5.7.10", "REQUIRETLS needs TLS")
BAD_PARAMETER = reply(501, "5.5.4", "bad value of a parameter")
POSTMASTER = b"<postmaster>"
NO_ROOM = reply(452, "4.3.1", "no room for mail at this moment, try again later")
TOO_LARGE = reply(552, "5.3.4", "message is larger than what is accepted")  # RFC 1870 6.1
NOT_SMTP = reply(421, "4.7.0", "this is an SMTP server")
TOO_MANY_ERRORS = reply(421, "4.7.0", "too many errors")
TOO_MANY_IDLE_COMMANDS = reply(421, "4.7.0", "too many commands without a message")
OUT_OF_STEP = reply(554, "5.5.0", "wait for the reply to the last command before sending more")  # RFC 2920 3.1


def helo(session: Session, argument: bytes) -> bytes:
    """HELO (RFC 5321 4.1.1.1)."""
    return greet(session, argument, extended=False) or reply(250, "", session.settings.hostname)


def ehlo(session: Session, argument: bytes) -> bytes:
    """EHLO: what we can do; SIZE as RFC 1870, AUTH only where a password may pass."""
    if problem := greet(session, argument, extended=True):
        return problem
    settings = session.settings
    offers = ["PIPELINING", f"SIZE {settings.message_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
    offers += ["DSN"] if settings.reception is None else []
    if settings.tls == "starttls" and not session.tls and settings.context is not None:
        offers.append("STARTTLS")
    if session.tls and settings.reception is None:
        offers.append("REQUIRETLS")  # RFC 8689 3
    if session.may_sign_in and session.neighbour is None:
        offers.append("AUTH PLAIN LOGIN")
    return reply(250, "", settings.hostname, *offers)


def greet(session: Session, argument: bytes, extended: bool) -> bytes:
    """Remember who says hello and begin anew; the reply when it cannot be. Any printable word will do."""
    if not argument or len(argument) > 255 or any(octet <= 32 or octet >= 127 for octet in argument):
        return reply(501, "5.5.4", "say the name of your machine")
    session.helo = argument.decode("ascii")
    session.extended = extended
    session.transaction = None  # RFC 5321 4.1.4
    return b""


def not_yet(session: Session) -> bytes:
    """What has to come before mail: the reply that says so, or nothing."""
    if not session.helo:
        return HELO_FIRST
    if session.needs_tls:
        return TLS_FIRST
    if session.tenant is None and session.settings.reception is None:
        return AUTH_FIRST
    return b""


def mail(session: Session, argument: bytes) -> bytes:
    """MAIL (RFC 5321 4.1.1.2) with SIZE, BODY, SMTPUTF8, AUTH, RET, ENVID and REQUIRETLS."""
    if problem := not_yet(session):
        return problem
    if session.transaction is not None:
        return NESTED_MAIL
    if session.settings.disk is not None and not session.settings.disk.has_room():
        return NO_ROOM
    if argument[:5].upper() != b"FROM:":
        return reply(501, "5.5.4", "say MAIL FROM:<address>")
    try:
        path, rest = parse_path(argument[5:].lstrip(b" "), null_ok=True, smtputf8=True)
        params = parse_params(rest)
        return check_mail(session, argument.isascii(), params) or open_transaction(session, path, params)
    except PathError as error:
        return reply(error.code, error.enhanced, error.text)


def check_mail(session: Session, is_ascii: bool, params: dict[str, str | None]) -> bytes:
    """The reply when the parameters of MAIL are not acceptable, or nothing."""
    if (params and not session.extended) or not params.keys() <= MAIL_PARAMETERS:
        return UNKNOWN_PARAMETER
    if not is_ascii and "SMTPUTF8" not in params:
        return NEEDS_SMTPUTF8
    if "REQUIRETLS" in params and not session.tls:  # RFC 8689 3: offered under TLS only
        return NEEDS_TLS
    if params.get("SMTPUTF8") or params.get("REQUIRETLS") or ("AUTH" in params and not params["AUTH"]):
        return BAD_PARAMETER
    if "BODY" in params and (params["BODY"] or "").upper() not in {"7BIT", "8BITMIME"}:  # RFC 6152 2
        return BAD_PARAMETER
    if "SIZE" in params:
        size = params["SIZE"] or ""
        if not size.isdigit() or len(size) > 20:  # RFC 1870 5
            return BAD_PARAMETER
        if int(size) > session.settings.message_size:
            return TOO_LARGE
    return b""


def open_transaction(session: Session, path: Address | None, params: dict[str, str | None]) -> bytes:
    """Begin a mail transaction; a tenant's cannot have the null reverse-path (rule A10). Raises `PathError`."""
    ret = read_ret(params["RET"]) if "RET" in params else ""
    envid = read_envid(params["ENVID"]) if "ENVID" in params else ""
    if path is None and session.settings.reception is None:
        return NULL_SENDER
    requires_tls = "REQUIRETLS" in params
    if requires_tls:
        ret = "HDRS"  # RFC 8689 5: what is said of it later shows no more than its header
    session.transaction = Transaction(path, "SMTPUTF8" in params, ret, envid, requires_tls)
    return SENDER_OK


def rcpt(session: Session, argument: bytes) -> bytes:
    """RCPT (RFC 5321 4.1.1.3) with NOTIFY and ORCPT."""
    if problem := not_yet(session):
        return problem
    transaction = session.transaction
    if transaction is None:
        return MAIL_FIRST
    if argument[:3].upper() != b"TO:":
        return reply(501, "5.5.4", "say RCPT TO:<address>")
    try:
        path, rest = parse_path(forward_path(session, argument), null_ok=False, smtputf8=transaction.smtputf8)
        params = parse_params(rest)
        if (params and not session.extended) or not params.keys() <= {"NOTIFY", "ORCPT"}:
            return UNKNOWN_PARAMETER
        wish = Wish(
            read_notify(params["NOTIFY"]) if "NOTIFY" in params else "",
            read_orcpt(params["ORCPT"]) if "ORCPT" in params else "",
        )
    except PathError as error:
        return reply(error.code, error.enhanced, error.text)
    assert path is not None  # null_ok is False
    known = transaction.forward_paths
    if path.key not in known and len(known) >= session.settings.recipients:
        return TOO_MANY_RECIPIENTS
    known.setdefault(path.key, path)
    transaction.wishes.setdefault(path.key, wish)
    return RECIPIENT_OK


def forward_path(session: Session, argument: bytes) -> bytes:
    """What follows ``TO:``; where mail comes in, postmaster needs no domain (RFC 5321 4.1.1.3)."""
    text = argument[3:].lstrip(b" ")
    if session.settings.reception is None or text[: len(POSTMASTER)].lower() != POSTMASTER:
        return text
    return b"<postmaster@" + session.settings.hostname.encode() + b">" + text[len(POSTMASTER) :]


def ready_for_data(session: Session, argument: bytes) -> bytes:
    """The reply when DATA cannot begin yet (RFC 5321 4.1.1.4), or nothing."""
    if problem := not_yet(session):
        return problem
    if argument:
        return NO_ARGUMENT
    if session.transaction is None:
        return MAIL_FIRST
    return b"" if session.transaction.forward_paths else RCPT_FIRST


def rset(session: Session, argument: bytes) -> bytes:
    """RSET (RFC 5321 4.1.1.5)."""
    if argument:
        return NO_ARGUMENT
    session.transaction = None
    return OK


def quit_(session: Session, argument: bytes) -> bytes:
    """QUIT (RFC 5321 4.1.1.10)."""
    if argument:
        return NO_ARGUMENT
    session.closing = True
    return BYE


def vrfy(session: Session, argument: bytes) -> bytes:  # noqa: ARG001 - a command like the others
    """VRFY (RFC 5321 4.1.1.6): neither yes nor no."""
    return NOT_VERIFIED if argument else reply(501, "5.5.4", "say VRFY address")


def not_smtp(session: Session, argument: bytes) -> bytes:  # noqa: ARG001 - a command like the others
    """Another protocol's first line: nobody there understands us."""
    session.closing = True
    return NOT_SMTP


def always(said: bytes) -> Answerer:
    """A command whose reply is always the same."""
    return lambda _session, _argument: said


Answerer = Callable[["Session", bytes], bytes]

ANSWERS: dict[bytes, Answerer] = {
    b"MAIL": mail,
    b"RCPT": rcpt,
    b"RSET": rset,
    b"NOOP": always(OK),
    b"EHLO": ehlo,
    b"HELO": helo,
    b"QUIT": quit_,
    b"VRFY": vrfy,
    b"HELP": always(HELP),
    b"EXPN": always(NOT_IMPLEMENTED),
    b"TURN": always(NOT_IMPLEMENTED),
    **dict.fromkeys(
        (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"PATCH", b"TRACE", b"PRI", b"PROXY"),
        not_smtp,
    ),
    **dict.fromkeys((b"HOST:", b"USER-AGENT:", b"CONTENT-TYPE:", b"CONTENT-LENGTH:"), not_smtp),
}

MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID", "REQUIRETLS"})
IDLE_COMMANDS = frozenset({b"NOOP", b"RSET", b"VRFY", b"HELP", b"EHLO", b"HELO"})
# Octets with CRLF; all others 512. MAIL and RCPT with the longest path and every parameter at its longest fit in 1,000.
LONGEST = {b"MAIL": 1_000, b"RCPT": 1_000, b"AUTH": 12_288}
