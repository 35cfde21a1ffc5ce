//! PostgreSQL: pool, tenant-scoped transactions, migrations, error classes.
