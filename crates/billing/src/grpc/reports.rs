//! Usage reports as callers speak of them.

use rpc::billing::usage_reports_server::UsageReports;

use crate::Service;

#[tonic::async_trait]
impl UsageReports for Service {}
