"""The mails that we write ourselves, read as the recipient's program reads them (stdlib as an oracle)."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.config import Platform
from relay.locales import LANGUAGES, catalog
from relay.mail.address import parse_address
from relay.mail.delivery import Answer, Delivery, State
from relay.mail.route import RouteKind
from relay.mail.tenant import Tenant
from relay.server.delays import delay_notice, recovered_notice
from relay.server.failure_reason import REASONS, SUBJECTS, WORDS, failure_reason
from relay.server.notices import verification_mail, written_date
from relay.server.reports import failure_notice
from relay.store.model import MessageKind, StoredMessage

PLATFORM = Platform(name="Klantenplatform", address="mail@customers.platform.example")
NOW = 1795507500.0  # Tuesday 24 November 2026, 08:05 UTC
DAY = 86400.0
CONFIRM = "https://mail.platform.example/confirm/4fJ1kq0sXnB8Zr2mVtY7wQ3hLc9aUoE5dGi6pKzTsA0"
WITHDRAW = "https://mail.platform.example/withdraw/9aUoE5dGi6pKzTsA04fJ1kq0sXnB8Zr2mVtY7wQ3hLc"
MESSAGE_ID = "<0123.abc@customers.platform.example>"
ORIGINAL = b"From: info@bakker.example\r\nTo: klant@voorbeeld.example\r\nSubject: Factuur 2026-0001\r\n"


def tenant(name: str = "Bakker B.V.", locale: str = "nl") -> Tenant:
    return Tenant(id="t1", name=name, email="info@bakker.example", locale=locale, created_at=0.0)


def verification(
    name: str = "Bakker B.V.", locale: str = "nl", address: str = "info@bakker.example", platform=PLATFORM
):
    return verification_mail(
        platform,
        tenant(name, locale),
        parse_address(address, smtputf8=True),
        CONFIRM,
        WITHDRAW,
        NOW + 7 * DAY,
        locale=locale,
        now=NOW,
        message_id=MESSAGE_ID,
    )


def delivery(recipient: str = "klant@voorbeeld.example") -> Delivery:
    return Delivery("d", "m", recipient, recipient.rpartition("@")[2], State.FAILED, 14, NOW - 5 * DAY, NOW)


UNKNOWN = Answer("The email account does not exist", 550, "5.1.1", "mx1.voorbeeld.example[192.0.2.1]:25")


def stored(subject: str = "Factuur 2026-0001", original=ORIGINAL, document: str = "invoice") -> StoredMessage:
    return StoredMessage(
        id="0d9k2m4p6r8t0v2x",
        kind=MessageKind.SUBMISSION,
        tenant_id="t1",
        login="app",
        author="info@bakker.example",
        subject=subject,
        document=document,
        original_header=original,
        header=original,
        body_size=0,
        body_sha256=b"",
        changes=(),
        events=(),
        route=RouteKind.PLATFORM,
        reverse_path="verp",
        smtputf8=False,
        eightbit=False,
        received_at=NOW - 5 * DAY,
        peer="",
    )


def notice(*failures: tuple[Delivery, Answer], locale: str = "nl", reports=(), **message):
    return failure_notice(
        PLATFORM,
        tenant(locale=locale),
        stored(**message),
        failures or ((delivery(), UNKNOWN),),
        hostname="relay.platform.example",
        now=NOW,
        message_id=MESSAGE_ID,
        reports=reports,
    )


def octets(message) -> bytes:
    return message.header + b"\r\n" + b"".join(message.body.chunks())


def read(message):
    return email.message_from_bytes(octets(message), policy=email.policy.default)


def text_of(message) -> str:
    return read(message).get_body(("plain",)).get_content()


def html_of(message) -> str:
    return read(message).get_body(("html",)).get_content()


class Page(HTMLParser):
    """What an HTML mail shows, and what it would load or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.shown: list[str] = []
        self.hidden = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.hidden = tag in {"style", "title"}
        self.links += [value for name, value in attrs if name == "href"]
        self.loads += [value for name, value in attrs if name in {"src", "background", "srcset"} or name[:2] == "on"]

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        if not self.hidden:
            self.shown.append(data)


def words(text: str) -> str:
    return " ".join(text.split())


# ---- the verification mail -----------------------------------------------------------------------------------------


def test_the_header_of_the_verification_mail():
    mail = read(verification())
    assert {name: str(value) for name, value in mail.items()} | {"Content-Type": ""} == {
        "From": "Klantenplatform <mail@customers.platform.example>",
        "To": "info@bakker.example",
        "Subject": "Mag Bakker B.V. mailen als info@bakker.example?",
        "Date": "Tue, 24 Nov 2026 08:05:00 +0000",
        "Message-ID": MESSAGE_ID,
        "Auto-Submitted": "auto-generated",
        "Content-Language": "nl",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("locale", LANGUAGES)
def test_both_forms_say_all_there_is_to_know(locale):
    mail = verification(locale=locale)
    page = Page(html_of(mail))
    html = words(" ".join(page.shown))
    until = written_date(NOW + 7 * DAY, catalog(locale))
    for needed in ("Bakker B.V.", "info@bakker.example", "Klantenplatform", until, PLATFORM.address):
        assert needed in words(text_of(mail)), needed
        assert needed in html, needed
    assert {f"  {CONFIRM}", f"  {WITHDRAW}"} <= set(text_of(mail).splitlines())
    assert page.links == [CONFIRM, WITHDRAW]
    assert f'lang="{locale}"' in html_of(mail)
    assert "{" not in text_of(mail)


@pytest.mark.parametrize("mail", [verification(), notice()], ids=["verification", "failure"])
def test_the_html_loads_and_runs_nothing_and_knows_the_dark(mail):
    html = html_of(mail)
    page = Page(html)
    assert not page.loads
    assert not page.tags & {"script", "img", "link", "iframe", "form", "object", "input"}
    assert "url(" not in html
    assert "@import" not in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_line_is_short_and_ascii(locale):
    for mail in (
        verification("Böttcher & Söhne", locale),
        notice(locale=locale, subject="Rechnung für Böttcher " * 20),
    ):
        lines = octets(mail).split(b"\r\n")
        assert octets(mail).isascii()
        assert max(map(len, lines)) <= 78
        assert not any(b"\n" in line or b"\r" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Bakker B.V.", "Bakker B.V."),
        ("Evil\r\nBcc: v@x.example", "Een klant van Klantenplatform"),
        ("Evil\r\nX: y", "Evil X: y"),
        ("Win http://evil.example/x now", "Win now"),
        ("www.evil.example", "Een klant van Klantenplatform"),
        ("Pay at evil.example/pay", "Pay at"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Bol.com {company}", "Bol.com {company}"),
        ("", "Een klant van Klantenplatform"),
        ("Jansen\u202e \u200bB.V.", "Jansen B.V."),
    ],
)
def test_of_the_tenant_only_a_clean_name_is_repeated(name, shown):
    mail = verification(name)
    assert read(mail)["Subject"] == f"Mag {shown} mailen als info@bakker.example?"
    assert "Bcc" not in read(mail)
    assert f"Aangevraagd door: {shown}" in words(text_of(mail))
    assert Page(html_of(mail)).links == [CONFIRM, WITHDRAW]
    assert "script" not in Page(html_of(mail)).tags


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_company_name_breaks_the_mail(name):
    mail = verification(name)
    found = read(mail)
    assert len(found.keys()) == 9
    assert found["To"].addresses[0].addr_spec == "info@bakker.example"
    assert [part.get_content_type() for part in found.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert Page(html_of(mail)).links == [CONFIRM, WITHDRAW]


def test_the_platform_address_may_be_a_template():
    platform = Platform(name="Bücher, Blumen & Co", address="mail+{tenant}@customers.platform.example")
    found = read(verification(platform=platform))["From"].addresses
    assert [(mailbox.display_name, mailbox.addr_spec) for mailbox in found] == [
        ("Bücher, Blumen & Co", "mail+t1@customers.platform.example")
    ]


def test_an_address_outside_of_ascii_goes_out_as_it_is():
    assert "To: jürgen@bakker.example\r\n".encode() in verification(address="jürgen@bakker.example").header


# ---- the failure notice --------------------------------------------------------------------------------------------


def test_the_notice_for_people_and_for_programs():
    mail = read(notice())
    assert mail["To"] == "info@bakker.example"
    assert mail["Subject"] == "Niet afgeleverd: Factuur 2026-0001"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "delivery-status"
    letter, report, original = mail.iter_parts()
    assert letter.get_content_type() == "multipart/alternative"
    assert [dict(group.items()).get("Status") for group in report.get_payload()] == [None, "5.1.1"]
    assert report.get_payload()[0]["Reporting-MTA"] == "dns; relay.platform.example"
    assert report.get_payload()[1]["Final-Recipient"] == "rfc822; klant@voorbeeld.example"
    assert original.get_content_type() == "text/rfc822-headers"
    assert original.get_payload(decode=True).replace(b"\r\n", b"\n") == ORIGINAL.replace(b"\r\n", b"\n")


def test_what_the_author_reads():
    assert text_of(notice()).replace("\r\n", "\n") == (
        "Uw bericht is niet afgeleverd\n"
        "-----------------------------\n"
        "\n"
        "Klantenplatform heeft het onderstaande bericht niet kunnen afleveren en\n"
        "probeert het niet opnieuw.\n"
        "\n"
        "  Onderwerp:     Factuur 2026-0001\n"
        "  Document:      factuur 2026-0001\n"
        "  Verstuurd als: info@bakker.example\n"
        "  Aangeboden op: donderdag 19 november 2026, 08:05 uur UTC\n"
        "  Kenmerk:       0d9k2m4p6r8t0v2x\n"
        "\n"
        "klant@voorbeeld.example\n"
        "-----------------------\n"
        "\n"
        "Het adres klant@voorbeeld.example bestaat niet.\n"
        "\n"
        "Wat u kunt doen: Controleer de spelling van het adres of vraag de\n"
        "ontvanger naar het juiste adres. Pas het aan in uw administratie en\n"
        "verstuur het document opnieuw.\n"
        "\n"
        "mx1.voorbeeld.example antwoordde:\n"
        "\n"
        "  > 550 5.1.1 The email account does not exist\n"
        "\n"
        "-- \n"
        "Klantenplatform heeft dit bericht automatisch verstuurd; antwoorden\n"
        "worden niet gelezen. Een technisch rapport en de kopregels van uw\n"
        "bericht zijn bijgevoegd.\n"
    )


def test_each_failed_recipient_has_its_section():
    slow = Answer("connection timed out", 0, "4.4.1", "mx.traag.example[192.0.2.9]:25")
    mail = notice((delivery(), UNKNOWN), (delivery("b@traag.example"), slow), locale="en")
    text = words(text_of(mail))
    assert "Your message was not delivered to 2 recipients" in text
    assert "The address klant@voorbeeld.example does not exist." in text
    assert "has not been reachable since Thursday 19 November 2026, 08:05 UTC." in text
    assert "The technical cause: > 4.4.1 connection timed out" in text
    report = list(read(mail).iter_parts())[1]
    assert [group["Status"] for group in report.get_payload()[1:]] == ["5.1.1", "4.4.1"]


def test_a_message_without_subject_is_named_by_its_recipient():
    mail = read(notice(subject=""))
    assert mail["Subject"] == "Niet afgeleverd: uw bericht aan klant@voorbeeld.example"


HOSTILE = "no\r\nBcc: victim@x.example\r\n\r\n--=_x\r\n<script>alert(1)</script>\u202e\0 http://evil.example/"


def test_neither_server_nor_subject_can_add_anything():
    mail = notice((delivery(), Answer(HOSTILE, 550, "5.7.1", "mx\r\nX: y[192.0.2.1]:25")), subject=HOSTILE)
    found = read(mail)
    assert "Bcc" not in found
    assert len(list(found.walk())) == len(list(read(notice()).walk()))
    assert Page(html_of(mail)).links == []
    assert "script" not in Page(html_of(mail)).tags


@given(st.text(max_size=600), st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_words_of_others_break_the_notice(text, subject):
    mail = notice((delivery(), Answer(text, 550, "5.0.0", "mx.example[192.0.2.1]:25")), subject=subject)
    found = read(mail)
    assert [part.get_content_type() for part in found.iter_parts()] == [
        "multipart/alternative",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert octets(mail).isascii()
    assert len(octets(mail)) < 30_000


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_reason_has_its_sentences_in_every_language(locale):
    fixed = {"other", "expired", "expired_full", "expired_unreachable", "no_mail"}
    known = catalog(locale)
    for reason in {*REASONS.values(), *SUBJECTS.values(), *WORDS, *fixed}:
        assert f"mail.reason.{reason}.why" in known
        assert f"mail.reason.{reason}.advice" in known


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("x", 550, "5.1.1"), "mailbox_unknown"),
        (Answer("the domain x.example does not exist", 0, "5.1.2"), "domain_unknown"),
        (Answer("null MX", 0, "5.1.10"), "no_mail"),
        (Answer("x", 556), "no_mail"),
        (Answer("x", 553), "bad_address"),
        (Answer("x", 550, "5.2.1"), "mailbox_disabled"),
        (Answer("x", 552, "5.2.2"), "mailbox_full"),
        (Answer("x", 552, "5.2.3"), "too_large"),
        (Answer("x", 552, "5.3.4"), "too_large"),
        (Answer("x", 550, "5.4.6"), "loop"),
        (Answer("x", 0, "5.6.7"), "unicode"),
        (Answer("x", 554, "5.6.0"), "content"),
        (Answer("x", 550, "5.7.1"), "policy"),
        (Answer("x", 550, "5.7.26"), "authentication"),
        (Answer("550-5.7.1 SPF check failed", 550, "5.7.1"), "authentication"),
        (Answer("No such user here", 550), "mailbox_unknown"),
        (Answer("Recipient address rejected: User unknown in table", 550), "mailbox_unknown"),
        (Answer("Message blocked: listed as spam source", 554), "policy"),
        (Answer("mailbox is full", 550), "mailbox_full"),
        (Answer("go away", 554), "other"),
        (Answer("x", 452, "4.2.2"), "expired_full"),
        (Answer("greylisted", 451, "4.7.1"), "expired"),
        (Answer("connection refused", 0, "4.4.1"), "expired_unreachable"),
        (Answer("the certificate does not fit", 0, "4.7.5"), "encryption"),
        (Answer("something broke"), "expired_unreachable"),
    ],
)
def test_the_reason_in_plain_words(answer, reason):
    assert failure_reason(answer) == reason


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("en", "Tuesday 1 December 2026, 08:05 UTC"),
        ("nl", "dinsdag 1 december 2026, 08:05 uur UTC"),
        ("de", "Dienstag, 1. Dezember 2026, 08:05 Uhr UTC"),
        ("fr", "mardi 1er décembre 2026 à 08:05 UTC"),
    ],
)
def test_dates_as_people_write_them(locale, written):
    assert written_date(NOW + 7 * DAY, catalog(locale)) == written
    assert re.search(r"\b2\b", written_date(NOW + 8 * DAY, catalog(locale)))


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        (b"From: mailer-daemon@mx.example\r\nSubject: Undelivered\r\n\r\n550 no such user\r\n", "message/rfc822"),
        (b"Subject: Unzustellbar\r\n\r\nf\xfcr Sie\r\n", "application/octet-stream"),
    ],
)
def test_the_report_of_another_server_goes_along(report, kind):
    found = read(notice(reports=[report]))
    told, status, original = found.iter_parts()
    assert status.get_content_type() == "message/delivery-status"
    assert original.get_content_type() == "text/rfc822-headers"
    letter, theirs = told.iter_parts()
    assert letter.get_content_type() == "multipart/alternative"
    assert theirs.get_content_type() == kind
    whole = theirs.get_content() if kind == "application/octet-stream" else octets_of(theirs)
    assert whole.replace(b"\r\n", b"\n") == report.replace(b"\r\n", b"\n")


def octets_of(part) -> bytes:
    [message] = part.get_payload()
    return message.as_bytes(policy=email.policy.SMTP)


def test_a_document_of_a_type_of_ones_own_is_named_as_it_is():
    assert "Document:      pro-forma\n" in text_of(notice(document="pro-forma", subject="Voorstel")).replace(
        "\r\n", "\n"
    )


# ---- late, and recovered -------------------------------------------------------------------------------------------


def late(write, locale: str, subject: str = "Factuur 2026-0001", text: str = "try later"):
    waiting = replace(delivery(), state=State.QUEUED, created_at=NOW - 4 * 3600, due_at=NOW + 3600)
    answer = Answer(text, 451, "4.7.1", "mx1.voorbeeld.example[192.0.2.1]:25")
    results = [(waiting, answer), (waiting, Answer("no connection within 30 s", 0, "4.4.1"))]
    known = {"hostname": "relay.platform.example", "now": NOW, "message_id": MESSAGE_ID}
    return write(PLATFORM, tenant(locale=locale), stored(subject=subject), results, **known)


@pytest.mark.parametrize("locale", LANGUAGES)
def test_who_is_told_of_a_delay_knows_what_happens_next(locale):
    words, shown = catalog(locale), " ".join(text_of(late(delay_notice, locale)).split())
    assert written_date(NOW + 3600, words) in shown
    assert written_date(NOW - 4 * 3600 + 5 * DAY, words) in shown
    assert "451 4.7.1 try later" in shown
    assert "no connection within 30 s" in shown
    assert shown.count(words.text("mail.delay.unreachable", recipient="klant@voorbeeld.example")) == 1


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("write", [delay_notice, recovered_notice])
def test_no_words_of_others_break_what_is_told_of_a_delay(write, locale):
    found = read(late(write, locale, subject=HOSTILE, text=HOSTILE))
    assert len(list(found.walk())) == len(list(read(late(write, locale)).walk()))
    assert found["Auto-Submitted"].startswith("auto-")
    assert found["To"] == "info@bakker.example"
    assert Page(html_of(late(write, locale, subject=HOSTILE, text=HOSTILE))).loads == []
