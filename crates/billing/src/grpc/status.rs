//! What this replica says of itself.

use rpc::status::service_status_server::ServiceStatus;
use rpc::status::{DescribeRequest, Description};
use tonic::{Request, Response, Status};

use crate::Service;
use crate::store::parked;

#[tonic::async_trait]
impl ServiceStatus for Service {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<Description>, Status> {
        let parked = parked::waiting(&self.app.pool).await?;
        Ok(Response::new(Description {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            parked: u64::try_from(parked).ok(),
            ..Description::default()
        }))
    }
}
