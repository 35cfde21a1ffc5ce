//! Plans as callers speak of them.

use rpc::billing::plans_server::Plans;

use crate::Service;

#[tonic::async_trait]
impl Plans for Service {}
