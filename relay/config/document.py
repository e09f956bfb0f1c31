"""The settings described: the commented example, the reference page, the values in force; all from the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from relay.config.outgoing import DkimKey, OAuthApp, SmarthostTable
from relay.config.schema import Config, DocumentType, Listener
from relay.config.section import Section

REPEATED: dict[str, type[Section]] = {
    "listener": Listener,
    "document": DocumentType,
    "smarthost": SmarthostTable,
    "oauth": OAuthApp,
}
INSTANCES: dict[str, tuple[str, ...]] = {  # of tables that are not there by default
    "document": ('name = "delivery-note"', 'internal_only = "off"'),
    "oauth": (
        'name = "microsoft"',
        'provider = "microsoft"',
        'client_id = "00000000-0000-0000-0000-000000000000"',
        'client_secret_file = "oauth-microsoft"',
    ),
    "smarthost": (
        'host = "smtp.provider.example"',
        "port = 587",
        'tls = "require"',
        'username = "relay"',
        'password_file = "smarthost-password"',
    ),
}


def values(config: Config) -> Iterator[tuple[str, str, Any]]:
    """Each setting in force: its path, the path that names its source, its value."""
    for name in (field.name for field in msgspec.structs.fields(Config)):
        section = getattr(config, name)
        if isinstance(section, tuple):
            for number, item in enumerate(section):
                for key, value in msgspec.structs.asdict(item).items():
                    yield f"{name}[{number}].{key}", name, value
        else:
            for key, value in msgspec.structs.asdict(section).items():
                yield f"{name}.{key}", f"{name}.{key}", msgspec.to_builtins(value)


def example_toml() -> str:
    """A configuration file with every setting, its default and what it means."""
    parts = ["# relay.toml: every setting with its default. Unknown keys are errors.\n"]
    for name, kind in sections():
        parts.append("\n".join([f"# {summary(kind)}", *example_lines(name, kind)]) + "\n")
    return "\n".join(parts)


def example_lines(name: str, kind: type[Section]) -> list[str]:
    """The lines of one table in the example; what has no default stands there as a comment."""
    if name in INSTANCES:
        return ["# for instance:", f"# {title(name)}", *(f"# {line}" for line in INSTANCES[name])]
    lines = [title(name), *(setting_line(key, toml_value(default), text) for key, _, default, text in settings(kind))]
    keys = ["# keys, for instance:", '# keys = [{selector = "r1", algorithm = "rsa-sha256", file = "r1.pem"}]']
    return lines + (keys if name == "dkim" else [])


def setting_line(key: str, value: str, text: str) -> str:
    """One setting with its meaning behind it."""
    return f"{key} = {value}".ljust(47) + f" # {text}"


def reference_markdown() -> str:
    """docs/config.md."""
    parts = [
        "# Configuration\n",
        "`relay.toml`, or the file named by `--config` or `RELAY_CONFIG`. Every key has a default; an unknown key is",
        "an error with the one that was probably meant. Any value but those of lists can come from the environment:",
        "`RELAY_` + table + `_` + key, such as `RELAY_DATABASE_URL`. `relay config check` validates, `relay config",
        "show` prints what is in force and where it comes from, `relay config example` prints a file to start from.",
        "This page is generated from the code.\n",
    ]
    for name, kind in sections():
        parts += [f"## `{title(name)}`\n", f"{summary(kind)}\n", *table_of(kind), ""]
        if name == "dkim":
            parts += ["Each of `keys` has:\n", *table_of(DkimKey), ""]
    return "\n".join(parts).rstrip() + "\n"


def table_of(kind: type[Section]) -> list[str]:
    """The settings of a table as rows of Markdown."""
    rows = ["| key | default | values | meaning |", "| --- | --- | --- | --- |"]
    for key, allowed, default, text in settings(kind):
        shown = "(required)" if default is msgspec.NODEFAULT else f"`{toml_value(default)}`"
        rows.append(f"| `{key}` | {shown} | {allowed} | {text} |")
    return rows


def sections() -> Iterator[tuple[str, type[Section]]]:
    """The tables of the file with their types."""
    for field in msgspec.structs.fields(Config):
        yield field.name, REPEATED.get(field.name) or type(field.default)


def title(name: str) -> str:
    """A table's title in the file."""
    return f"[[{name}]]" if name in REPEATED else f"[{name}]"


def summary(kind: type[Section]) -> str:
    """What a table is about."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def settings(kind: type[Section]) -> Iterator[tuple[str, str, Any, str]]:
    """The settings of a table: key, what may stand there, default, meaning."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        described = field.type
        text = ""
        if isinstance(described, inspect.Metadata):
            text = str((described.extra_json_schema or {}).get("description", ""))
            described = described.type
        yield field.name, kinds(described), field.default, text


def kinds(described: inspect.Type) -> str:
    """A type in words."""
    match described:
        case inspect.LiteralType(values=allowed):
            return " ".join(f"`{value}`" for value in allowed)
        case inspect.IntType(ge=low, le=high):
            return f"{low} to {high}" if high is not None else "whole number"
        case inspect.BoolType():
            return "`true` `false`"
        case inspect.UnionType(types=types) if any(isinstance(each, inspect.BoolType) for each in types):
            return " ".join(map(kinds, types))
        case inspect.UnionType():
            return "size"
        case inspect.VarTupleType():
            return "list"
        case _:
            return "text"


def toml_value(value: Any) -> str:
    """A default as TOML writes it."""
    if isinstance(value, tuple):
        return "[]"
    return json.dumps(value, ensure_ascii=False)
