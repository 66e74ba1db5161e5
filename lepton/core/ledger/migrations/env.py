"""What Alembic runs for each command: on the connection that it is given, in the transaction that is open there."""

from alembic import context

from lepton.core.ledger.migrations.schema import VERSION

# Logging is left alone: it belongs to the program around us.
context.configure(connection=context.config.attributes["connection"], version_table=VERSION.name)
context.run_migrations()
