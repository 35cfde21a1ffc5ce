//! Answers about the catalogue, kept for as long as they may serve.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use rpc::Channel;
use rpc::router::router_client::RouterClient;
use rpc::router::{AccountPolicy, BrowseRequest, BrowseResponse};
use tonic::Status;

use crate::auth::Markups;

/// An answer is used this long before the router is asked again.
const FRESH: Duration = Duration::from_secs(1);
/// For how long an answer that nobody asks for is kept, in case the router goes away.
const IDLE: Duration = Duration::from_secs(3_600);
/// Bytes of all answers that are kept.
const KEPT: u64 = 64 * 1024 * 1024;

/// What is asked for, and what of the caller makes a difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Wanted {
    pub(super) resource: &'static str,
    /// `author/slug`; empty where the resource is not of one model.
    pub(super) name: String,
    pub(super) query: String,
    pub(super) markups: Markups,
    pub(super) authenticated: bool,
    /// The caller's own rules, as they are encoded; empty = none.
    pub(super) policy: Vec<u8>,
}

/// What was asked for lately. Nobody waits for the router twice within a second, and a router that is away takes
/// nothing back that it said.
pub(crate) struct Answers {
    router: Channel,
    fresh: moka::future::Cache<Wanted, Arc<BrowseResponse>>,
    /// The same answers once they are no longer fresh.
    last: moka::sync::Cache<Wanted, Arc<BrowseResponse>>,
}

fn weight(wanted: &Wanted, answer: &Arc<BrowseResponse>) -> u32 {
    let bytes = wanted.name.len() + wanted.query.len() + answer.body.len() + 256;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Answers {
    pub(crate) fn new(router: Channel) -> Self {
        Self {
            router,
            fresh: moka::future::Cache::builder()
                .weigher(weight)
                .max_capacity(KEPT)
                .time_to_live(FRESH)
                .build(),
            last: moka::sync::Cache::builder().weigher(weight).max_capacity(KEPT).time_to_idle(IDLE).build(),
        }
    }

    /// The router's answer, at most a second old while it can be reached.
    ///
    /// # Errors
    /// What the router says against the request; that it is away, where it never gave this answer.
    pub(super) async fn get(&self, wanted: Wanted) -> Result<Arc<BrowseResponse>, Arc<Status>> {
        let ask = async {
            match self.ask(&wanted).await {
                Ok(answer) => {
                    let answer = Arc::new(answer);
                    self.last.insert(wanted.clone(), Arc::clone(&answer));
                    Ok(answer)
                }
                // It is reached, and has something against the request.
                Err(status) if is_refusal(&status) => {
                    self.last.invalidate(&wanted);
                    Err(status)
                }
                Err(status) => self.last.get(&wanted).ok_or(status),
            }
        };
        self.fresh.try_get_with_by_ref(&wanted, ask).await
    }

    async fn ask(&self, wanted: &Wanted) -> Result<BrowseResponse, Status> {
        let asked = rpc::retry(3, || {
            let mut router =
                RouterClient::new(self.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
            let message = BrowseRequest {
                resource: wanted.resource.to_owned(),
                name: wanted.name.clone(),
                query: wanted.query.clone(),
                markup_basis_points: wanted.markups.basis_points(),
                authenticated: wanted.authenticated,
                policy: policy(&wanted.policy),
                markup_overrides: wanted.markups.overrides(),
            };
            async move { router.browse(message).await }
        })
        .await;
        asked.map(tonic::Response::into_inner)
    }
}

/// The rules that were encoded.
fn policy(encoded: &[u8]) -> Option<AccountPolicy> {
    if encoded.is_empty() { None } else { AccountPolicy::decode(encoded).ok() }
}

/// Whether the router tells why it does not answer, as it does when the request is at fault.
fn is_refusal(status: &Status) -> bool {
    !status.details().is_empty() && rpc::Fault::from_status(status).status < 500
}
