"""Deliverability checks: what a domain admin asks, answered with the record to publish."""
