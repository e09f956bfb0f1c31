"""DMARC by RFC 9989 (May 2026): the tree walk, the record, the addresses for reports."""
