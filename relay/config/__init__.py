"""``relay.toml``: every setting with its default, read into frozen structures; an unknown key is an error that helps.

A value comes from the environment (``RELAY_DATABASE_URL`` for ``database.url``), else from the file, else from here.
"""

from relay.config.outgoing import Delivery, Dkim, DkimKey
from relay.config.read import Loaded, read_config
from relay.config.schema import Config, Database, Dns, Http, Listener, Platform, Policy
from relay.config.validate import ConfigError

__all__ = [
    "Config",
    "ConfigError",
    "Database",
    "Delivery",
    "Dkim",
    "DkimKey",
    "Dns",
    "Http",
    "Listener",
    "Loaded",
    "Platform",
    "Policy",
    "read_config",
]
