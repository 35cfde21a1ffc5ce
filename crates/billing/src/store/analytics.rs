//! Metrics of a tenant's usage, by time and dimensions.

use chrono::{DateTime, Utc};
use rpc::billing::AnalyticsFigure;
use rpc::billing::AnalyticsRow;
use rpc::billing::analytics_figure::Value;
use serde::Serialize;
use serde_json::Number;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::Error;

/// A condition as the SQL reads it.
#[derive(Debug, Serialize)]
pub(crate) struct Filter {
    pub field: String,
    /// `in`, `not_in`, `gt`, `gte`, `lt` or `lte`.
    pub operator: String,
    pub values: Vec<String>,
    /// Whether usage without the dimension passes.
    pub unset: bool,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Query {
    pub tenant: Uuid,
    /// The workspace of usage that names none.
    pub home: Uuid,
    /// `minute` to `month`, or empty.
    pub grain: String,
    pub dimensions: Vec<String>,
    pub metrics: Vec<String>,
    pub filters: Vec<Filter>,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub order: String,
    pub descending: bool,
    pub limit: i32,
    /// `None` = as many of a group as there are.
    pub group_limit: Option<i32>,
    /// Groups that are told apart; `None` = all.
    pub top: Option<i32>,
}

/// The rows of the answer, in their order.
///
/// # Errors
/// [`Error::Refused`] for names that are none, [`Error::TooLong`] beyond the time that a statement may take.
pub(crate) async fn query(pool: &PgPool, asked: &Query) -> Result<Vec<AnalyticsRow>, Error> {
    let found = sqlx::query!(
        r#"select at, first, second, is_rest as "is_rest!",
            figures as "figures!: Json<Vec<Option<Number>>>"
        from billing.analytics($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"#,
        asked.tenant,
        asked.home,
        asked.grain,
        &asked.dimensions,
        &asked.metrics,
        Json(&asked.filters) as Json<&Vec<Filter>>,
        asked.since,
        asked.until,
        asked.order,
        asked.descending,
        asked.limit,
        asked.group_limit,
        asked.top,
    )
    .fetch_all(pool)
    .await;
    let rows = found.map_err(|error| if was_stopped(&error) { Error::TooLong } else { error.into() })?;
    let width = asked.dimensions.len();
    Ok(rows
        .into_iter()
        .map(|row| AnalyticsRow {
            start_ms: row.at.map(|at| at.timestamp_millis()),
            values: [row.first, row.second].into_iter().take(width).map(Option::unwrap_or_default).collect(),
            figures: row.figures.0.into_iter().map(figure).collect(),
            is_rest: row.is_rest,
        })
        .collect())
}

fn figure(number: Option<Number>) -> AnalyticsFigure {
    let value = number.and_then(|number| {
        number.as_i64().map(Value::Whole).or_else(|| number.as_f64().map(Value::Fraction))
    });
    AnalyticsFigure { value }
}

/// Whether the statement ran out of its time.
fn was_stopped(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "57014")
}
