//! Telling the routers what attempts showed of endpoints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lifecycle::Shutdown;
use prost::Message as _;
use rpc::router::ObserveRequest;
use rpc::router::router_client::RouterClient;
use rpc::{Channel, subjects};

use crate::app::App;

/// How long a router may take to hear.
const WAIT: Duration = Duration::from_secs(1);

/// Sends observations in batches.
pub(crate) struct Observer {
    pub(crate) app: Arc<App>,
    pub(crate) router: Channel,
    pub(crate) bus: Option<async_nats::Client>,
    pub(crate) every: Duration,
}

impl Observer {
    /// Sends what was seen, again and again, until the stop has begun.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        loop {
            if !shutdown.pause(self.every).await {
                return;
            }
            let observations = self.app.breakers.take(Instant::now());
            if !observations.is_empty() {
                self.send(ObserveRequest { observations }).await;
            }
        }
    }

    /// Over the bus to all routers, else to each. What is lost is missed: health is not money.
    async fn send(&self, request: ObserveRequest) {
        if let Some(bus) = &self.bus
            && bus.connection_state() == async_nats::connection::State::Connected
            && bus.publish(subjects::HEALTH, request.encode_to_vec().into()).await.is_ok()
        {
            return;
        }
        let calls = self.router.each().into_iter().map(|router| {
            let request = request.clone();
            async move { tokio::time::timeout(WAIT, RouterClient::new(router).observe(request)).await }
        });
        let heard = join_all(calls).await.into_iter().filter(|call| matches!(call, Ok(Ok(_)))).count();
        tracing::trace!(heard, "told the routers what attempts showed");
    }
}
