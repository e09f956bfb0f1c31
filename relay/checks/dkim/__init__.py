"""DKIM: keys in DNS, signatures on a message."""
