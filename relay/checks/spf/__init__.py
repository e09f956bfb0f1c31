"""SPF: the verdict of RFC 7208, the health of the whole tree, the include question, and what to publish."""
