//! Usage reports as callers speak of them.

use chrono::{DateTime, Utc};
use rpc::billing::usage_reports_server::UsageReports;
use rpc::billing::{
    GetUsageRequest, GetUsageResponse, ListSettledRequest, ListSettledResponse, ListUsageRequest,
    ListUsageResponse, QueryAnalyticsRequest, QueryAnalyticsResponse, UsageFilter,
};
use rpc::convert::{self, Malformed};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::analytics;
use crate::Service;
use crate::store::reports::{self, Filter, Page, Sums};
use crate::store::settled::{self, Mark};

/// Sums that one answer has at most.
const SUMS: u32 = 10_000;
/// Generations on a page, unless another number is asked for, and at most.
const ROWS: u32 = 100;
const ROWS_MOST: u32 = 1_000;
/// Settlements that one page of them looks at.
const SETTLED: i32 = 500;
/// How a generation may have ended.
const STATUSES: [&str; 5] = ["", "ok", "error", "partial", "cancelled"];
/// What sums may be grouped by.
const DIMENSIONS: [&str; 9] = [
    "tenant_id",
    "workspace_id",
    "user_id",
    "key_id",
    "model",
    "provider",
    "provider_name",
    "endpoint_id",
    "is_byok",
];

#[tonic::async_trait]
impl UsageReports for Service {
    async fn get_usage(
        &self,
        request: Request<GetUsageRequest>,
    ) -> Result<Response<GetUsageResponse>, Status> {
        let request = request.into_inner();
        if !matches!(request.grain.as_str(), "" | "hour" | "day" | "week" | "month") {
            return Err(Malformed("grain").into());
        }
        if request.group_by.iter().any(|wanted| !DIMENSIONS.contains(&wanted.as_str())) {
            return Err(Malformed("group_by").into());
        }
        // The rollups do not know it.
        if request.filter.as_ref().is_some_and(|filter| !filter.status.is_empty()) {
            return Err(Malformed("status").into());
        }
        let limit = bounded(request.limit, SUMS, SUMS);
        let days = i32::try_from(request.completed_days).map_err(|_| Malformed("completed_days"))?;
        let asked = Sums {
            filter: filter(request.filter.unwrap_or_default())?,
            grain: request.grain,
            group_by: request.group_by,
            since: time(request.since_ms, "since_ms")?.unwrap_or(DateTime::UNIX_EPOCH),
            until: time(request.until_ms, "until_ms")?,
            completed_days: Some(days).filter(|days| *days > 0),
            // One more than is answered tells whether there are more.
            limit: limit.saturating_add(1),
            top: top(request.top, request.top_by),
        };
        let mut sums = reports::sums(&self.app.pool, &asked).await?;
        let is_truncated = cut(&mut sums, limit);
        Ok(Response::new(GetUsageResponse { sums, is_truncated }))
    }

    async fn list_usage(
        &self,
        request: Request<ListUsageRequest>,
    ) -> Result<Response<ListUsageResponse>, Status> {
        let request = request.into_inner();
        let limit = bounded(request.limit, ROWS, ROWS_MOST);
        let wanted = request.filter.unwrap_or_default();
        if !STATUSES.contains(&wanted.status.as_str()) {
            return Err(Malformed("status").into());
        }
        let asked = Page {
            filter: filter(wanted)?,
            since: time(request.since_ms, "since_ms")?,
            until: time(request.until_ms, "until_ms")?,
            after: uuid(&request.after, "after")?,
            limit: limit.saturating_add(1),
        };
        let mut rows = reports::page(&self.app.pool, &asked).await?;
        let more = cut(&mut rows, limit);
        let last = rows.last().and_then(|row| row.record.as_ref());
        let next = last.filter(|_| more).map(|record| record.generation_id.clone()).unwrap_or_default();
        Ok(Response::new(ListUsageResponse { rows, next }))
    }

    async fn list_settled(
        &self,
        request: Request<ListSettledRequest>,
    ) -> Result<Response<ListSettledResponse>, Status> {
        let request = request.into_inner();
        let pool = &self.app.pool;
        // Behind everything, so that the page ends where what is settled ends.
        let latest = Mark { xid: u64::MAX, after: Uuid::nil() };
        let begun = if request.mark.is_empty() { latest } else { mark(&request.mark)? };
        let (end, more) = settled::until(pool, &begun, SETTLED).await?;
        let tenants = request.tenant_ids.iter().map(|id| convert::id(id, "tenant_ids"));
        let tenants: Vec<Uuid> = tenants.collect::<Result<_, _>>()?;
        let rows = match tenants.is_empty() {
            true => Vec::new(),
            false => settled::between(pool, &begun, &end, &tenants).await?,
        };
        let mark = format!("{}/{}", end.xid, end.after);
        Ok(Response::new(ListSettledResponse { rows, mark, more }))
    }

    async fn query_analytics(
        &self,
        request: Request<QueryAnalyticsRequest>,
    ) -> Result<Response<QueryAnalyticsResponse>, Status> {
        analytics::query(self, request.into_inner()).await.map(Response::new)
    }
}

fn mark(text: &str) -> Result<Mark, Malformed> {
    let read = |(xid, after): (&str, &str)| Some((xid.parse().ok()?, after.parse().ok()?));
    let (xid, after) = text.split_once('/').and_then(read).ok_or(Malformed("mark"))?;
    Ok(Mark { xid, after })
}

fn filter(asked: UsageFilter) -> Result<Filter, Malformed> {
    let text = |text: String| Some(text.replace('\0', "")).filter(|text| !text.is_empty());
    Ok(Filter {
        tenant_id: uuid(&asked.tenant_id, "tenant_id")?,
        workspace_id: uuid(&asked.workspace_id, "workspace_id")?,
        user_id: uuid(&asked.user_id, "user_id")?,
        key_id: uuid(&asked.key_id, "key_id")?,
        model: text(asked.model),
        provider: text(asked.provider),
        endpoint_id: uuid(&asked.endpoint_id, "endpoint_id")?,
        is_byok: asked.is_byok,
        provider_name: text(asked.provider_name),
        status: text(asked.status),
    })
}

fn uuid(text: &str, field: &'static str) -> Result<Option<Uuid>, Malformed> {
    if text.is_empty() { Ok(None) } else { convert::id(text, field).map(Some) }
}

/// A moment from Unix milliseconds; zero is none.
fn time(milliseconds: i64, field: &'static str) -> Result<Option<DateTime<Utc>>, Malformed> {
    match milliseconds {
        0 => Ok(None),
        1.. => DateTime::from_timestamp_millis(milliseconds).map(Some).ok_or(Malformed(field)),
        _ => Err(Malformed(field)),
    }
}

fn bounded(asked: u32, usual: u32, most: u32) -> i32 {
    let rows = if asked == 0 { usual } else { asked.min(most) };
    i32::try_from(rows).unwrap_or(i32::MAX)
}

/// How many groups are told apart, and the measure of which they have the most.
fn top(groups: u32, by: String) -> Option<(i32, String)> {
    let by = if by.is_empty() { "charge".to_owned() } else { by };
    (groups > 0).then(|| (bounded(groups, SUMS, SUMS), by))
}

/// Cuts rows down to `limit`. Whether there were more.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: i32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}
