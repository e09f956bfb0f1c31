"""A mail relay for software platforms, and the deliverability checks that go with it."""

__version__ = "0.1.0"
