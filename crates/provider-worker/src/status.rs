//! What this worker says of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use rpc::status::service_status_server::ServiceStatus;
use rpc::status::{DescribeRequest, Description, Spool};
use tonic::{Request, Response, Status};

use crate::Service;

#[tonic::async_trait]
impl ServiceStatus for Service {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<Description>, Status> {
        let spool = &self.app.spool;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let refuses = if spool.accepts() { "" } else { ", the spool takes no paid request" };
        let running = self.app.config.max_executions.saturating_sub(self.app.slots.available_permits());
        Ok(Response::new(Description {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            detail: format!("{}, {running} executions{refuses}", self.app.worker_id),
            spool: Some(Spool {
                records: u64::try_from(spool.depth()).unwrap_or(u64::MAX),
                bytes: spool.bytes(),
                oldest_seconds: spool.oldest().map(|made| now.as_secs().saturating_sub(made)),
            }),
            ..Description::default()
        }))
    }
}
