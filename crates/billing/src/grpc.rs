//! Decode, call, encode.

mod analytics;
mod budgets;
mod invoices;
mod ledger;
mod payments;
mod plans;
mod reports;
mod session;
mod status;

use chrono::DateTime;
use identity::{EndpointId, GenerationId, KeyId, PriceVersionId, TenantId};
use rpc::Fault;
use rpc::billing::billing_server::Billing;
use rpc::billing::{
    CheckInvariantsRequest, CheckInvariantsResponse, Credits, EraseTenantRequest, EraseTenantResponse,
    Generation, GetCreditsRequest, GetGenerationRequest, GetKeyUsageRequest, GetTermsRequest,
    GrantCreditRequest, GrantCreditResponse, KeyUsage, LeaseDown, LeaseUp, ListKeyUsageRequest,
    ListKeyUsageResponse, OpenLeases, OpenLeasesStored, OpenTenantRequest, OpenTenantResponse, PinnedPrice,
    PutKeyLimitRequest, PutKeyLimitResponse, PutPricesRequest, PutPricesResponse, Terms,
};
use rpc::convert::{self, Malformed};
use rpc::events::{Settled, UsageBatch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::app::insistently;
use crate::app::settlement::Shipped;
use crate::store::budgets::Spender;
use crate::store::prices::Pinned;
use crate::store::{self, accounts, usage, workers};
use crate::{Error, Service};

/// Messages to an edge that wait at most; a slow edge slows its own session only.
const DOWN_BUFFER: usize = 1_024;
/// Bytes of what names a movement of money.
const SOURCE_MAX: usize = 200;
/// Keys that one call asks after.
const MAX_KEYS: usize = 100;

#[tonic::async_trait]
impl Billing for Service {
    type LeaseSessionStream = ReceiverStream<Result<LeaseDown, Status>>;

    async fn lease_session(
        &self,
        request: Request<Streaming<LeaseUp>>,
    ) -> Result<Response<Self::LeaseSessionStream>, Status> {
        let (down, answers) = tokio::sync::mpsc::channel(DOWN_BUFFER);
        self.app.tasks.spawn(session::run(self.app.clone(), request.into_inner(), down));
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn settle_batch(&self, request: Request<UsageBatch>) -> Result<Response<Settled>, Status> {
        let UsageBatch { worker_id, records } = request.into_inner();
        let shipped: Vec<Shipped> =
            records.into_iter().map(|record| Shipped { worker: worker_id.clone(), record }).collect();
        let app = self.app.clone();
        let keys = self.app.owned(async move {
            let durable = app.settle(&shipped).await?;
            Ok(shipped
                .iter()
                .zip(durable)
                .filter(|(_, durable)| *durable)
                .map(|(item, _)| item.key())
                .collect())
        });
        Ok(Response::new(Settled { keys: keys.await? }))
    }

    async fn report_open(&self, request: Request<OpenLeases>) -> Result<Response<OpenLeasesStored>, Status> {
        let OpenLeases { worker_id, lease_ids, all, is_leaving } = request.into_inner();
        if worker_id.is_empty() {
            return Err(Malformed("worker_id").into());
        }
        let open: Vec<Uuid> =
            lease_ids.iter().map(|id| convert::id(id, "lease_ids")).collect::<Result<_, Malformed>>()?;
        let pool = self.app.pool.clone();
        let stored = self.app.owned(async move {
            match is_leaving {
                true => workers::left(&pool, &worker_id).await,
                false => workers::said(&pool, &worker_id, &open, all).await,
            }
        });
        stored.await?;
        Ok(Response::new(OpenLeasesStored {}))
    }

    async fn get_terms(&self, request: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        let request = request.into_inner();
        if request.tenant_id.is_empty() && request.key_id.is_empty() {
            let plan = store::plans::default_terms(&self.app.pool).await?;
            return Ok(Response::new(Terms {
                markup_basis_points: plan.markup_bps,
                markup_overrides: plan.markup_overrides(),
                ..Terms::default()
            }));
        }
        let tenant = tenant(&request.tenant_id)?;
        let spender = spender(tenant, &request)?;
        let terms = accounts::terms(&self.app.pool, tenant).await?.ok_or(Error::Unknown("tenant"))?;
        let (plan, allowance) =
            store::plans::in_force(&self.app.pool, tenant).await?.ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(Terms {
            markup_basis_points: plan.markup_bps,
            markup_overrides: plan.markup_overrides(),
            own_keys: Some(plan.own_keys(allowance)),
            accounts: self.app.spend_accounts(spender).await?,
            has_paid: terms.has_paid,
            bought: terms.bought,
        }))
    }

    async fn get_credits(&self, request: Request<GetCreditsRequest>) -> Result<Response<Credits>, Status> {
        let tenant = tenant(&request.into_inner().tenant_id)?;
        let credits = accounts::credits(&self.app.pool, tenant).await?.ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(Credits {
            total_credits: credits.added,
            total_usage: credits.spent,
            held: credits.held,
            line: credits.line,
        }))
    }

    async fn get_key_usage(
        &self,
        request: Request<GetKeyUsageRequest>,
    ) -> Result<Response<KeyUsage>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let key: KeyId = convert::id(&request.key_id, "key_id")?;
        let usage = accounts::key_usage(&self.app.pool, tenant, &[key.uuid()]).await?;
        let usage = usage.into_iter().next().ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(key_usage(usage)))
    }

    async fn list_key_usage(
        &self,
        request: Request<ListKeyUsageRequest>,
    ) -> Result<Response<ListKeyUsageResponse>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        if request.key_ids.len() > MAX_KEYS {
            return Err(Malformed("key_ids").into());
        }
        let keys = request.key_ids.iter().map(|id| convert::id(id, "key_ids").map(KeyId::uuid));
        let keys: Vec<Uuid> = keys.collect::<Result<_, _>>()?;
        let usage = accounts::key_usage(&self.app.pool, tenant, &keys).await?;
        if usage.len() < keys.len() {
            return Err(Error::Unknown("tenant").into());
        }
        Ok(Response::new(ListKeyUsageResponse { usage: usage.into_iter().map(key_usage).collect() }))
    }

    async fn get_generation(
        &self,
        request: Request<GetGenerationRequest>,
    ) -> Result<Response<Generation>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let id: GenerationId = convert::id(&request.generation_id, "generation_id")?;
        let generation = usage::generation(&self.app.pool, tenant, id).await?;
        Ok(Response::new(generation.ok_or(Error::Unknown("generation"))?))
    }

    async fn put_prices(
        &self,
        request: Request<PutPricesRequest>,
    ) -> Result<Response<PutPricesResponse>, Status> {
        let pinned: Vec<Pinned> =
            request.into_inner().prices.into_iter().map(pinned).collect::<Result<_, _>>()?;
        let app = self.app.clone();
        self.app.owned(async move { app.put_prices(pinned).await }).await?;
        Ok(Response::new(PutPricesResponse {}))
    }

    async fn open_tenant(
        &self,
        request: Request<OpenTenantRequest>,
    ) -> Result<Response<OpenTenantResponse>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let markup = request.markup_basis_points;
        if markup < 0 {
            return Err(Malformed("markup_basis_points").into());
        }
        let pool = self.app.pool.clone();
        let opened = self.app.owned(async move {
            let plan = if request.plan.is_empty() { store::plans::DEFAULT } else { &request.plan };
            insistently(|| accounts::open_tenant(&pool, tenant, plan, markup)).await
        });
        Ok(Response::new(OpenTenantResponse { account_id: opened.await?.to_string() }))
    }

    async fn erase_tenant(
        &self,
        request: Request<EraseTenantRequest>,
    ) -> Result<Response<EraseTenantResponse>, Status> {
        let tenant = tenant(&request.into_inner().tenant_id)?;
        let pool = self.app.pool.clone();
        let erased =
            self.app.owned(async move { insistently(|| accounts::erase_tenant(&pool, tenant)).await });
        Ok(Response::new(EraseTenantResponse { unsettled: erased.await? }))
    }

    async fn put_key_limit(
        &self,
        request: Request<PutKeyLimitRequest>,
    ) -> Result<Response<PutKeyLimitResponse>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let key: KeyId = convert::id(&request.key_id, "key_id")?;
        if request.limit.is_some_and(|limit| !(0..=accounts::LIMIT_MAX).contains(&limit)) {
            return Err(Malformed("limit").into());
        }
        if !matches!(request.reset.as_str(), "" | "daily" | "weekly" | "monthly") {
            return Err(Malformed("reset").into());
        }
        let pool = self.app.pool.clone();
        let put = self.app.owned(async move {
            let PutKeyLimitRequest { limit, reset, counts_own_keys, .. } = request;
            insistently(|| accounts::put_key_limit(&pool, tenant, key, limit, &reset, counts_own_keys)).await
        });
        put.await?;
        Ok(Response::new(PutKeyLimitResponse {}))
    }

    async fn grant_credit(
        &self,
        request: Request<GrantCreditRequest>,
    ) -> Result<Response<GrantCreditResponse>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        if request.amount < 1 {
            return Err(Malformed("amount").into());
        }
        if !matches!(request.kind.as_str(), "purchase" | "promotion") {
            return Err(Malformed("kind").into());
        }
        self.check_grant_source(tenant, &request.source_id).await?;
        let expires = match request.expires_at_ms {
            0 => None,
            at if request.kind == "promotion" && at > 0 => DateTime::from_timestamp_millis(at),
            _ => return Err(Malformed("expires_at_ms").into()),
        };
        let pool = self.app.pool.clone();
        let granted = self.app.owned(async move {
            let GrantCreditRequest { amount, kind, source_id, reason, .. } = request;
            let grant = || accounts::grant_credit(&pool, tenant, amount, &kind, &source_id, &reason, expires);
            insistently(grant).await
        });
        Ok(Response::new(GrantCreditResponse { balance: granted.await? }))
    }

    async fn check_invariants(
        &self,
        request: Request<CheckInvariantsRequest>,
    ) -> Result<Response<CheckInvariantsResponse>, Status> {
        Ok(Response::new(ledger::check(&self.app, request.into_inner().kept).await?))
    }
}

impl Service {
    /// As [`check_source`], but what credit was granted by before it had to be so short is known again.
    async fn check_grant_source(&self, tenant: TenantId, source: &str) -> Result<(), Error> {
        match check_source(source) {
            Err(_) if accounts::is_granted(&self.app.pool, tenant, source).await? => Ok(()),
            checked => checked,
        }
    }
}

/// What names a movement of money, so that it moves once: a line that shows as it is.
fn check_source(source: &str) -> Result<(), Error> {
    if source.trim().is_empty() || source.len() > SOURCE_MAX {
        return Err(Error::Refused(format!("source_id: use 1 to {SOURCE_MAX} bytes, not spaces alone")));
    }
    rpc::text::shown(source).map_err(|unshown| Error::Refused(format!("source_id: {unshown}")))
}

fn tenant(text: &str) -> Result<TenantId, Malformed> {
    convert::id(text, "tenant_id")
}

fn key_usage(usage: accounts::KeyUsage) -> KeyUsage {
    KeyUsage {
        key_id: usage.key.to_string(),
        total: usage.total,
        daily: usage.daily,
        weekly: usage.weekly,
        monthly: usage.monthly,
        limit: usage.limit,
        limit_remaining: usage.remaining,
        limit_reset: usage.reset,
        has_paid: usage.has_paid,
        bought: usage.bought,
        own_keys_total: usage.own_total,
        own_keys_daily: usage.own_daily,
        own_keys_weekly: usage.own_weekly,
        own_keys_monthly: usage.own_monthly,
        limit_counts_own_keys: usage.counts_own_keys,
    }
}

/// Whose accounts a key's requests reserve from.
fn spender(tenant: TenantId, request: &GetTermsRequest) -> Result<Spender, Malformed> {
    let ids = |texts: &[String], field| -> Result<Vec<Uuid>, Malformed> {
        texts.iter().map(|text| convert::id(text, field)).collect()
    };
    Ok(Spender {
        tenant: tenant.uuid(),
        key: convert::id::<KeyId>(&request.key_id, "key_id")?.uuid(),
        workspace: optional(&request.workspace_id, "workspace_id")?,
        member: optional(&request.user_id, "user_id")?,
        guardrails: ids(&request.guardrail_ids, "guardrail_ids")?,
        member_guardrails: ids(&request.member_guardrail_ids, "member_guardrail_ids")?,
    })
}

fn optional(text: &str, field: &'static str) -> Result<Option<Uuid>, Malformed> {
    if text.is_empty() { Ok(None) } else { convert::id(text, field).map(Some) }
}

fn pinned(pinned: PinnedPrice) -> Result<Pinned, Status> {
    let price = pinned.price.ok_or_else(|| Status::from(Fault::invalid("malformed message: price")))?;
    let id: PriceVersionId = convert::id(&price.id, "price.id")?;
    let endpoint: EndpointId = convert::id(&pinned.endpoint_id, "endpoint_id")?;
    Ok(Pinned {
        id,
        endpoint: Some(endpoint.uuid()),
        provider: pinned.provider,
        model: pinned.model,
        book: convert::book_in(&price)?,
    })
}
