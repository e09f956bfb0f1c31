"""The domain: bytes and values in, values out. No socket, clock, log or file. What the product means lives here."""
