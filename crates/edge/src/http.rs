//! The public HTTP surface: connections, routes, requests in and answers out.

mod accept;
pub(crate) mod address;
mod admin;
mod availability;
pub(crate) mod body;
pub(crate) mod console;
mod count_tokens;
mod documents;
pub(crate) mod events;
pub(crate) mod inference;
pub(crate) mod layers;
mod management;
pub(crate) mod models;
mod pages;
mod payments;
mod people;
pub(crate) mod reply;
mod routes;
pub(crate) mod server;
mod silence;
mod upload;
