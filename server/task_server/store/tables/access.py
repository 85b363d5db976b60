"""The tables of who may do something, and who did."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField


class TokenRow(Model):
    """A key to the API. Only the keyed hash of its secret is here."""

    id = TextField(primary_key=True)
    secret_hash = TextField()
    owner_id = TextField()
    owner_name = TextField()
    role = TextField()
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    revoked_at = BigIntegerField(null=True)
    grants = TextField()
    name = TextField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        """The table's name."""

        table_name = "token"


class AuditRow(Model):
    """Who did what, or was refused. Never changed; `actor_id` is NULL where the caller was not known."""

    id = TextField(primary_key=True)
    occurred_at = BigIntegerField()
    actor_id = TextField(null=True)
    actor_name = TextField()
    token_id = TextField()
    peer = TextField()
    method = TextField()
    resource_id = TextField()
    outcome = TextField()
    request_id = TextField()
    reason = TextField()
    detail = TextField()

    class Meta:
        """The table's name."""

        table_name = "audit_event"
