"""A message read offline: what spam filters, mail programs and people will make of it."""
