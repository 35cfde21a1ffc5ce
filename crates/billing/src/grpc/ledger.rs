//! The ledger as callers speak of it.

use identity::{GenerationId, TenantId};
use rpc::billing::ledger_server::Ledger;
use rpc::billing::{
    Breach, CheckInvariantsResponse, DecideParkedRequest, GetBillRequest, ImportBillRequest, Invariant,
    LedgerDocument, ListBillsRequest, ListLedgerAccountsRequest, ListParkedRequest, ListSealsRequest,
    ListTransfersRequest, PayBillRequest, RecordPayoutRequest, RecordPayoutResponse, TraceMoneyRequest,
    VerifySealsRequest,
};
use rpc::convert::{self, Malformed};
use serde_json::{Map, Value, json};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::check_source;
use crate::app::{App, insistently};
use crate::store::invariants::{self, Depth};
use crate::store::{bills, ledger};
use crate::{Error, Service};

type Answer = Result<Response<LedgerDocument>, Status>;

#[tonic::async_trait]
impl Ledger for Service {
    async fn list_transfers(&self, request: Request<ListTransfersRequest>) -> Answer {
        let filter = filter(request.into_inner())?;
        document(&ledger::transfers(&self.app.pool, &filter).await?)
    }

    async fn list_ledger_accounts(&self, _: Request<ListLedgerAccountsRequest>) -> Answer {
        document(&ledger::accounts(&self.app.pool).await?)
    }

    async fn list_seals(&self, request: Request<ListSealsRequest>) -> Answer {
        let request = request.into_inner();
        let tenant = tenant(&request.tenant_id)?;
        let is_cursor = request.after.is_empty()
            || if tenant.is_some() {
                request.after.parse::<i64>().is_ok()
            } else {
                request.after.parse::<Uuid>().is_ok()
            };
        if !is_cursor {
            return Err(Malformed("after").into());
        }
        let (after, limit) = (&request.after, limit(request.limit));
        document(&ledger::seals(&self.app.pool, tenant, after, limit).await?)
    }

    async fn verify_seals(&self, request: Request<VerifySealsRequest>) -> Answer {
        let tenant = tenant(&request.into_inner().tenant_id)?;
        let pool = self.app.pool.clone();
        document(&self.app.owned(async move { ledger::verify(&pool, tenant).await }).await?)
    }

    async fn trace_money(&self, request: Request<TraceMoneyRequest>) -> Answer {
        let id: GenerationId = convert::id(&request.into_inner().generation_id, "generation_id")?;
        let money = ledger::money(&self.app.pool, id.uuid()).await?;
        document(&money.ok_or(Error::Unknown("generation"))?)
    }

    async fn record_payout(
        &self,
        request: Request<RecordPayoutRequest>,
    ) -> Result<Response<RecordPayoutResponse>, Status> {
        let RecordPayoutRequest { amount, source_id, note } = request.into_inner();
        if amount < 1 {
            return Err(Malformed("amount").into());
        }
        check_source(&source_id)?;
        let pool = self.app.pool.clone();
        let recorded = self
            .app
            .owned(async move { insistently(|| ledger::payout(&pool, amount, &source_id, &note)).await });
        Ok(Response::new(RecordPayoutResponse { clearing: recorded.await? }))
    }

    async fn import_bill(&self, request: Request<ImportBillRequest>) -> Answer {
        document(&self.app.import_bill(request.into_inner()).await?)
    }

    async fn list_bills(&self, request: Request<ListBillsRequest>) -> Answer {
        let request = request.into_inner();
        let (provider, after, limit) = (&request.provider, &request.after, limit(request.limit));
        let is_cursor = after.is_empty()
            || after.split_once('/').is_some_and(|(at, id)| {
                chrono::DateTime::parse_from_rfc3339(at).is_ok() && id.parse::<Uuid>().is_ok()
            });
        if !is_cursor {
            return Err(Malformed("after").into());
        }
        document(&bills::list(&self.app.pool, provider, after, limit).await?)
    }

    async fn get_bill(&self, request: Request<GetBillRequest>) -> Answer {
        let request = request.into_inner();
        if !request.after.is_empty() && request.after.parse::<i64>().is_err() {
            return Err(Malformed("after").into());
        }
        let bill = bill(&request.bill_id)?;
        document(&self.app.show_bill(bill, &request.after, limit(request.limit)).await?)
    }

    async fn pay_bill(&self, request: Request<PayBillRequest>) -> Answer {
        let PayBillRequest { bill_id, amount, reference } = request.into_inner();
        let bill = bill(&bill_id)?;
        if amount < 0 {
            return Err(Malformed("amount").into());
        }
        let pool = self.app.pool.clone();
        let paid =
            self.app.owned(async move { insistently(|| bills::pay(&pool, bill, amount, &reference)).await });
        paid.await?;
        document(&self.app.show_bill(bill, "", 1).await?)
    }

    async fn list_parked(&self, request: Request<ListParkedRequest>) -> Answer {
        let request = request.into_inner();
        let before = if request.after.is_empty() {
            i64::MAX
        } else {
            request.after.parse().map_err(|_| Malformed("after"))?
        };
        let limit = u32::try_from(limit(request.limit)).unwrap_or(1);
        document(&self.app.list_parked(request.decided, before, limit).await?)
    }

    async fn decide_parked(&self, request: Request<DecideParkedRequest>) -> Answer {
        let DecideParkedRequest { parked_id, decision, reason, actor } = request.into_inner();
        let app = self.app.clone();
        let decided =
            self.app.owned(async move { app.decide_parked(parked_id, &decision, &actor, &reason).await });
        document(&decided.await?)
    }
}

/// What the last checks found, after one more that looks at everything unless `kept`.
///
/// # Errors
/// The database's.
pub(super) async fn check(app: &App, kept: bool) -> Result<CheckInvariantsResponse, Error> {
    if !kept {
        let whole = app.clone();
        let depth = Depth { records_ms: None, is_whole: true, every_ms: 0, sealed: 0 };
        app.owned(async move {
            // Who waits for the turn has no connection to the database meanwhile.
            let _turn = whole.checking.lock().await;
            invariants::check(&whole.pool, depth).await
        })
        .await?;
    }
    let named = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let breaches = invariants::open(&app.pool).await?.into_iter().map(|breach| Breach {
        tenant_id: named(breach.tenant_id),
        account_id: named(breach.account_id),
        generation_id: named(breach.generation_id),
        lease_id: named(breach.lease_id),
        found_at_ms: breach.found_at.timestamp_millis(),
        invariant: breach.invariant,
        detail: breach.detail,
    });
    let millis = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or(0, |at| at.timestamp_millis());
    let invariants = invariants::all(&app.pool).await?.into_iter().map(|invariant| Invariant {
        checked_at_ms: millis(invariant.checked_at),
        whole_at_ms: millis(invariant.whole_at),
        name: invariant.name,
        meaning: invariant.meaning,
        freezes: invariant.freezes,
    });
    Ok(CheckInvariantsResponse { breaches: breaches.collect(), invariants: invariants.collect() })
}

/// What `billing.list_transfers` filters by.
fn filter(request: ListTransfersRequest) -> Result<Value, Malformed> {
    let time = |millis: Option<i64>, field| {
        millis
            .map(|millis| chrono::DateTime::from_timestamp_millis(millis).ok_or(Malformed(field)))
            .transpose()
            .map(|at| at.map(|at| at.to_rfc3339()))
    };
    let id = |text: &str, field| match text {
        "" => Ok(None),
        text => text.parse::<Uuid>().map(|id| Some(id.to_string())).map_err(|_| Malformed(field)),
    };
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let mut filter = Map::new();
    let texts = [
        ("tenant", tenant(&request.tenant_id)?.map(|id| id.to_string())),
        ("source", id(&request.source_id, "source_id")?),
        ("kind", text(request.kind)),
        ("account", text(request.account)),
        ("from", time(request.from_ms, "from")?),
        ("until", time(request.until_ms, "until")?),
        ("after", cursor(request.after)?),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            filter.insert(name.to_owned(), Value::String(value));
        }
    }
    for (name, value) in [("least", request.least), ("most", request.most)] {
        if let Some(value) = value {
            filter.insert(name.to_owned(), json!(value));
        }
    }
    filter.insert("limit".to_owned(), json!(limit(request.limit)));
    Ok(Value::Object(filter))
}

/// A page of transfers ends with `transaction/source/kind/leg`.
fn cursor(text: String) -> Result<Option<String>, Malformed> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [""] => Ok(None),
        [transaction, source, _, leg]
            if transaction.parse::<u64>().is_ok()
                && source.parse::<Uuid>().is_ok()
                && leg.parse::<i16>().is_ok() =>
        {
            Ok(Some(text))
        }
        _ => Err(Malformed("after")),
    }
}

/// Nobody's where the text is empty. Zeros are the platform's own.
fn tenant(text: &str) -> Result<Option<Uuid>, Malformed> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(id) = text.parse::<Uuid>()
        && id.is_nil()
    {
        return Ok(Some(id));
    }
    convert::id::<TenantId>(text, "tenant_id").map(|id| Some(id.uuid()))
}

fn bill(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::Unknown("bill"))
}

fn limit(asked: u32) -> i32 {
    match asked {
        0 => 50,
        asked => i32::try_from(asked.min(500)).unwrap_or(500),
    }
}

fn document(body: &Value) -> Answer {
    Ok(Response::new(LedgerDocument { body_json: body.to_string() }))
}
