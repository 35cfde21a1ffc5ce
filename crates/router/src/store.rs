//! Schema `catalog` in Postgres. All SQL of the router is here.

pub(crate) mod decisions;
mod load;
pub(crate) mod rows;
mod write;

pub(crate) use load::{behind, load};
pub(crate) use write::{Change, Writes, lock, next_version, record, write};
