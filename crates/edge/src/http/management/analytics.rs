//! `/api/v1/analytics`: metrics of an organisation's usage, by time and dimensions.

mod labels;
mod names;
mod question;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;
use pricing::Amount;
use rpc::billing::analytics_figure::Value as Figure;
use rpc::billing::usage_reports_client::UsageReportsClient;
use rpc::billing::{AnalyticsFilter, AnalyticsRow, QueryAnalyticsRequest, QueryAnalyticsResponse};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::labels::{Labels, Scope};
use self::names::{
    DIMENSIONS, Dimension, DisplayFormat, GRANULARITIES, Granularity, METRICS, Metric, OPERATORS, Operator,
};
use self::question::{Question, Sent as SentQuery};
use super::{Data, Sent};
use crate::access::Caller;
use crate::http::reply::{self, Refusal};
use crate::service::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(meta)).routes(routes!(query))
}

/// What can be asked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsMeta)]
struct Meta {
    metrics: &'static [Metric],
    dimensions: &'static [Dimension],
    operators: &'static [Operator],
    granularities: &'static [Granularity],
}

/// Show which metrics and dimensions can be asked for
#[utoipa::path(get, path = "/analytics/meta", operation_id = "getAnalyticsMeta", tag = "Analytics",
    responses((status = 200, description = "Everything that a query may name", body = Data<Meta>)),
    security(("management_key" = ["activity.read"]), ("session" = ["activity.read"])))]
async fn meta(_caller: Caller) -> Response {
    let data = Meta {
        metrics: &METRICS,
        dimensions: &DIMENSIONS,
        operators: &OPERATORS,
        granularities: &GRANULARITIES,
    };
    reply::json(StatusCode::OK, &Data { data })
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsMetadata)]
struct Metadata {
    query_time_ms: f64,
    row_count: usize,
    /// Whether there are more rows than were asked for.
    truncated: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsAnswer)]
struct Answer {
    /// A member for each metric and dimension, `date__day` and the like for the start of the bucket, and beside labels
    /// `api_key_hash`, `user_id` and `workspace_id`; `is_rest` where a row is of the groups beyond `top`.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Map<String, Value>>,
    metadata: Metadata,
    /// Values of filters that are nobody's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Query metrics of the organisation's usage
///
/// Grouped by time and at most two dimensions.
#[utoipa::path(post, path = "/analytics/query", operation_id = "queryAnalytics", tag = "Analytics",
    request_body = SentQuery,
    responses((status = 200, description = "A row for each group", body = Data<Answer>)),
    security(("management_key" = ["activity.read"]), ("session" = ["activity.read"])))]
async fn query(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<SentQuery>,
) -> Result<Response, Refusal> {
    let started = Instant::now();
    let question = Question::read(sent, Utc::now())?;
    let scope = Scope::of(&app, caller.tenant, &question).await?;
    let found = ask(&app, &caller, &question, &scope).await?;
    let labels = Labels::of(&app, caller.tenant, &question, &found.rows, scope.workspaces).await?;
    let data: Vec<_> = found.rows.iter().map(|row| written(row, &question, &labels)).collect();
    let metadata = Metadata {
        query_time_ms: (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        row_count: data.len(),
        truncated: found.is_truncated,
    };
    let data = Answer { data, metadata, warnings: scope.warnings };
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

async fn ask(
    app: &App,
    caller: &Caller,
    question: &Question,
    scope: &Scope,
) -> Result<QueryAnalyticsResponse, Refusal> {
    let filters = question.filters.iter().zip(&scope.values).map(|(filter, values)| AnalyticsFilter {
        dimension: filter.dimension.name.to_owned(),
        operator: filter.operator.to_owned(),
        values: values.clone(),
        unset: filter.unset,
    });
    let message = QueryAnalyticsRequest {
        tenant_id: caller.tenant.to_string(),
        home_workspace_id: scope.home.to_string(),
        metrics: question.metrics.iter().map(|metric| metric.name.to_owned()).collect(),
        dimensions: question.dimensions.iter().map(|dimension| dimension.name.to_owned()).collect(),
        filters: filters.collect(),
        granularity: question.granularity.unwrap_or_default().to_owned(),
        since_ms: question.since.timestamp_millis(),
        until_ms: question.until.timestamp_millis(),
        order_by: question.order.clone(),
        descending: question.descending,
        limit: question.limit,
        group_limit: question.group_limit,
        top: question.top,
    };
    let answer = rpc::retry(3, || {
        let reports = UsageReportsClient::new(app.billing.clone());
        let (mut reports, message) = (reports.max_decoding_message_size(rpc::MAX_MESSAGE), message.clone());
        async move { reports.query_analytics(message).await }
    });
    Ok(answer.await?.into_inner())
}

/// A row as it is answered.
fn written(row: &AnalyticsRow, question: &Question, labels: &Labels) -> Map<String, Value> {
    let mut written = Map::new();
    if let (Some(granularity), Some(start)) = (question.granularity, row.start_ms) {
        let start = DateTime::from_timestamp_millis(start).unwrap_or_default();
        let start = start.to_rfc3339_opts(SecondsFormat::Millis, true);
        written.insert(format!("date__{granularity}"), json!(start));
    }
    for (dimension, value) in question.dimensions.iter().zip(&row.values) {
        let (label, id) = labels.show(dimension, value);
        written.insert(dimension.name.to_owned(), json!(label));
        if let Some(column) = dimension.id_column() {
            written.insert(column.to_owned(), json!(id));
        }
    }
    if row.is_rest {
        written.insert("is_rest".to_owned(), json!(true));
    }
    for (metric, figure) in question.metrics.iter().zip(&row.figures) {
        let value = match figure.value {
            Some(Figure::Whole(nanos)) if metric.display_format == DisplayFormat::Currency => {
                json!(Amount::from_nanos(nanos).to_json_number())
            }
            Some(Figure::Whole(whole)) => json!(whole),
            Some(Figure::Fraction(fraction)) => json!(fraction),
            None => Value::Null,
        };
        written.insert(metric.name.to_owned(), value);
    }
    written
}
