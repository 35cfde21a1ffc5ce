//! The ledger as callers speak of it.

use rpc::billing::ledger_server::Ledger;

use crate::Service;

#[tonic::async_trait]
impl Ledger for Service {}
