//! What this replica says of itself.

use rpc::status::service_status_server::ServiceStatus;
use rpc::status::{DescribeRequest, Description};
use tonic::{Request, Response, Status};

use super::Server;

#[tonic::async_trait]
impl ServiceStatus for Server {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<Description>, Status> {
        let loaded = self.loaded()?;
        let (version, endpoints) = (loaded.catalogue.version(), loaded.catalogue.endpoints().len());
        Ok(Response::new(Description {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            detail: format!("catalogue {version}, {endpoints} endpoints"),
            ..Description::default()
        }))
    }
}
