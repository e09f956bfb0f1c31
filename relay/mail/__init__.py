"""The domain: bytes and values in, values out. No socket, clock, log or file; everything the product means lives here."""
