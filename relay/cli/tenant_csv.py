"""Tenants as CSV: one line a tenant, the columns named by the first line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relay.cli.database import parsed_address
from relay.mail.address import Address
from relay.mail.document import Guard, Rule
from relay.mail.tenant import LONGEST_NAME

LOCALES = ("en", "nl", "de", "fr")
PLACES = ("to", "cc", "bcc")
YES, NO = frozenset({"yes", "true", "1", "ja", "oui"}), frozenset({"no", "false", "0", "nee", "nein", "non", ""})


@dataclass(frozen=True, slots=True)
class Line:
    """One tenant of a file; ``copy_to`` may still turn out not to be verified."""

    number: int
    name: str
    address: Address
    locale: str
    verified: bool
    copy_to: Address | None
    rules: Mapping[str, Rule]


class BadLine(Exception):
    """A line that cannot be imported; the text says why."""


def read_csv(file: Iterable[str], types: Iterable[str], locale: str) -> tuple[list[Line], list[str]]:
    """The tenants of a file, and a sentence for each wrong line; ``locale`` serves where there is none."""
    lines: list[Line] = []
    problems: list[str] = []
    reader = csv.DictReader(file, skipinitialspace=True, restval="")
    columns = {"name", "address", "locale", "verified", "copy_to_self"}
    columns |= {f"{name}_{place}" for name in types for place in (*PLACES, "internal_only")}
    try:
        problems += wrong_columns(reader.fieldnames or (), columns)
        for row in () if problems else reader:
            try:
                lines.append(line_of(reader.line_num, row, locale))
            except BadLine as error:
                problems.append(f"line {reader.line_num}: {error}")
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(f"line {reader.line_num + 1}: not CSV in UTF-8: {error}")
    return lines, [*problems, *doubles(lines)]


def wrong_columns(found: Iterable[str], known: set[str]) -> list[str]:
    """What is wrong with the first line."""
    names = list(found)
    missing = [f'line 1: there is no column "{name}"' for name in ("name", "address") if name not in names]
    unknown = [f'line 1: there is no such column as "{name}"' for name in names if name not in known]
    return [*missing, *unknown]


def doubles(lines: Iterable[Line]) -> list[str]:
    """Tenants that occur twice."""
    first: dict[tuple[str, str], int] = {}
    problems = []
    for line in lines:
        seen = first.setdefault((line.name.lower(), line.address.key), line.number)
        if seen != line.number:
            problems.append(f"line {line.number}: {line.name} with {line.address} stands in line {seen} already")
    return problems


def line_of(number: int, values: dict[str, str], locale: str) -> Line:
    """One line. Raises `BadLine`."""
    if None in values:
        raise BadLine("there are more values than columns")
    row = {column: value.strip() for column, value in values.items()}
    name = " ".join(row["name"].split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadLine(f"a company name has 1 to {LONGEST_NAME} printable characters")
    language = row.get("locale", "").lower() or locale
    if language not in LOCALES:
        raise BadLine(f'"{language}" is not a locale: {", ".join(LOCALES)}')
    address = address_of(row["address"])
    copy = row.get("copy_to_self", "")
    copies = None if copy.lower() in NO else address if copy.lower() in YES else address_of(copy)
    verified = is_yes(row.get("verified", ""))
    return Line(number, name, address, language, verified, copies, rules_of(row))


def rules_of(row: Mapping[str, str]) -> dict[str, Rule]:
    """The document rules of a line: columns such as ``work-order_to``. Raises `BadLine`."""
    found: dict[str, dict[str, str]] = {}
    for column, value in row.items():
        document, _, place = column.partition("_")
        if value and place in (*PLACES, "internal_only"):
            found.setdefault(document, {})[place] = value
    return {document: rule_of(values) for document, values in found.items()}


def rule_of(values: Mapping[str, str]) -> Rule:
    """One rule; addresses are separated by spaces. Raises `BadLine`."""
    guard = values.get("internal_only", "").lower()
    if guard and guard not in set(Guard):
        raise BadLine(f'"{guard}" is not one of {", ".join(Guard)}')
    to, cc, bcc = (tuple(map(address_of, values.get(place, "").split())) for place in PLACES)
    return Rule(to, cc, bcc, Guard(guard) if guard else None)


def address_of(text: str) -> Address:
    """An address. Raises `BadLine`."""
    address = parsed_address(text)
    if address is None:
        raise BadLine(f'"{text}" is not an e-mail address')
    return address


def is_yes(text: str) -> bool:
    """A yes or a no. Raises `BadLine`."""
    if text.lower() in YES | NO:
        return text.lower() in YES
    raise BadLine(f'"{text}" is neither yes nor no')
