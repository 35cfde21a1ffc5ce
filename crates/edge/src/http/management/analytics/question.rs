//! A query as it is sent, and what it asks for once it is known to be within its bounds.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::bad;
use super::names::{DIMENSIONS, Dimension, GRANULARITIES, METRICS, Metric, OPERATORS};
use crate::http::reply::Refusal;

const MOST_DIMENSIONS: usize = 2;
const MOST_FILTERS: usize = 20;
/// Of one filter.
const MOST_VALUES: usize = 500;
/// Characters of a value.
const LONGEST_VALUE: usize = 512;
/// Rows that are answered where nothing is said, and at most.
const ROWS: u32 = 1_000;
const MOST_ROWS: u32 = 10_000;
/// Days that one query is about where nothing is said, and at most; of what is in no sums, and of times that requests
/// took, a month.
const DAYS: i64 = 7;
const MOST_DAYS: i64 = 366;
const DAYS_OF_A_MONTH: i64 = 31;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AnalyticsQuery)]
pub(super) struct Sent {
    /// At least one; `/analytics/meta` lists them.
    metrics: Vec<String>,
    /// At most two.
    #[serde(default)]
    dimensions: Vec<String>,
    /// At most 20, all of which usage has to meet.
    #[serde(default)]
    filters: Vec<SentFilter>,
    /// `minute`, `hour`, `day`, `week` or `month`; without it each group is one row.
    granularity: Option<String>,
    /// The last seven days unless said.
    time_range: Option<TimeRange>,
    order_by: Option<OrderBy>,
    /// Rows at most, 1 to 10,000; 1,000 unless said.
    limit: Option<i64>,
    /// Rows of one combination of dimensions at most, 1 to 10,000.
    group_limit: Option<i64>,
    /// Combinations of dimensions that are told apart at most, 1 to 10,000: those with the most of the first metric over
    /// the whole time, or of requests where that is a mean. The rest is one, whose dimensions are null and whose `is_rest`
    /// is true.
    top: Option<i64>,
    /// Not served: there are no classifiers.
    #[schema(value_type = Option<Object>)]
    classifier_dimensions: Option<Value>,
    /// Not served: there are no classifiers.
    #[schema(value_type = Option<Object>)]
    classifier_filters: Option<Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AnalyticsFilter)]
struct SentFilter {
    /// A dimension.
    field: String,
    /// `eq`, `neq`, `in`, `not_in`, `gt`, `gte`, `lt` or `lte`.
    operator: String,
    /// One, or a list for `in` and `not_in`.
    value: SentValue,
    /// Whether `in` and `not_in` take usage that has none of the dimension.
    include_unset: Option<bool>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnalyticsFilterValue)]
enum SentValue {
    One(Scalar),
    Many(Vec<Scalar>),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnalyticsScalar)]
enum Scalar {
    Text(String),
    Number(f64),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AnalyticsTimeRange)]
struct TimeRange {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AnalyticsOrder)]
struct OrderBy {
    /// One of `metrics`, `request_count`, one of `dimensions`, or `date`.
    field: String,
    direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AnalyticsDirection)]
enum Direction {
    Asc,
    Desc,
}

/// A query that can be answered.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) metrics: Vec<&'static Metric>,
    pub(super) dimensions: Vec<&'static Dimension>,
    pub(super) filters: Vec<Condition>,
    pub(super) granularity: Option<&'static str>,
    pub(super) since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) order: String,
    pub(super) descending: bool,
    pub(super) limit: u32,
    /// 0 = as many as there are.
    pub(super) group_limit: u32,
    /// 0 = all groups are told apart.
    pub(super) top: u32,
}

/// A filter, its values as they were sent.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) dimension: &'static Dimension,
    /// `in`, `not_in`, `gt`, `gte`, `lt` or `lte`.
    pub(super) operator: &'static str,
    pub(super) values: Vec<String>,
    pub(super) unset: bool,
}

impl Question {
    /// # Errors
    /// A [`Refusal`] that says which bound is passed or which name is none.
    pub(super) fn read(sent: Sent, now: DateTime<Utc>) -> Result<Self, Refusal> {
        if sent.classifier_dimensions.is_some() || sent.classifier_filters.is_some() {
            return Err(bad("classifier_dimensions, classifier_filters: there are no classifiers here"));
        }
        let granularity = sent.granularity.map(|name| known_granularity(&name)).transpose()?;
        let metrics = metrics(&sent.metrics)?;
        let dimensions = dimensions(&sent.dimensions)?;
        if sent.filters.len() > MOST_FILTERS {
            return Err(bad(format!("filters: use at most {MOST_FILTERS}")));
        }
        let filters: Vec<Condition> =
            sent.filters.into_iter().map(Condition::read).collect::<Result<_, _>>()?;
        let (since, until) = match sent.time_range {
            Some(range) => (range.start, range.end),
            None => (now - TimeDelta::days(DAYS), now),
        };
        let limit = sent.limit.map(|rows| bounded(rows, "limit")).transpose()?;
        let group_limit = sent.group_limit.map(|rows| bounded(rows, "group_limit")).transpose()?;
        let top = sent.top.map(|groups| bounded(groups, "top")).transpose()?;
        let is_series = granularity.is_some() && !dimensions.is_empty();
        // A series is not to end in the midst of its time because it has many groups.
        let usual = if is_series && group_limit.is_none() { MOST_ROWS } else { ROWS };
        let (order, descending) = match sent.order_by {
            Some(order) => order.read(&metrics, &dimensions, granularity)?,
            None if granularity.is_some() => ("date".to_owned(), true),
            None => (metrics.first().map_or("request_count", |metric| metric.name).to_owned(), true),
        };
        let question = Self {
            metrics,
            dimensions,
            filters,
            granularity,
            since,
            until,
            order,
            descending,
            limit: limit.unwrap_or(usual),
            group_limit: group_limit.unwrap_or(0),
            top: top.unwrap_or(0),
        };
        question.check_times()?;
        Ok(question)
    }

    fn check_times(&self) -> Result<(), Refusal> {
        if self.since >= self.until {
            return Err(bad("time_range: use a start before the end"));
        }
        let length = self.until - self.since;
        if length > TimeDelta::days(MOST_DAYS) {
            return Err(bad(format!("time_range: use at most {MOST_DAYS} days")));
        }
        if let Some(name) = self.of_a_month().filter(|_| length > TimeDelta::days(DAYS_OF_A_MONTH)) {
            return Err(bad(format!("time_range: use at most {DAYS_OF_A_MONTH} days with `{name}`")));
        }
        Ok(())
    }

    /// Something that is asked for which is answered for a month at most.
    fn of_a_month(&self) -> Option<&'static str> {
        let metric = self.metrics.iter().find(|metric| metric.is_of_a_month()).map(|metric| metric.name);
        let filtered = self.filters.iter().map(|filter| filter.dimension);
        let mut dimensions = self.dimensions.iter().copied().chain(filtered);
        let dimension = dimensions.find(|dimension| dimension.is_of_a_month()).map(|found| found.name);
        metric.or(dimension).or(self.granularity.filter(|name| *name == "minute"))
    }
}

impl Condition {
    fn read(sent: SentFilter) -> Result<Self, Refusal> {
        let name = &sent.field;
        let dimension = known_dimension(name, "filters")?;
        let operator = OPERATORS.iter().find(|operator| operator.name == sent.operator);
        let operator = operator.ok_or_else(|| {
            bad(format!(
                "filters: `{}` is no operator; use eq, neq, in, not_in, gt, gte, lt or lte",
                sent.operator
            ))
        })?;
        let values: Vec<String> = match (sent.value, operator.value_type) {
            (SentValue::One(value), "scalar") => vec![value.text()],
            (SentValue::Many(values), "array") => values.into_iter().map(Scalar::text).collect(),
            (_, "array") => return Err(bad(format!("filters: `{}` takes a list", operator.name))),
            _ => return Err(bad(format!("filters: `{}` takes one value", operator.name))),
        };
        if values.len() > MOST_VALUES {
            return Err(bad(format!("filters: use at most {MOST_VALUES} values in one")));
        }
        if values.iter().any(|value| value.contains('\0') || value.chars().count() > LONGEST_VALUE) {
            return Err(bad(format!("filters: use values of at most {LONGEST_VALUE} characters")));
        }
        let include_unset = sent.include_unset.unwrap_or(false);
        if include_unset && operator.value_type != "array" {
            return Err(bad("filters: `include_unset` goes with in and not_in"));
        }
        if include_unset && !dimension.may_be_unset() {
            return Err(bad(format!("filters: dimension `{name}` has no unset bucket")));
        }
        let (operator, unset) = match operator.name {
            "eq" => ("in", false),
            // What has no value is not equal to one.
            "neq" => ("not_in", true),
            name => (name, include_unset),
        };
        if !dimension.is_ordered() && !matches!(operator, "in" | "not_in") {
            return Err(bad(format!("filters: `{name}` takes eq, neq, in and not_in")));
        }
        Ok(Self { dimension, operator, values, unset })
    }
}

impl OrderBy {
    fn read(
        self,
        metrics: &[&Metric],
        dimensions: &[&Dimension],
        granularity: Option<&str>,
    ) -> Result<(String, bool), Refusal> {
        let descending = self.direction == Direction::Desc;
        let is_date = granularity
            .is_some_and(|granularity| self.field == "date" || self.field == format!("date__{granularity}"));
        if is_date {
            return Ok(("date".to_owned(), descending));
        }
        let is_asked = self.field == "request_count"
            || metrics.iter().any(|metric| metric.name == self.field)
            || dimensions.iter().any(|dimension| dimension.name == self.field);
        if !is_asked {
            return Err(bad(format!(
                "order_by: `{}` is none of the metrics and dimensions that are asked for, nor request_count; \
                 `date` needs a granularity",
                self.field
            )));
        }
        Ok((self.field, descending))
    }
}

fn metrics(names: &[String]) -> Result<Vec<&'static Metric>, Refusal> {
    let mut found: Vec<&Metric> = Vec::new();
    for name in names {
        let Some(metric) = Metric::named(name) else {
            let all = METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>().join(", ");
            return Err(bad(format!("metrics: `{name:.64}` is none of {all}")));
        };
        if !found.contains(&metric) {
            found.push(metric);
        }
    }
    if found.is_empty() { Err(bad("metrics: ask for at least one")) } else { Ok(found) }
}

fn dimensions(names: &[String]) -> Result<Vec<&'static Dimension>, Refusal> {
    if names.len() > MOST_DIMENSIONS {
        return Err(bad(format!("dimensions: use at most {MOST_DIMENSIONS}")));
    }
    let found: Vec<&Dimension> =
        names.iter().map(|name| known_dimension(name, "dimensions")).collect::<Result<_, _>>()?;
    if found.len() == 2 && found.first() == found.last() {
        return Err(bad("dimensions: use each once"));
    }
    Ok(found)
}

fn known_dimension(name: &str, member: &str) -> Result<&'static Dimension, Refusal> {
    Dimension::named(name).ok_or_else(|| {
        let all = DIMENSIONS.iter().map(|dimension| dimension.name).collect::<Vec<_>>().join(", ");
        bad(format!("{member}: `{name:.64}` is none of {all}"))
    })
}

fn known_granularity(name: &str) -> Result<&'static str, Refusal> {
    let known = GRANULARITIES.iter().find(|granularity| granularity.name == name);
    known
        .map(|granularity| granularity.name)
        .ok_or_else(|| bad("granularity: use minute, hour, day, week or month"))
}

fn bounded(rows: i64, member: &str) -> Result<u32, Refusal> {
    let rows = u32::try_from(rows).ok().filter(|rows| (1..=MOST_ROWS).contains(rows));
    rows.ok_or_else(|| bad(format!("{member}: use 1 to {MOST_ROWS}")))
}
