//! Invoices as callers speak of them.

use rpc::billing::invoices_server::Invoices;

use crate::Service;

#[tonic::async_trait]
impl Invoices for Service {}
