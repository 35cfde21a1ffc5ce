//! Budgets as callers speak of them.

use rpc::billing::budgets_server::Budgets;

use crate::Service;

#[tonic::async_trait]
impl Budgets for Service {}
