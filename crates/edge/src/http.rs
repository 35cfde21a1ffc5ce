//! The public HTTP surface: connections, routes, requests in and answers out.

pub(crate) mod account;
mod activity;
pub(crate) mod address;
mod admin;
mod availability;
mod body;
mod count_tokens;
mod documents;
pub(crate) mod events;
pub(crate) mod generation;
pub(crate) mod inference;
mod invoices;
mod layers;
mod management;
pub(crate) mod models;
pub(crate) mod payments;
mod people;
mod presets;
pub(crate) mod reply;
mod routes;
pub(crate) mod server;
mod upload;
