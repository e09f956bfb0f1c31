"""The customer's own SMTP server: can the relay hand mail to it, safely and signed in?

1. `relay.checks.own_server.places` finds the addresses of the host.
2. `relay.checks.own_server.look` looks at a port of each address: what it speaks, how TLS begins, which certificate it
   has, how one may sign in. It never gives a password away, and never begins a mail transaction.
3. `relay.checks.own_server.login` signs in once, where the certificate was verified, and asks there about an envelope.
4. `relay.checks.own_server.judge` and its neighbours decide, from what was seen.
5. `relay.checks.own_server.advice` says what fits the provider, from the dated data of ``relay/checks/data``.
"""
