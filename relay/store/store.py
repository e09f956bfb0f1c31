"""The store: everything durable behind one open connection, as values of the domain."""

from __future__ import annotations

from relay.store import (
    bounces,
    destinations,
    directory,
    documents,
    leasing,
    messages,
    notices,
    oauth,
    own_servers,
    queue,
    recipients,
    replies,
    senders,
    suppressions,
    tls_policy,
    waiting,
    webhooks,
)
from relay.store.session import Session


class Store(Session):
    """Rows on one side, dataclasses on the other. Every method runs inside the caller's transaction.

    Methods raise `relay.store.database.StoreError`: the database failed, refused a row, or the request is ambiguous.
    """

    # tenants, logins, and the secrets of the installation
    add_tenant = directory.add_tenant
    tenant = directory.tenant
    find_tenant = directory.find_tenant
    tenants = directory.tenants
    set_tenant = directory.set_tenant
    erase_tenant = directory.erase_tenant
    add_login = directory.add_login
    login = directory.login
    logins = directory.logins
    revoke_login = directory.revoke_login
    secret = directory.secret

    # who may send as what, and the links that were mailed to ask
    put_sender = senders.put_sender
    sender = senders.sender
    put_sender_domain = senders.put_sender_domain
    verified = senders.verified
    add_awaiting = senders.add_awaiting
    lapsed = senders.lapsed
    cancel_awaiting = senders.cancel_awaiting
    add_confirmation = senders.add_confirmation
    confirmation = senders.confirmation
    confirmation_by_withdraw = senders.confirmation_by_withdraw
    use_confirmation = senders.use_confirmation
    confirmations_since = senders.confirmations_since
    tenant_confirmations_since = senders.tenant_confirmations_since
    last_confirmation_at = senders.last_confirmation_at

    # what tenants choose about documents
    handling = documents.handling
    put_document_choice = documents.put_document_choice
    document_rules = documents.document_rules
    put_document_rule = documents.put_document_rule
    drop_document_rule = documents.drop_document_rule
    document_patterns = documents.document_patterns
    put_document_pattern = documents.put_document_pattern
    drop_document_pattern = documents.drop_document_pattern
    customer_cards = documents.customer_cards
    put_customer_card = documents.put_customer_card
    drop_customer_card = documents.drop_customer_card

    # OAuth accounts, and links to connect them
    put_oauth_connection = oauth.put_oauth_connection
    oauth_connection = oauth.oauth_connection
    oauth_connections = oauth.oauth_connections
    lease_oauth = oauth.lease_oauth
    oauth_renewed = oauth.oauth_renewed
    oauth_not_renewed = oauth.oauth_not_renewed
    seal_oauth_connection = oauth.seal_oauth_connection
    add_oauth_consent = oauth.add_oauth_consent
    oauth_consent = oauth.oauth_consent
    use_oauth_consent = oauth.use_oauth_consent

    # own servers, and the mail that waits for them
    put_own_server = own_servers.put_own_server
    drop_own_server = own_servers.drop_own_server
    own_server = own_servers.own_server
    seal_own_server = own_servers.seal_own_server
    refuse_login = own_servers.refuse_login
    own_server_fails = own_servers.own_server_fails
    own_server_works = own_servers.own_server_works
    own_server_told = own_servers.own_server_told
    own_server_mended = own_servers.own_server_mended
    release_own_mail = own_servers.release_own_mail
    own_mail_due = own_servers.own_mail_due
    own_mail_waiting = own_servers.own_mail_waiting
    reroute = own_servers.reroute

    # messages with their bodies, and what became of them
    enqueue = messages.enqueue
    put_chunk = messages.put_chunk
    read_chunk = messages.read_chunk
    message = messages.message
    delivery = messages.delivery
    deliveries = messages.deliveries
    attempts = messages.attempts
    delete_messages = messages.delete_messages
    purge_bodies = messages.purge_bodies
    purge_messages = messages.purge_messages
    purge_orphan_chunks = messages.purge_orphan_chunks

    # deliveries on their way
    lease = leasing.lease
    lease_round = leasing.lease_round
    too_late = leasing.too_late
    lease_these = leasing.lease_these
    wait_for = leasing.wait_for
    destination = destinations.destination
    waited_for = waiting.waited_for
    settle = queue.settle
    release = queue.release
    release_node = queue.release_node
    lease_nodes = queue.lease_nodes
    hold = queue.hold
    release_held = queue.release_held
    cancel = queue.cancel
    retry = queue.retry

    # what authors have yet to be told, and what was said
    note_untold = notices.note_untold
    tellable = notices.tellable
    untold = notices.untold
    drop_untold = notices.drop_untold
    late = notices.late
    tell_late = notices.tell_late
    last_answer = notices.last_answer
    keep_conversation = notices.keep_conversation
    conversations = notices.conversations

    # what is known of recipients
    bounced = recipients.bounced
    has_delivered = recipients.has_delivered

    # answers that come to the platform's address
    messages_without_key = replies.messages_without_key
    add_message_keys = replies.add_message_keys
    ids_by_message_id = replies.ids_by_message_id
    add_answer = replies.add_answer
    was_hinted = replies.was_hinted
    answers_since = replies.answers_since
    answers = replies.answers
    purge_answers = replies.purge_answers

    # how TLS has to be, and was
    put_sts_policy = tls_policy.put_sts_policy
    sts_policy = tls_policy.sts_policy
    purge_sts_policies = tls_policy.purge_sts_policies
    add_tls_results = tls_policy.add_tls_results
    tls_days = tls_policy.tls_days
    take_tls_results = tls_policy.take_tls_results

    # whom to tell what becomes of mail
    add_webhook = webhooks.add_webhook
    drop_webhook = webhooks.drop_webhook
    seal_webhook = webhooks.seal_webhook
    resume_webhook = webhooks.resume_webhook
    add_webhook_event = webhooks.add_webhook_event
    webhooks_due = webhooks.webhooks_due
    lease_webhook_events = webhooks.lease_webhook_events
    webhook_attempt = webhooks.webhook_attempt
    webhook_took = webhooks.webhook_took
    webhook_fails = webhooks.webhook_fails

    # what came back, and where nothing is sent
    reports_of = bounces.reports_of
    add_bounce = bounces.add_bounce
    return_delivery = bounces.return_delivery
    returned_mail = bounces.returned_mail
    purge_bounce_bodies = bounces.purge_bounce_bodies
    suppressed = suppressions.suppressed
    suppression = suppressions.suppression
    put_suppression = suppressions.put_suppression
    drop_suppression = suppressions.drop_suppression
    purge_suppressions = suppressions.purge_suppressions

    # named like the modules that they come from, so they are last
    senders = senders.senders
    bounces = bounces.bounces
    suppressions = suppressions.suppressions
    messages = messages.messages
    queue = queue.queue
    destinations = destinations.destinations
    own_servers = own_servers.own_servers
    webhooks = webhooks.webhooks

    def scrub(self) -> None:
        """Let nothing that was deleted remain in the database's files. Not inside a transaction."""
        self.database.scrub()


def open_store(url: str) -> Store:
    """The store behind a database URL, its schema up to date; for use in the calling thread. Raises `StoreError`."""
    from relay.store.sqlite import SqliteDatabase  # noqa: PLC0415 - one database driver, loaded when it is needed

    return Store(SqliteDatabase(url))
