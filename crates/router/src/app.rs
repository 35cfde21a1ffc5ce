//! The use cases: the catalogue that is rendered, and the changes that operators make.

mod browse;
mod change;
mod decisions;
mod describe;
mod edit_endpoint;
mod edit_model;
mod edit_price;
mod edit_provider;

pub(crate) use browse::{Views, browse};
pub(crate) use change::{Edit, change};
pub(crate) use decisions::{Span, list_decisions, read_decision, replay_decisions};
pub(crate) use describe::describe;
pub(crate) use edit_endpoint::EndpointEdit;
pub(crate) use edit_model::ModelEdit;
pub(crate) use edit_price::PriceEdit;
pub(crate) use edit_provider::{ProviderEdit, TimeoutsEdit};
