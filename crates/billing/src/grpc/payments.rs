//! Payments as callers speak of them.

use rpc::billing::payments_server::Payments;

use crate::Service;

#[tonic::async_trait]
impl Payments for Service {}
