"""The traffic light of a report, and what is to be published first."""

from __future__ import annotations

import pytest

from relay.checks.model import Finding, Fix, Part, Severity
from relay.checks.spf.include import Included
from relay.checks.steps import Light, light_of, steps_of

NAME = "shop.example"
ERROR, WARNING, INFO, UNKNOWN = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN


def fix(value: str, *removes: str, name: str = NAME, rdtype: str = "TXT") -> Fix:
    return Fix(name, rdtype, value, f'{name}. IN {rdtype} "{value}"', removes)


def part(*findings: tuple[Severity, Fix | None], topic: str = "spf", **facts: object) -> Part:
    found = tuple(
        Finding(f"{topic}.{number}", severity, NAME, fix=mend) for number, (severity, mend) in enumerate(findings)
    )
    return Part(topic, NAME, facts, found)


def include(answer: str, publish: str | None = None, *removes: str, **more) -> Included:
    zone = f'{NAME}. IN TXT "{publish}"' if publish else None
    return Included(f"inc.{answer}", (NAME,), publish, zone, removes, **more)


@pytest.mark.parametrize(
    ("parts", "included", "light"),
    [
        ([part()], None, Light.GREEN),
        ([part((INFO, None))], None, Light.GREEN),
        ([part((WARNING, None))], None, Light.AMBER),
        ([part((WARNING, None), (UNKNOWN, None))], None, Light.GREY),
        ([part((UNKNOWN, None), (ERROR, None))], None, Light.RED),
        ([part()], include("yes.direct"), Light.GREEN),
        ([part()], include("no.absent"), Light.RED),
        ([part()], include("part.family"), Light.RED),
        ([part()], include("unknown"), Light.GREY),
        ([part()], include("na"), Light.GREEN),
        # Beside the parts that decide, what cannot be known of others leaves the light alone.
        ([part(), part((UNKNOWN, None), topic="dnsbl")], None, Light.GREEN),
        ([part((UNKNOWN, None), topic="dnsbl")], None, Light.GREY),
        ([part(), part((ERROR, None), topic="dnsbl")], None, Light.RED),
    ],
)
def test_light(parts, included, light) -> None:
    assert light_of(parts, included) is light


def shown(steps) -> list[tuple[str, list[str]]]:
    return [(step.fix.value, [finding.id for finding in step.findings]) for step in steps]


def test_errors_come_before_warnings_and_notes_are_no_steps() -> None:
    found = part(
        (INFO, fix("v=TLSRPTv1; x")), (WARNING, fix("v=DMARC1; p=none", name="_dmarc")), (ERROR, fix("v=spf1 -all"))
    )
    assert shown(steps_of([found], None)) == [("v=spf1 -all", ["spf.2"]), ("v=DMARC1; p=none", ["spf.1"])]


def test_one_record_of_a_kind_at_a_name_the_one_that_mends_most() -> None:
    old = "v=spf1 ipv4:192.0.2.1 ?all"
    slip, whole = fix("v=spf1 ip4:192.0.2.1 ?all", old), fix("v=spf1 ip4:192.0.2.1 ~all", old)
    steps = steps_of([part((ERROR, slip), (WARNING, whole))], None)
    assert shown(steps) == [(whole.value, ["spf.0", "spf.1"])]
    assert steps[0].severity is ERROR


def test_a_record_that_mends_less_claims_no_more() -> None:
    old = "v=spf1 ?all"
    neutral = fix("v=spf1 ~all", old)
    answer = include("no.absent", "v=spf1 include:relay.example ?all", old, changes=(("+", "include:relay.example"),))
    (step,) = steps_of([part((WARNING, neutral), record=old)], answer)
    assert (step.fix.value, step.findings, step.fix.removes) == (answer.publish, (), (old,))
    assert step.changes == answer.changes


def test_the_include_goes_first_and_mends_what_it_mends() -> None:
    old = "v=spf1 ipv4:192.0.2.1 -all"
    slip = fix("v=spf1 ip4:192.0.2.1 -all", old)
    answer = include("no.syntax", "v=spf1 include:relay.example ip4:192.0.2.1 -all")
    other = part((ERROR, fix("v=DMARC1; p=none", name="_dmarc")), topic="dmarc")
    steps = steps_of([other, part((ERROR, slip), record=old)], answer)
    assert shown(steps) == [(answer.publish, ["spf.0"]), ("v=DMARC1; p=none", ["dmarc.0"])]


def test_without_a_record_the_answer_says_what_goes() -> None:
    answer = include("no.syntax", "v=spf1 include:relay.example -all", "v=spf1 -all", "v=spf1 ~all")
    (step,) = steps_of([part(record=None)], answer)
    assert step.fix.removes == ("v=spf1 -all", "v=spf1 ~all")


def test_records_that_may_stand_side_by_side_are_steps_of_their_own() -> None:
    found = part(
        (ERROR, fix("10 mx1.shop.example", rdtype="MX")),
        (ERROR, fix("20 mx2.shop.example", rdtype="MX")),
        (WARNING, fix("", "spf2.0/pra -all")),
    )
    assert len(steps_of([found], None)) == 3
