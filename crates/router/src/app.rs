//! The use cases: the lists that are rendered, and the changes that operators make.

mod change;
mod describe;
mod edit_endpoint;
mod edit_model;
mod edit_price;
mod edit_provider;
mod health_view;
mod list_models;

pub(crate) use change::{Edit, change};
pub(crate) use describe::describe;
pub(crate) use edit_endpoint::EndpointEdit;
pub(crate) use edit_model::ModelEdit;
pub(crate) use edit_price::PriceEdit;
pub(crate) use edit_provider::{ProviderEdit, TimeoutsEdit};
pub(crate) use health_view::describe_health;
pub(crate) use list_models::list_models;
