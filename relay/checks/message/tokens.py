"""What makes a mail about a document one person's own: the tokens that are looked for, and what was found.

A greeting with a name, the recipient, the sender's company, a document number, an amount, a date, a signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from relay.checks.message.language import Language, words
from relay.checks.message.mail import Mail

AMOUNT = re.compile(
    r"(?:€|£|\$|\bEUR|\bCHF|\bGBP|\bUSD)\s?\d[\d.,'\s]*"
    r"|\d[\d.,'\u00a0\u202f ]{0,20}+\s?(?:€|£|\$|\bEUR\b|\beuros?\b|\bCHF\b)",
    re.IGNORECASE,
)
URL = re.compile(r"https?://\S+|www\.\S+|(?<![^\s@])[^\s@]++@\S+")
PHONE = re.compile(r"(?<![\w/-])(?:\+\d{1,3}[\s/-]?)?(?:\(0\))?0\d{1,4}[\s/-]{0,3}\d[\d\s-]{4,12}\d")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?\b")
REGISTERED = re.compile(r"\b(?:KvK|BTW|VAT|USt-?Id|HRB|SIRET|SIREN|RCS|TVA)\b[^\n]{0,20}\d", re.IGNORECASE)
LEGAL_FORM = re.compile(
    r"\b(?:B\.V\.|N\.V\.|V\.O\.F\.|BV|NV|VOF|Ltd|LLP|LLC|Inc|PLC|GmbH|UG|AG|KG|OHG|e\.K\.|SARL|SAS|SASU|EURL|SA)(?!\w)"
)
NUMBER = re.compile(r"(?<![\w.,-])(?:[A-Z]{1,4}[-./ ]?)?\d[\w]*(?:[-./]\w+)*", re.IGNORECASE)
YEAR = re.compile(r"(?:19|20)\d\d")
SCANNED = re.compile(r"^(?:scan|img|image|doc|document|file|bijlage|anhang)[\W_]*\d*", re.IGNORECASE)
GREETING_LINES = 4  # of the text, in which a greeting is looked for
SHORT = 25  # words
LONGEST = 20_000  # characters of the text that are looked at

Greeting = Literal["named", "bare", "nobody"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What was found, as it stands in the mail; "" where it is not there. ``words`` counts those of the text."""

    greeting: Greeting
    recipient: str
    company: str
    number: str
    amount: str
    date: str
    signature: str
    words: int

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of what is not there, in the order of the letter."""
        named = ("recipient", "company", "number", "amount", "date", "signature")
        lacking = [name for name in named if not getattr(self, name)]
        return ("greeting", *lacking) if self.greeting != "named" else tuple(lacking)


def find_tokens(mail: Mail, language: Language, known: str = "", company: str = "") -> Tokens:
    """The tokens of a mail. ``known`` is the name of the recipient, ``company`` of the sender, where they are given."""
    text = mail.text[:LONGEST]
    both = f"{mail.subject}\n{text}"
    greeting, name = read_greeting(text, language)
    sign = signed(text, language)
    return Tokens(
        greeting,
        name or recipient_named(mail, both, language, known),
        company_named(mail, both, language, company),
        document_number(mail, both, language),
        first(AMOUNT, both),
        first(language.date, both),
        sign,
        len(words(text)),
    )


def first(pattern: re.Pattern[str], text: str) -> str:
    """What matches first, on one line, or nothing."""
    match = pattern.search(text)
    return " ".join(match[0].split()).rstrip(".,") if match else ""


def read_greeting(text: str, language: Language) -> tuple[Greeting, str]:
    """How the mail opens, and the name there."""
    lines = [line.strip() for line in text.split("\n") if line.strip()][:GREETING_LINES]
    for line in lines:
        opening = language.greeting.match(line)
        if opening is None:
            continue
        rest = re.split(r"[,!:.](?:\s|$)", line[opening.end() :].replace(". ", " "))[0]
        parts = [word for word in re.split(r"[\s/,]+", f"{opening[0]} {rest}".strip(" ,!:;.-")) if word]
        after = parts[len(opening[0].split()) :]
        if any(word.lower().strip(".") in language.nobody for word in (*after, line[opening.end() :].strip(" ,!."))):
            return "nobody", ""
        names = [word for word in after if word.lower().strip(".") not in language.titles and word[:1].isupper()]
        titled = any(word.lower().strip(".") in language.titles for word in parts)
        return ("named", " ".join(names)) if names else ("nobody" if titled else "bare", "")
    return "bare", ""


def recipient_named(mail: Mail, text: str, language: Language, known: str) -> str:
    """The recipient's name, where the mail says it: the one that is given, that of the To, or that of its domain."""
    if known and known.lower() in text.lower():
        return known
    for mailbox in mail.mailboxes("to"):
        named = spoken(mailbox.name, text, language)
        if named := named or spoken(mailbox.address.domain.rpartition(".")[0], text, language):
            return named
    return ""


def company_named(mail: Mail, text: str, language: Language, company: str) -> str:
    """The sender's company, where the mail says it: the one that is given, that of the From, or a legal form."""
    if company and company.lower() in text.lower():
        return company
    if mail.author:
        domain = mail.author.address.domain.rpartition(".")[0]
        if named := spoken(mail.author_name, text, language) or spoken(domain, text, language):
            return named
    return first(LEGAL_FORM, text)


def spoken(name: str, text: str, language: Language) -> str:
    """The name, if its telling words all stand in the text, each with a capital."""
    common = language.generic | language.nobody | language.documents | language.stop
    telling = [word for word in re.findall(r"[^\W\d_]{3,}", name.lower()) if word not in common]
    if not telling or max(map(len, telling)) < 4:
        return ""
    shown = {word.lower() for word in re.findall(r"[^\W\d_]+", text) if word[0].isupper()}
    return " ".join(word.capitalize() for word in telling) if set(telling) <= shown else ""


def document_number(mail: Mail, text: str, language: Language) -> str:
    """A number that tells one document from others: three digits or more, neither a date, an amount, a telephone or
    bank number, nor a year; in the text, or in the name of an attachment."""
    for pattern in (URL, IBAN, PHONE, REGISTERED, AMOUNT, language.date):
        text = pattern.sub(" ; ", text)
    names = (leaf.name.rpartition(".")[0] for leaf in mail.attachments)
    numbered = [name.replace("_", " ") for name in names if not SCANNED.match(name)]
    for source in (text, *numbered):
        for match in NUMBER.finditer(source):
            digits = sum(char.isdigit() for char in match[0])
            if digits >= 3 and not YEAR.fullmatch(match[0]):
                return match[0].strip(" .-/")
    return ""


def signed(text: str, language: Language) -> str:
    """What stands below the letter and says whose it is: a telephone or register number, or a name after the
    complimentary close."""
    text = IBAN.sub("", text)
    if reached := first(PHONE, text) or first(REGISTERED, text):
        return reached
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    for place, line in enumerate(lines):
        closed = language.signoff.match(line)
        if closed and len(line) < 60:
            return name_below([line[closed.end() :], *lines[place + 1 : place + 4]], language)
    return ""


def name_below(lines: Iterable[str], language: Language) -> str:
    """The first line that names somebody, and not only a department."""
    for line in lines:
        names = [word for word in re.findall(r"[^\W\d_]{2,}", line) if word[0].isupper()]
        common = language.generic | language.documents | language.stop | {"afdeling", "department"}
        if [word for word in names if word.lower() not in common] and "http" not in line:
            return line[:80]
    return ""
