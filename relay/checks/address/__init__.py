"""Addresses: may mail go there, and which address was probably meant."""
