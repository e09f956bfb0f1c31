"""``relay check spf`` against real nameservers on loopback."""

from __future__ import annotations

import time

SPF = "v=spf1 include:out.platform.example ip4:192.0.2.0/24 -all"
ZONE = {
    "shop.example": {"TXT": [SPF], "A": ["192.0.2.1"]},
    "out.platform.example": {"TXT": ["v=spf1 ip4:198.51.100.7 ip6:2001:db8::7 -all"]},
}


def test_suite_over_the_wire(suite, nameserver, checks) -> None:
    """All cases through the command; unanswered questions are cut short to keep the test fast."""
    for case in suite:
        nameserver.zone, test = case.zone, case.test
        answer = checks.json(
            "spf", case.domain, "--ip", test["host"], "--sender", test["mailfrom"], "--helo", test["helo"],
            "--dns-timeout", "0.3", servers=(nameserver,),
        )  # fmt: skip
        case.judge(answer["result"], answer["explanation"])


def test_json_has_what_others_read(nameserver, checks) -> None:
    nameserver.zone = ZONE
    answer = checks.json("spf", "Shop.example.", "--ip", "198.51.100.7", servers=(nameserver,))
    assert (answer["result"], answer["explanation"], answer["record"]) == ("pass", None, SPF)
    assert (answer["lookups"], answer["void_lookups"], answer["queries"]) == (1, 0, 2)
    assert answer["tree"]["terms"][0]["tree"]["domain"] == "out.platform.example"
    assert answer["findings"] == []


def test_exit_codes(nameserver, checks) -> None:
    nameserver.zone = ZONE | {"dead.example": "SERVFAIL", "slow.example": "timeout"}
    pass_, fail = (
        checks.run("spf", "shop.example", "--ip", ip, servers=(nameserver,)) for ip in ("192.0.2.9", "9.9.9.9")
    )
    assert (pass_.exit_code, fail.exit_code) == (0, 1)
    assert checks.run("spf", "dead.example", servers=(nameserver,)).exit_code == 75
    assert checks.run("spf", "shop.example", "--ip", "300.1.1.1", servers=(nameserver,)).exit_code == 2
    assert checks.run("spf", "shop.example", "--nameserver", "nowhere").exit_code == 2


def test_a_silent_nameserver_costs_no_more_than_a_name_may_take(nameserver, checks) -> None:
    nameserver.zone = {"shop.example": {"TXT": ["v=spf1 include:slow.example -all"]}, "slow.example": "timeout"}
    started = time.monotonic()
    answer = checks.json("spf", "shop.example", "--ip", "192.0.2.1", servers=(nameserver,))
    assert time.monotonic() - started < 3.2
    assert answer["result"] == "temperror"
    assert [finding["id"] for finding in answer["findings"]] == ["spf.include.temperror"]


def test_the_other_nameserver_is_asked_when_one_fails(nameserver, second_nameserver, checks) -> None:
    nameserver.zone, second_nameserver.zone = ZONE | {"shop.example": "SERVFAIL"}, ZONE
    servers = (nameserver, second_nameserver)
    assert checks.json("spf", "shop.example", "--ip", "192.0.2.9", servers=servers)["result"] == "pass"


def test_answers_of_one_nameserver_stay_there(nameserver, second_nameserver, checks) -> None:
    nameserver.zone, second_nameserver.zone = ZONE, {"shop.example": {"TXT": ["v=spf1 -all"]}}
    results = [
        checks.json("spf", "shop.example", "--ip", "192.0.2.9", servers=(server,))["result"]
        for server in (nameserver, second_nameserver, nameserver)
    ]
    assert results == ["pass", "fail", "pass"]


def test_long_records_come_by_tcp(nameserver, checks) -> None:
    record = " ".join(["v=spf1", *(f"ip4:192.0.2.{number}" for number in range(1, 200)), "-all"])
    nameserver.zone = {"long.example": {"TXT": [record]}}
    answer = checks.json("spf", "long.example", "--ip", "192.0.2.199", servers=(nameserver,))
    assert (answer["result"], answer["record"]) == ("pass", record)


def test_text_fits_eighty_columns_in_every_language(nameserver, checks) -> None:
    nameserver.zone = ZONE | {"shop.example": {"TXT": ["v=spf1 a mx include:nowhere.example ?all"]}}
    for language in ("en", "nl", "de", "fr"):
        shown = checks.run(
            "spf", "shop.example", "--include", "out.platform.example", "--lang", language, servers=(nameserver,)
        ).stdout
        pasted = ("v=spf1", "shop.example. IN TXT")
        assert [line for line in shown.splitlines() if len(line) > 80 and not line.startswith(pasted)] == []
        assert "v=spf1 include:out.platform.example a mx include:nowhere.example ?all" in shown


VENDORS = {f"v{number}.vendor.example": {"TXT": ["v=spf1 ip4:203.0.113.7 -all"]} for number in range(9)}
NINE = " ".join(f"include:{name}" for name in VENDORS)
OVER = {
    **ZONE,
    **VENDORS,
    "shop.example": {"TXT": [f"v=spf1 a {NINE} include:gone.example a:none.shop.example -all"], "A": ["192.0.2.1"]},
    "ten.example": {"TXT": [f"v=spf1 {NINE} a -all"], "A": ["192.0.2.1"]},
}


def test_how_to_get_under_ten(nameserver, checks) -> None:
    nameserver.zone = OVER
    answer = checks.json("spf", "shop.example", servers=(nameserver,))
    assert answer["lookups"] == 12
    assert [(step["action"], step["reason"], step["term"], step["saves"]) for step in answer["get_under_10"]] == [
        ("remove", "dead", "include:gone.example", 1),
        ("remove", "void", "a:none.shop.example", 1),
    ]
    (finding,) = [each for each in answer["findings"] if each["id"] == "spf.lookups.over"]
    nameserver.zone = OVER | {"shop.example": {"TXT": [finding["fix"]["value"]]}}
    again = checks.json("spf", "shop.example", servers=(nameserver,))
    assert (again["lookups"], again["get_under_10"]) == (10, [])


def test_an_include_too_many_is_explained(nameserver, checks) -> None:
    nameserver.zone = OVER
    asked = ("spf", "ten.example", "--include", "out.platform.example")
    shown = " ".join(checks.run(*asked, servers=(nameserver,)).stdout.split())
    assert "With the include the record costs 11 look-ups" in shown
    assert "1. Give the sender behind “include:out.platform.example” a sub-domain as its return address" in shown
    assert checks.json(*asked, servers=(nameserver,))["include"]["lookups"] == 11


def test_modes(nameserver, checks) -> None:
    nameserver.zone = ZONE
    asked = ("spf", "shop.example", "--include", "out.platform.example", "--mode")
    found = {}
    for mode in ("own", "own-server", "own-domain", "rewritten"):
        answer = checks.json(*asked, mode, servers=(nameserver,))
        found[mode] = answer["include"]["id"], [finding["id"] for finding in answer["findings"]]
    assert found == {
        "own": ("inc.yes.direct", []),
        "own-server": ("inc.yes.direct", []),
        "own-domain": ("inc.yes.direct", ["spf.scope"]),
        "rewritten": ("inc.na", ["spf.scope"]),
    }


def test_the_greeting_name_is_looked_at(nameserver, checks) -> None:
    nameserver.zone = ZONE
    asked = ("spf", "shop.example", "--mode", "own-server", "--helo", "mail.shop.example")
    (finding,) = checks.json(*asked, servers=(nameserver,))["findings"]
    assert (finding["id"], finding["fix"]["name"]) == ("spf.helo", "mail.shop.example")
