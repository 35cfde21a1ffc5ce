//! A billing that grants what it is told to and remembers what it hears.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures::Stream;
use rpc::Fault;
use rpc::billing::billing_server::Billing;
use rpc::billing::*;
use rpc::events::{Settled, UsageBatch};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::books::Books;

/// The account of the own-key allowance.
pub(crate) const ALLOWANCE: &str = "allowance";

#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) hellos: Vec<Hello>,
    pub(crate) asks: Vec<Ask>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) returns: Vec<String>,
    pub(crate) trims: Vec<Kept>,
    pub(crate) heartbeats: usize,
    pub(crate) books: Books,
    /// What keys pay with beside the tenant's credit.
    pub(crate) accounts: Vec<SpendAccount>,
    /// What keys pay with under the guardrails of these ids.
    pub(crate) under: Vec<(String, SpendAccount)>,
    /// The terms that were asked for.
    pub(crate) terms: Vec<GetTermsRequest>,
    /// Whether tenants have no credit account.
    pub(crate) knows_nobody: bool,
    pub(crate) limits: Vec<PutKeyLimitRequest>,
    pub(crate) grants: Vec<GrantCreditRequest>,
    pub(crate) tenants: Vec<OpenTenantRequest>,
    /// Tenants that were erased, once for each time that it was asked for.
    pub(crate) erased: Vec<String>,
    /// What is answered of what has not settled of an erased tenant.
    pub(crate) unsettled: i64,
    pub(crate) generations: HashMap<String, Generation>,
    /// What each account has; nothing is taken from it unless the books are strict.
    pub(crate) available: i64,
    pub(crate) denial: &'static str,
    pub(crate) has_paid: bool,
    /// Nano-USD.
    pub(crate) bought: i64,
    /// Of everybody's plan.
    pub(crate) overrides: Vec<rpc::pricing::MarkupOverride>,
    pub(crate) own_keys: Option<OwnKeyTerms>,
    /// What the own-key allowance has; nothing is taken from it.
    pub(crate) allowance: i64,
    /// Asks, reports and returns that are swallowed before one is answered again.
    pub(crate) swallow: usize,
    /// Asks that are denied because the database is away, before one is answered again.
    pub(crate) unsure: usize,
    pub(crate) away: bool,
    /// How many keys each call asked after.
    pub(crate) usage_asked: Vec<usize>,
    /// A later life of the edge is known.
    pub(crate) is_fenced: bool,
}

impl Heard {
    /// What a key used; its limit is the last that was put.
    fn key_usage(&self, key: &str) -> KeyUsage {
        let put = self.limits.iter().rev().find(|put| put.key_id == key);
        let (limit, reset) = match put {
            Some(put) => (put.limit, put.reset.clone()),
            None => (Some(5_000_000_000), "weekly".to_owned()),
        };
        let mut counts =
            self.limits.iter().filter(|put| put.key_id == key).filter_map(|put| put.counts_own_keys);
        KeyUsage {
            key_id: key.to_owned(),
            total: 1_250_000,
            daily: 250_000,
            limit,
            limit_remaining: limit.map(|limit| limit - 1_250_000),
            limit_reset: reset,
            own_keys_total: 7_000_000,
            own_keys_monthly: 5_000_000,
            limit_counts_own_keys: counts.next_back().unwrap_or(false),
            ..KeyUsage::default()
        }
    }
}

/// An account beside the tenant's credit.
pub(crate) fn account(kind: &str, label: &str) -> SpendAccount {
    SpendAccount {
        account_id: uuid::Uuid::now_v7().to_string(),
        kind: kind.to_owned(),
        label: label.to_owned(),
        counts_own_keys: false,
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct FakeBilling {
    heard: Arc<Mutex<Heard>>,
    /// Raised to end every session.
    cut: watch::Sender<u64>,
    /// Told to every session.
    recalls: broadcast::Sender<Vec<String>>,
}

impl FakeBilling {
    pub(crate) fn new() -> Self {
        let books = Books { ttl_ms: 60_000, ..Books::default() };
        let heard = Heard { available: 10_000_000_000, denial: "credit", books, ..Heard::default() };
        Self {
            heard: Arc::new(Mutex::new(heard)),
            cut: watch::Sender::new(0),
            recalls: broadcast::Sender::new(64),
        }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Heard) -> T) -> T {
        look(&mut self.heard.lock().unwrap())
    }

    /// Ends every session.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|cut| *cut += 1);
    }

    /// Wants idle leases of an account back from every edge.
    pub(crate) fn recall(&self, account: &str) {
        let _ = self.recalls.send(vec![account.to_owned()]);
    }

    fn reach(&self) -> Result<(), Status> {
        if self.with(|heard| heard.away) { Err(Status::unavailable("away")) } else { Ok(()) }
    }

    fn answer(&self, up: LeaseUp) -> Option<lease_down::Message> {
        self.with(|heard| {
            let message = up.message?;
            if !matches!(message, lease_up::Message::Hello(_) | lease_up::Message::Heartbeat(_))
                && heard.swallow > 0
            {
                heard.swallow -= 1;
                if let lease_up::Message::Ask(ask) = message {
                    heard.asks.push(ask);
                }
                return None;
            }
            match message {
                lease_up::Message::Hello(hello) => {
                    heard.hellos.push(hello);
                    None
                }
                lease_up::Message::Heartbeat(heartbeat) => {
                    heard.heartbeats += 1;
                    let expires_in_ms = heard.books.ttl_ms;
                    let extended = Extended { beat_id: heartbeat.beat_id, expires_in_ms };
                    Some(lease_down::Message::Extended(extended))
                }
                lease_up::Message::Ask(ask) if heard.unsure > 0 => {
                    heard.unsure -= 1;
                    let denied = Denied {
                        ask_id: ask.ask_id,
                        reason: "unavailable".to_owned(),
                        available: 0,
                        ..Denied::default()
                    };
                    Some(lease_down::Message::Denied(denied))
                }
                lease_up::Message::Ask(ask) => {
                    let answer = grant(heard, &ask);
                    heard.asks.push(ask);
                    Some(answer)
                }
                lease_up::Message::Return(back) => {
                    for group in &back.group_ids {
                        heard.books.give_back(group);
                    }
                    heard.returns.extend(back.group_ids);
                    Some(lease_down::Message::Stored(Stored { message_id: back.message_id }))
                }
                lease_up::Message::Trim(trim) => {
                    for kept in &trim.kept {
                        heard.books.trim(kept);
                    }
                    heard.trims.extend(trim.kept);
                    Some(lease_down::Message::Stored(Stored { message_id: trim.message_id }))
                }
                lease_up::Message::Report(report) => {
                    for witness in &report.witnesses {
                        heard.books.settle(witness);
                    }
                    heard.witnesses.extend(report.witnesses);
                    Some(lease_down::Message::Stored(Stored { message_id: report.message_id }))
                }
            }
        })
    }
}

fn grant(heard: &mut Heard, ask: &Ask) -> lease_down::Message {
    let is_allowance = ask.account_ids == [ALLOWANCE];
    let available = if is_allowance { heard.allowance } else { heard.available };
    match heard.books.grant(ask, available) {
        Ok(granted) => lease_down::Message::Granted(granted),
        Err(mut denied) => {
            let mut accounts = heard.accounts.iter().chain(heard.under.iter().map(|(_, account)| account));
            let kind = accounts.find(|account| account.account_id == denied.account_id);
            denied.reason = match kind {
                _ if is_allowance => "own_key_allowance".to_owned(),
                Some(account) => account.kind.clone(),
                None => heard.denial.to_owned(),
            };
            lease_down::Message::Denied(denied)
        }
    }
}

type Down = std::pin::Pin<Box<dyn Stream<Item = Result<LeaseDown, Status>> + Send>>;

#[tonic::async_trait]
impl Billing for FakeBilling {
    type LeaseSessionStream = Down;

    async fn lease_session(&self, request: Request<Streaming<LeaseUp>>) -> Result<Response<Down>, Status> {
        self.reach()?;
        if self.with(|heard| heard.is_fenced) {
            return Err(Fault::new("conflict", 409, "a later life of this edge is known").into());
        }
        let mut up = request.into_inner();
        let (down, answers) = mpsc::channel(64);
        let (billing, mut cut) = (self.clone(), self.cut.subscribe());
        let mut recalls = self.recalls.subscribe();
        cut.mark_unchanged();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    message = up.next() => {
                        let Some(Ok(message)) = message else { return };
                        if let Some(message) = billing.answer(message) {
                            let sent = down.send(Ok(LeaseDown { message: Some(message) })).await;
                            if sent.is_err() {
                                return;
                            }
                        }
                    }
                    Ok(account_ids) = recalls.recv() => {
                        let recall = lease_down::Message::Recall(Recall { account_ids });
                        let _ = down.send(Ok(LeaseDown { message: Some(recall) })).await;
                    }
                    _ = cut.changed() => return,
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn settle_batch(&self, _: Request<UsageBatch>) -> Result<Response<Settled>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn report_open(&self, _: Request<OpenLeases>) -> Result<Response<OpenLeasesStored>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_terms(&self, request: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        self.reach()?;
        let request = request.into_inner();
        self.with(|heard| heard.terms.push(request.clone()));
        let points = self.with(|heard| {
            let opened = heard.tenants.iter().find(|tenant| tenant.tenant_id == request.tenant_id);
            opened.map_or(0, |tenant| tenant.markup_basis_points)
        });
        let credit = SpendAccount {
            account_id: request.tenant_id.clone(),
            kind: "credit".to_owned(),
            ..Default::default()
        };
        let knows = !credit.account_id.is_empty() && !self.with(|heard| heard.knows_nobody);
        let mut accounts = if knows { vec![credit] } else { Vec::new() };
        accounts.extend(self.with(|heard| heard.accounts.clone()));
        let under = |(id, account): &(String, SpendAccount)| {
            let applies = request.guardrail_ids.contains(id) || request.member_guardrail_ids.contains(id);
            applies.then(|| account.clone())
        };
        accounts.extend(self.with(|heard| heard.under.iter().filter_map(under).collect::<Vec<_>>()));
        self.with(|heard| heard.terms.push(request.clone()));
        let (has_paid, bought) = self.with(|heard| (heard.has_paid, heard.bought));
        let (markup_overrides, own_keys) =
            self.with(|heard| (heard.overrides.clone(), heard.own_keys.clone()));
        Ok(Response::new(Terms {
            markup_basis_points: points,
            markup_overrides,
            own_keys,
            accounts,
            has_paid,
            bought,
        }))
    }

    async fn get_credits(&self, _: Request<GetCreditsRequest>) -> Result<Response<Credits>, Status> {
        self.reach()?;
        let total_credits = self.with(|heard| heard.grants.iter().map(|grant| grant.amount).sum());
        Ok(Response::new(Credits { total_credits, total_usage: 1_250_000, held: 250_000, line: 0 }))
    }

    async fn get_key_usage(
        &self,
        request: Request<GetKeyUsageRequest>,
    ) -> Result<Response<KeyUsage>, Status> {
        self.reach()?;
        Ok(Response::new(self.with(|heard| heard.key_usage(&request.get_ref().key_id))))
    }

    async fn list_key_usage(
        &self,
        request: Request<ListKeyUsageRequest>,
    ) -> Result<Response<ListKeyUsageResponse>, Status> {
        self.reach()?;
        let keys = request.into_inner().key_ids;
        let usage = self.with(|heard| {
            heard.usage_asked.push(keys.len());
            keys.iter().map(|key| heard.key_usage(key)).collect()
        });
        Ok(Response::new(ListKeyUsageResponse { usage }))
    }

    async fn get_generation(
        &self,
        request: Request<GetGenerationRequest>,
    ) -> Result<Response<Generation>, Status> {
        self.reach()?;
        let request = request.into_inner();
        let found = self.with(|heard| heard.generations.get(&request.generation_id).cloned());
        // One that names no tenant is whoever's asks.
        let found = found.filter(|generation| {
            let owner = generation.record.as_ref().map(|record| record.tenant_id.as_str());
            matches!(owner, None | Some("")) || owner == Some(&request.tenant_id)
        });
        found.map(Response::new).ok_or_else(|| Fault::not_found("no such generation").into())
    }

    async fn put_prices(&self, _: Request<PutPricesRequest>) -> Result<Response<PutPricesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn open_tenant(
        &self,
        request: Request<OpenTenantRequest>,
    ) -> Result<Response<OpenTenantResponse>, Status> {
        self.reach()?;
        let request = request.into_inner();
        let account_id = request.tenant_id.clone();
        self.with(|heard| heard.tenants.push(request));
        Ok(Response::new(OpenTenantResponse { account_id }))
    }

    async fn erase_tenant(
        &self,
        request: Request<EraseTenantRequest>,
    ) -> Result<Response<EraseTenantResponse>, Status> {
        self.reach()?;
        let tenant = request.into_inner().tenant_id;
        let unsettled = self.with(|heard| {
            heard.erased.push(tenant);
            heard.unsettled
        });
        Ok(Response::new(EraseTenantResponse { unsettled }))
    }

    async fn put_key_limit(
        &self,
        request: Request<PutKeyLimitRequest>,
    ) -> Result<Response<PutKeyLimitResponse>, Status> {
        self.reach()?;
        self.with(|heard| heard.limits.push(request.into_inner()));
        Ok(Response::new(PutKeyLimitResponse {}))
    }

    async fn grant_credit(
        &self,
        request: Request<GrantCreditRequest>,
    ) -> Result<Response<GrantCreditResponse>, Status> {
        self.reach()?;
        let request = request.into_inner();
        let balance = self.with(|heard| {
            if !heard.grants.iter().any(|grant| grant.source_id == request.source_id) {
                heard.grants.push(request.clone());
            }
            let mine = heard.grants.iter().filter(|grant| grant.tenant_id == request.tenant_id);
            mine.map(|grant| grant.amount).sum()
        });
        Ok(Response::new(GrantCreditResponse { balance }))
    }

    async fn check_invariants(
        &self,
        _: Request<CheckInvariantsRequest>,
    ) -> Result<Response<CheckInvariantsResponse>, Status> {
        let breach = Breach {
            invariant: "I1".to_owned(),
            detail: "held is not the sum of leases".to_owned(),
            found_at_ms: 1_790_000_000_000,
            ..Breach::default()
        };
        let invariant = Invariant { name: "I1".to_owned(), freezes: true, ..Invariant::default() };
        Ok(Response::new(CheckInvariantsResponse { breaches: vec![breach], invariants: vec![invariant] }))
    }
}
