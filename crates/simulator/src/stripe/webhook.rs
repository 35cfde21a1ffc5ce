//! Events, signed and sent.

use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lifecycle::Shutdown;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::simulator::unix_millis;

pub(crate) type Outbox = mpsc::UnboundedSender<Post>;

const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// An event on its way.
#[derive(Debug)]
pub(crate) struct Post {
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) body: String,
}

impl Post {
    /// `Stripe-Signature` as of now.
    fn signature(&self) -> String {
        let at = (unix_millis() / 1_000).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, format!("{at}.{}", self.body).as_bytes());
        format!("t={at},v1={}", hex::encode(tag.as_ref()))
    }
}

/// Sends events until the stop has begun, each until it is taken.
pub(crate) async fn deliver(mut posts: mpsc::UnboundedReceiver<Post>, shutdown: Shutdown) {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut sending = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            Some(post) = posts.recv() => {
                sending.spawn(send(client.clone(), post));
            }
            Some(_) = sending.join_next(), if !sending.is_empty() => {}
        }
    }
}

async fn send(client: Client<HttpConnector, Full<Bytes>>, post: Post) {
    for n in 0..TRIES {
        let request = Request::post(&post.url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("stripe-signature", post.signature())
            .body(Full::new(Bytes::from(post.body.clone())));
        let Ok(request) = request else { return };
        if let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, client.request(request)).await
            && answer.status().is_success()
        {
            return;
        }
        tokio::time::sleep(PAUSE * 2_u32.pow(n)).await;
    }
    tracing::debug!(url = post.url, "nobody took an event of the simulated payment processor");
}
