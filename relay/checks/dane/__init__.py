"""DANE for mail (RFC 7672): TLSA records of the mail servers, DNSSEC, and the certificates that are really there."""
