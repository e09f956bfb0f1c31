"""For the tests of apps: a relay that catches their mail, and what they ask of it."""

from relay.testing.inbox import Inbox, Mail, NoMail, open_inbox

__all__ = ["Inbox", "Mail", "NoMail", "open_inbox"]
