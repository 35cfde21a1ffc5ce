//! Analytics as callers speak of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rpc::billing::{AnalyticsFilter, QueryAnalyticsRequest, QueryAnalyticsResponse};
use rpc::convert::{self, Malformed};
use tonic::Status;
use uuid::Uuid;

use super::reports::cut;
use crate::store::analytics::{self, Filter, Query};
use crate::{Error, Service};

/// Rows that one answer has at most.
const ROWS_MOST: i32 = 10_000;
/// How long a query waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);
const FILTERS_MOST: usize = 20;
/// Metrics that one answer has at most: more than there are.
const METRICS_MOST: usize = 50;

pub(super) async fn query(
    service: &Service,
    request: QueryAnalyticsRequest,
) -> Result<QueryAnalyticsResponse, Status> {
    let app = &service.app;
    let mut query = read(request)?;
    let limit = query.limit;
    // One more than is answered tells whether there are more.
    query.limit = limit.saturating_add(1);
    // Settlement has the same pool, and is to find its sessions whatever is asked of usage.
    let turn = tokio::time::timeout(TURN_WITHIN, app.analysts.acquire()).await;
    let _turn = turn.ok().and_then(Result::ok).ok_or(Error::Busy)?;
    let mut rows = analytics::query(&app.pool, &query).await?;
    let is_truncated = cut(&mut rows, limit);
    Ok(QueryAnalyticsResponse { rows, is_truncated })
}

fn read(request: QueryAnalyticsRequest) -> Result<Query, Malformed> {
    if request.metrics.is_empty() || request.metrics.len() > METRICS_MOST {
        return Err(Malformed("metrics"));
    }
    if request.filters.len() > FILTERS_MOST {
        return Err(Malformed("filters"));
    }
    let rows = |asked: u32, field| {
        let asked = i32::try_from(asked).ok().filter(|rows| *rows <= ROWS_MOST);
        asked.ok_or(Malformed(field))
    };
    Ok(Query {
        tenant: convert::id::<Uuid>(&request.tenant_id, "tenant_id")?,
        home: convert::id::<Uuid>(&request.home_workspace_id, "home_workspace_id")?,
        grain: request.granularity,
        dimensions: request.dimensions,
        metrics: request.metrics,
        filters: request.filters.into_iter().map(filter).collect::<Result<_, _>>()?,
        since: time(request.since_ms, "since_ms")?,
        until: time(request.until_ms, "until_ms")?,
        order: request.order_by,
        descending: request.descending,
        limit: Some(rows(request.limit, "limit")?).filter(|rows| *rows > 0).ok_or(Malformed("limit"))?,
        group_limit: Some(rows(request.group_limit, "group_limit")?).filter(|rows| *rows > 0),
        top: Some(rows(request.top, "top")?).filter(|groups| *groups > 0),
    })
}

fn filter(asked: AnalyticsFilter) -> Result<Filter, Malformed> {
    let is_id = matches!(asked.dimension.as_str(), "generation_id" | "api_key_id" | "user" | "workspace");
    if asked.values.iter().any(|value| value.contains('\0') || is_id && value.parse::<Uuid>().is_err()) {
        return Err(Malformed("filters"));
    }
    let AnalyticsFilter { dimension: field, operator, values, unset } = asked;
    Ok(Filter { field, operator, values, unset })
}

fn time(milliseconds: i64, field: &'static str) -> Result<DateTime<Utc>, Malformed> {
    DateTime::from_timestamp_millis(milliseconds).ok_or(Malformed(field))
}
