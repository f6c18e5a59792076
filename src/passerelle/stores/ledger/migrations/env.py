"""Run by Alembic: the steps run on the caller's connection, in the caller's transaction."""

from alembic import context

from passerelle.stores.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
