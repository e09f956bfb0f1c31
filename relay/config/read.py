"""Reading the settings: TOML and environment to structures, with errors that say where, what and what instead."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from relay.config.schema import Config
from relay.config.section import Section
from relay.config.validate import ConfigError, check_values

SYSTEM_FILE = Path("/etc/relay/relay.toml")
PREFIX = "RELAY_"
WORDS = {"int": "a whole number", "str": "text", "bool": "true or false", "array": "a list", "object": "a table"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration with where it came from: its file (None: defaults) and the source of each value set."""

    config: Config
    file: Path | None
    sources: Mapping[str, str]


def read_config(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """The configuration of ``file`` (else $RELAY_CONFIG, ./relay.toml, /etc/relay/relay.toml, else the defaults).

    Raises ConfigError.
    """
    surroundings = os.environ if environment is None else environment
    chosen = file or find_file(surroundings)
    tree = read_toml(chosen) if chosen else {}
    sources = {path: str(chosen) for path, _ in leaves(tree)}
    check_variables(surroundings)
    for variable, path in sorted(variables(surroundings).items()):
        put(tree, path, surroundings[variable])
        sources[path] = variable
    where = str(chosen) if chosen else "environment"
    check_keys(tree, where)
    config = convert(tree, where)
    check_values(config, where)
    return Loaded(with_absolute_files(config, chosen), chosen, sources)


def find_file(environment: Mapping[str, str]) -> Path | None:
    """The configuration file that applies when none was named."""
    if environment.get("RELAY_CONFIG"):
        return Path(environment["RELAY_CONFIG"])
    return next((path for path in (Path("relay.toml"), SYSTEM_FILE) if path.exists()), None)


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; write one with: relay config example > {file}") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: is not valid TOML: {error}") from None


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of nested tables with its dotted path."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that set a value, with the dotted path of each."""
    known = {variable_of(path): path for path in settable()}
    return {name: path for name, path in known.items() if name in environment}


def check_variables(environment: Mapping[str, str]) -> None:
    """Raise ConfigError for a variable that begins like one of a table of ours but sets nothing."""
    known = [variable_of(path) for path in settable()]
    tables = tuple({f"{PREFIX}{path.partition('.')[0]}_".upper() for path in settable()})
    for name in environment:
        if name.startswith(tables) and name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f'did you mean "{close[0]}"?' if close else "see: relay config show"
            raise ConfigError(f"environment: {name}: there is no such setting; {hint}")


def variable_of(path: str) -> str:
    """The environment variable for a dotted path."""
    return f"{PREFIX}{path}".replace(".", "_").upper()


def settable() -> list[str]:
    """The dotted paths that a variable can set: everything but lists of tables."""
    return [
        f"{section.name}.{key.name}"
        for section in msgspec.structs.fields(Config)
        if isinstance(section.default, Section)
        for key in msgspec.structs.fields(section.default)
    ]


def put(tree: dict[str, Any], path: str, text: str) -> None:
    """Set the value at a dotted path from a string, as TOML would read it where it is not text."""
    section, _, key = path.partition(".")
    table = getattr(Config(), section)
    fields = {field.name: field for field in msgspec.structs.fields(table)}
    is_text = isinstance(getattr(table, key), str) and bool not in get_args(item_type(fields[key].type))
    try:
        value = text if is_text else tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    tree.setdefault(section, {})[key] = value


def check_keys(tree: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError for the first key that does not exist, with the one that was probably meant."""
    schema = {field.name: field for field in msgspec.structs.fields(Config)}
    for name, value in tree.items():
        if name not in schema:
            raise unknown(where, name, name, schema)
        kind = item_type(schema[name].type)
        tables = value if isinstance(value, list) else [value]
        known = [field.name for field in msgspec.structs.fields(kind)]
        for key in (key for item in tables if isinstance(item, Mapping) for key in item):
            if key not in known:
                raise unknown(where, f"{name}.{key}", key, known)


def unknown(where: str, path: str, key: str, known: Mapping[str, Any] | list[str]) -> ConfigError:
    """The error for an unknown key."""
    close = difflib.get_close_matches(key, list(known), 1)
    hint = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known)}"
    return ConfigError(f"{where}: {path}: there is no such setting; {hint}")


def convert(tree: Mapping[str, Any], where: str) -> Config:
    """The structures of a tree of values. Raises ConfigError with path, value and what was expected."""
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        text = str(error)
        path = (re.search(r"`\$\.?([^`]*)`", text) or [None, ""])[1] or "?"
        value = value_at(tree, path)
        raise ConfigError(f"{where}: {path} = {value!r}: {advice(text, path)}") from None


def value_at(tree: Any, path: str) -> Any:
    """The value at a path such as ``listener[0].port``, or None."""
    for name, number in re.findall(r"([A-Za-z_]+)|\[(\d+)\]", path):
        try:
            tree = tree[name] if name else tree[int(number)]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def advice(text: str, path: str) -> str:
    """A validation error in words, with the values that may stand there."""
    reason = text.partition(" - at")[0]
    kind: Any = Config
    for name in re.findall(r"[A-Za-z_]+", path):
        found = {field.name: field.type for field in msgspec.structs.fields(kind)} if is_struct(kind) else {}
        kind = item_type(found.get(name))
    allowed = getattr(kind, "__args__", ()) if getattr(kind, "__origin__", None) is Literal else ()
    if allowed:
        return f"must be one of: {', '.join(map(str, allowed))}"
    for name, words in WORDS.items():
        reason = reason.replace(f"`{name}`", words)
    return reason[0].lower() + reason[1:]


def is_struct(kind: Any) -> bool:
    """True for a table's type."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def item_type(kind: Any) -> Any:
    """The type inside an annotation or a tuple."""
    if hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    if getattr(kind, "__origin__", None) is tuple:
        return item_type(kind.__args__[0])
    return kind


def with_absolute_files(config: Config, file: Path | None) -> Config:
    """The configuration with the files it names made absolute, seen from the folder of the configuration file."""
    folder = (file.parent if file else Path()).absolute()

    def absolute(name: str) -> str:
        return str(folder / name) if name else ""

    listeners = tuple(
        msgspec.structs.replace(each, certificate=absolute(each.certificate), key=absolute(each.key))
        for each in config.listener
    )
    smarthosts = tuple(
        msgspec.structs.replace(each, password_file=absolute(each.password_file)) for each in config.smarthost
    )
    apps = tuple(
        msgspec.structs.replace(each, client_secret_file=absolute(each.client_secret_file)) for each in config.oauth
    )
    keys = tuple(msgspec.structs.replace(key, file=absolute(key.file)) for key in config.dkim.keys)
    return msgspec.structs.replace(
        config,
        listener=listeners,
        smarthost=smarthosts,
        oauth=apps,
        dkim=msgspec.structs.replace(config.dkim, keys=keys),
        delivery=msgspec.structs.replace(config.delivery, ca_file=absolute(config.delivery.ca_file)),
        secrets=msgspec.structs.replace(config.secrets, key_file=absolute(config.secrets.key_file)),
        database=msgspec.structs.replace(config.database, url=absolute_url(config.database.url, folder)),
    )


def absolute_url(url: str, folder: Path) -> str:
    """A SQLite URL with its path made absolute, so that every command opens the same file wherever it is run."""
    relative = re.fullmatch(r"sqlite:///([^/].*)", url)
    return f"sqlite:///{folder / relative[1]}" if relative else url
