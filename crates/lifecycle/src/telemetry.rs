//! Logs and traces: structured, without secrets or prompts.

use std::io::IsTerminal as _;
use std::str::FromStr;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The crates whose spans are exported.
const TRACED: [&str; 6] = ["edge", "router", "provider_worker", "billing", "rpc", "patchbay"];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// The `telemetry` section of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// A filter such as `info` or `info,edge=debug`.
    pub log: String,
    pub log_format: LogFormat,
    /// Where spans go over OTLP/gRPC, such as `http://127.0.0.1:4317`; empty = nowhere.
    pub otlp_endpoint: String,
    /// The share of requests that are traced, 0 to 1.
    pub trace_ratio: f64,
}

/// Telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("`telemetry.log`: `{0}` is no log filter")]
    Filter(String),
    #[error("`telemetry.otlp_endpoint`: spans cannot be exported there")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    #[error("logging was set up before")]
    Twice,
}

/// Flushes what is left when the process ends.
#[derive(Debug)]
pub struct TelemetryGuard(Option<SdkTracerProvider>);

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            // At the end of the process there is nobody left to tell.
            let _ = provider.shutdown();
        }
    }
}

/// Starts logging, and tracing when an endpoint is configured. `service` names the process in traces.
/// Must run inside a Tokio runtime.
///
/// # Errors
/// [`TelemetryError`] naming the key that is wrong.
pub fn init_telemetry(config: &TelemetryConfig, service: &str) -> Result<TelemetryGuard, TelemetryError> {
    let filter = EnvFilter::from_str(&config.log).map_err(|_| TelemetryError::Filter(config.log.clone()))?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let provider = tracer(config, service)?;
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("patchbay"))
            // Asked anew for every span: with a cached answer a span that the lines take as well is lost here.
            .with_filter(tracing_subscriber::filter::dynamic_filter_fn(|metadata, _| is_ours(metadata)))
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(spans)
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    Ok(TelemetryGuard(provider))
}

/// Whether a span says something of a request. Libraries have thousands of their own per call.
fn is_ours(metadata: &tracing::Metadata<'_>) -> bool {
    let source = metadata.target().split("::").next().unwrap_or_default();
    metadata.is_span() && *metadata.level() <= tracing::Level::INFO && TRACED.contains(&source)
}

fn tracer(config: &TelemetryConfig, service: &str) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    if config.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&config.otlp_endpoint)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_ratio)));
    let resource = Resource::builder()
        .with_service_name("patchbay")
        .with_attribute(KeyValue::new("service.instance.id", service.to_owned()))
        .build();
    Ok(Some(
        SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource)
            .build(),
    ))
}
