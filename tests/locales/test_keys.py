"""No sentence is there for nothing, and none is asked for that is not there: read from the source, not run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.locales import catalog

SOURCE = Path(__file__).parents[2] / "relay"
KEYS = frozenset(catalog("en").sentences)
MODULES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
TEMPLATES = {path: path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.html"))}

# What is called -> which argument is a key, and below what it lies.
METHODS = {"text": (0, ""), "say": (0, "page."), "plain": (0, "page.")}
FUNCTIONS = {
    "Refusal": (2, "reply."),
    "AddressError": (0, "reply."),
    "MessageError": (0, "reply."),
    "unverified": (0, "reply."),
}
IN_TEMPLATE = re.compile(r"\b(?:t|plain)\('([^']+)'\s*[,)]")
REPLY = re.compile(r"(address|from|header|message|document|reply_to)\.[a-z_]+")


def words() -> frozenset[str]:
    """Every word of every literal: keys, or what keys are put together from."""
    texts = {word for text in TEMPLATES.values() for word in re.findall(r"'([^']*)'", text)}
    for tree in MODULES.values():
        texts |= {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return frozenset(word for text in texts if len(text) < 100 for word in re.split(r"[.\s]", text) if word)


WORDS = words() | {"405"}  # which comes from Starlette


def is_written(part: str) -> bool:
    """True when a part of a key stands somewhere, or its two halves do (``unverified_`` and ``sent``)."""
    cuts = [place for place, char in enumerate(part) if char == "_"]
    return part in WORDS or any(part[:cut] in WORDS and {part[cut:], part[cut + 1 :]} & WORDS for cut in cuts)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_sentence_is_used(key: str) -> None:
    assert [part for part in key.split(".")[1:] if not is_written(part)] == []


def asked_for(tree: ast.Module) -> Iterator[str]:
    """The keys that a module names whole."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        callee = node.func
        place, prefix = (
            METHODS.get(callee.attr, (0, None))
            if isinstance(callee, ast.Attribute)
            else FUNCTIONS.get(getattr(callee, "id", ""), (0, None))
        )
        if prefix is not None and len(node.args) > place:
            argument = node.args[place]
            choices = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
            yield from (prefix + each.value for each in choices if isinstance(each, ast.Constant))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_a_module_asks_for_is_there(path: Path) -> None:
    assert set(asked_for(MODULES[path])) <= KEYS


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_what_a_template_asks_for_is_there(path: Path) -> None:
    assert {f"page.{key}" for key in IN_TEMPLATE.findall(TEMPLATES[path])} <= KEYS


def test_every_topic_of_a_refusal_has_a_sentence() -> None:
    """Topics travel as plain text from where a fault is seen to where it is said."""
    trees = [
        tree for path, tree in MODULES.items() if "web" not in path.parts and path.parent.name in {"mail", "server"}
    ]
    literals = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    topics = {text for text in literals if isinstance(text, str) and REPLY.fullmatch(text)}
    assert len(topics) > 30
    assert {topic for topic in topics if f"reply.{topic}" not in KEYS} == set()
