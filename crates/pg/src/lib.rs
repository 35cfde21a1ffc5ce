//! PostgreSQL for the services that own a schema: a pool that acts as its owner's role, transactions bound
//! to one tenant, migrations, and what an error means.

mod class;
mod migrate;
mod pool;
mod tenant;

pub use class::{Class, class};
pub use migrate::{MigrateError, migrate};
pub use pool::{Config, Owner, connect};
pub use tenant::{TenantTx, in_tenant};
