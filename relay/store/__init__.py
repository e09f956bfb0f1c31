"""Everything durable: tenants, logins, senders, messages and their deliveries, in one SQL database."""
