//! Schema `catalog` in Postgres. All SQL of the router is here.

pub(crate) mod decisions;
mod history;
mod load;
pub(crate) mod rows;
mod write;

pub(crate) use history::{PastPrice, changes, priced, prices};
pub(crate) use load::{behind, load};
pub(crate) use write::{Change, NewPrice, Withdrawal, Writes, lock, next_version, record, take_time, write};
