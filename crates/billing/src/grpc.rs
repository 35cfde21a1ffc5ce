//! Decode, call, encode.

mod budgets;
mod invoices;
mod ledger;
mod payments;
mod plans;
mod reports;
mod session;

use identity::{EndpointId, GenerationId, KeyId, PriceVersionId, TenantId};
use rpc::Fault;
use rpc::billing::billing_server::Billing;
use rpc::billing::{
    CheckInvariantsRequest, CheckInvariantsResponse, Credits, Generation, GetCreditsRequest,
    GetGenerationRequest, GetKeyUsageRequest, GetTermsRequest, GrantCreditRequest, GrantCreditResponse,
    KeyUsage, LeaseDown, LeaseUp, OpenTenantRequest, OpenTenantResponse, PinnedPrice, PutKeyLimitRequest,
    PutKeyLimitResponse, PutPricesRequest, PutPricesResponse, SpendAccount, Terms,
};
use rpc::convert::{self, Malformed};
use rpc::events::{Settled, UsageBatch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::app::insistently;
use crate::app::settlement::Shipped;
use crate::store::prices::Pinned;
use crate::store::{accounts, usage};
use crate::{Error, Service};

/// Messages to an edge that wait at most; a slow edge slows its own session only.
const DOWN_BUFFER: usize = 1_024;
/// The name of the plan that tenants get unless another is named.
const DEFAULT_PLAN: &str = "default";

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

    async fn get_terms(&self, request: Request<GetTermsRequest>) -> Result<Response<Terms>, Status> {
        let request = request.into_inner();
        if request.tenant_id.is_empty() && request.key_id.is_empty() {
            let markup = accounts::default_markup(&self.app.pool).await?;
            return Ok(Response::new(Terms { markup_basis_points: markup, ..Terms::default() }));
        }
        let tenant = tenant(&request.tenant_id)?;
        let key = convert::id(&request.key_id, "key_id")?;
        let terms = accounts::terms(&self.app.pool, tenant, key).await?.ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(Terms {
            markup_basis_points: terms.markup_basis_points,
            accounts: terms
                .accounts
                .0
                .into_iter()
                .map(|account| SpendAccount {
                    account_id: account.account_id.to_string(),
                    kind: account.kind,
                    label: account.label,
                    counts_own_keys: false,
                })
                .collect(),
            has_paid: terms.has_paid,
            ..Terms::default()
        }))
    }

    async fn get_credits(&self, request: Request<GetCreditsRequest>) -> Result<Response<Credits>, Status> {
        let tenant = tenant(&request.into_inner().tenant_id)?;
        let credits = accounts::credits(&self.app.pool, tenant).await?.ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(Credits {
            total_credits: credits.added,
            total_usage: credits.spent,
            held: credits.held,
        }))
    }

    async fn get_key_usage(
        &self,
        request: Request<GetKeyUsageRequest>,
    ) -> Result<Response<KeyUsage>, Status> {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let key = convert::id(&request.key_id, "key_id")?;
        let usage =
            accounts::key_usage(&self.app.pool, tenant, key).await?.ok_or(Error::Unknown("tenant"))?;
        Ok(Response::new(KeyUsage {
            total: usage.total,
            daily: usage.daily,
            weekly: usage.weekly,
            monthly: usage.monthly,
            limit: usage.limit,
            limit_remaining: usage.remaining,
            limit_reset: usage.reset,
            has_paid: usage.has_paid,
        }))
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
            let plan = if request.plan.is_empty() { DEFAULT_PLAN } else { &request.plan };
            insistently(|| accounts::open_tenant(&pool, tenant, plan, markup)).await
        });
        Ok(Response::new(OpenTenantResponse { account_id: opened.await?.to_string() }))
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
            insistently(|| accounts::put_key_limit(&pool, tenant, key, request.limit, &request.reset)).await
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
        if request.source_id.is_empty() {
            return Err(Malformed("source_id").into());
        }
        let pool = self.app.pool.clone();
        let granted = self.app.owned(async move {
            let GrantCreditRequest { amount, kind, source_id, reason, .. } = request;
            insistently(|| accounts::grant_credit(&pool, tenant, amount, &kind, &source_id, &reason)).await
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

fn tenant(text: &str) -> Result<TenantId, Malformed> {
    convert::id(text, "tenant_id")
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
