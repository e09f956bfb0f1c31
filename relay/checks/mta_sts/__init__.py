"""MTA-STS (RFC 8461): what a domain announces, the policy that it serves, and whether its mail servers are in it."""
