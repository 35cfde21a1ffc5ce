//! What can be asked of usage: every metric, dimension, operator and granularity.

use serde::Serialize;
use utoipa::ToSchema;

/// How a console writes a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum DisplayFormat {
    Number,
    /// USD.
    Currency,
    /// A share between 0 and 1.
    Percent,
    /// Milliseconds.
    Latency,
    /// Tokens a second.
    Throughput,
}

/// Something that can be counted.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnalyticsMetric)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    display_label: &'static str,
    /// Whether it is a share or a mean, which adds up to nothing.
    is_rate: bool,
    pub(super) display_format: DisplayFormat,
}

const fn metric(
    name: &'static str,
    display_label: &'static str,
    is_rate: bool,
    display_format: DisplayFormat,
) -> Metric {
    Metric { name, display_label, is_rate, display_format }
}

impl Metric {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// Whether it is asked for over a month at most.
    pub(super) const fn is_of_a_month(&self) -> bool {
        matches!(self.display_format, DisplayFormat::Latency | DisplayFormat::Throughput)
    }
}

use DisplayFormat as As;

pub(super) static METRICS: [Metric; 24] = [
    metric("request_count", "Request Count", false, As::Number),
    metric("byok_request_count", "BYOK Request Count", false, As::Number),
    metric("error_count", "Error Count", false, As::Number),
    metric("error_rate", "Error Rate", true, As::Percent),
    metric("tokens_total", "Total Tokens", false, As::Number),
    metric("tokens_prompt", "Prompt Tokens", false, As::Number),
    metric("tokens_completion", "Completion Tokens", false, As::Number),
    metric("reasoning_tokens", "Reasoning Tokens", false, As::Number),
    metric("cached_tokens", "Cached Tokens", false, As::Number),
    metric("cache_hit_rate", "Cache Hit Rate", true, As::Percent),
    metric("total_usage", "Total Usage", false, As::Currency),
    metric("credits_usage", "Credits Usage", false, As::Currency),
    metric("openrouter_usage", "Usage Without BYOK", false, As::Currency),
    metric("byok_usage", "BYOK Usage", false, As::Currency),
    metric("byok_fees", "BYOK Fees", false, As::Currency),
    metric("usage_upstream", "Upstream Cost", false, As::Currency),
    metric("avg_latency", "Mean Latency", true, As::Latency),
    metric("p50_latency", "Median Latency", true, As::Latency),
    metric("p90_latency", "P90 Latency", true, As::Latency),
    metric("p99_latency", "P99 Latency", true, As::Latency),
    metric("avg_throughput", "Mean Throughput", true, As::Throughput),
    metric("p50_throughput", "Median Throughput", true, As::Throughput),
    metric("p90_throughput", "P90 Throughput", true, As::Throughput),
    metric("p99_throughput", "P99 Throughput", true, As::Throughput),
];

/// Something that usage is told apart by.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnalyticsDimension)]
pub(super) struct Dimension {
    pub(super) name: &'static str,
    display_label: &'static str,
    #[serde(skip)]
    pub(super) kind: Kind,
}

/// What the values of a dimension are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As they are answered; in the sums of every hour.
    Summed,
    /// As they are answered; of single generations alone.
    Single,
    Key,
    User,
    Workspace,
    Generation,
}

const fn dimension(name: &'static str, display_label: &'static str, kind: Kind) -> Dimension {
    Dimension { name, display_label, kind }
}

impl Dimension {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        DIMENSIONS.iter().find(|dimension| dimension.name == name)
    }

    /// Whether it is asked for over a month at most.
    pub(super) const fn is_of_a_month(&self) -> bool {
        matches!(self.kind, Kind::Single | Kind::Generation)
    }

    /// Whether usage may have none of it.
    pub(super) const fn may_be_unset(&self) -> bool {
        !matches!(self.kind, Kind::Workspace | Kind::Generation)
    }

    /// Whether one value can be more than another.
    pub(super) const fn is_ordered(&self) -> bool {
        matches!(self.kind, Kind::Summed | Kind::Single)
    }

    /// What its values are beside their labels; `None` where they are no ids.
    pub(super) const fn id_column(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Key => Some("api_key_hash"),
            Kind::User => Some("user_id"),
            Kind::Workspace => Some("workspace_id"),
            Kind::Summed | Kind::Single | Kind::Generation => None,
        }
    }
}

pub(super) static DIMENSIONS: [Dimension; 10] = [
    dimension("model", "Model", Kind::Summed),
    dimension("provider", "Provider", Kind::Summed),
    dimension("api_key_id", "API Key", Kind::Key),
    dimension("user", "User", Kind::User),
    dimension("workspace", "Workspace", Kind::Workspace),
    dimension("app", "App", Kind::Single),
    dimension("origin", "Origin", Kind::Single),
    dimension("finish_reason", "Finish Reason", Kind::Single),
    dimension("external_user", "External User", Kind::Single),
    dimension("generation_id", "Generation", Kind::Generation),
];

/// How a filter compares.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsOperator)]
pub(super) struct Operator {
    pub(super) name: &'static str,
    /// `scalar` or `array`.
    pub(super) value_type: &'static str,
}

const fn operator(name: &'static str, value_type: &'static str) -> Operator {
    Operator { name, value_type }
}

pub(super) static OPERATORS: [Operator; 8] = [
    operator("eq", "scalar"),
    operator("neq", "scalar"),
    operator("in", "array"),
    operator("not_in", "array"),
    operator("gt", "scalar"),
    operator("gte", "scalar"),
    operator("lt", "scalar"),
    operator("lte", "scalar"),
];

/// How long a bucket of time is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsGranularity)]
pub(super) struct Granularity {
    pub(super) name: &'static str,
    display_label: &'static str,
}

const fn granularity(name: &'static str, display_label: &'static str) -> Granularity {
    Granularity { name, display_label }
}

pub(super) static GRANULARITIES: [Granularity; 5] = [
    granularity("minute", "Minute"),
    granularity("hour", "Hour"),
    granularity("day", "Day"),
    granularity("week", "Week"),
    granularity("month", "Month"),
];
