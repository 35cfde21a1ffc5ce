//! Schema `catalog` in Postgres. All SQL of the router is here.

mod load;
pub(crate) mod rows;
mod write;

pub(crate) use load::{behind, load, load_with_time};
pub(crate) use write::{
    Change, add_credential, add_prices, lock, next_version, put_aliases, put_endpoints, put_models,
    put_providers, record,
};
