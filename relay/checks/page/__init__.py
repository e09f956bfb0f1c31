"""A report as one page to hand to whoever manages a domain's DNS: nothing is fetched, no script runs."""

from __future__ import annotations

from relay.checks.page.page import Asked, report_html

__all__ = ["Asked", "report_html"]
