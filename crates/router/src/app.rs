//! The use cases: the catalogue that is rendered, and the changes that operators make.

mod browse;
mod change;
mod day;
mod decisions;
mod describe;
mod edit_endpoint;
mod edit_model;
mod edit_price;
mod edit_provider;
mod edit_row;
mod edit_rules;
mod health_view;
mod history;
mod page;
mod preview;
mod price_text;

pub(crate) use browse::{Views, browse};
pub(crate) use change::{Changed, Edit, change};
pub(crate) use decisions::{Replayed, Span, list_decisions, read_decision, replay_decisions};
pub(crate) use describe::describe;
pub(crate) use edit_endpoint::{EndpointEdit, Which};
pub(crate) use edit_model::ModelEdit;
pub(crate) use edit_price::{PriceEdit, PriceList, WithdrawEdit, check_jump};
pub(crate) use edit_provider::ProviderEdit;
pub(crate) use health_view::describe_health;
pub(crate) use history::{list_changes, list_prices};
pub(crate) use page::Asked;
