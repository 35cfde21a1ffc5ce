//! Trace context, in the W3C `traceparent` form: in gRPC metadata, and in messages on streams that outlive
//! one request.

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

/// The current span's context, for a message that carries it; empty when nothing is exported.
#[must_use]
pub fn current_trace() -> String {
    let context = tracing::Span::current().context();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return String::new();
    }
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
}

/// Writes the current span's context, when there is one that is exported.
pub(crate) fn inject(headers: &mut HeaderMap) {
    let text = current_trace();
    if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
        headers.insert(TRACEPARENT, value);
    }
}

/// A span for one served call under the caller's trace; a disabled one when the caller traces nothing.
pub(crate) fn server_span(headers: &HeaderMap, method: &str) -> tracing::Span {
    let Some(parent) = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse) else {
        return tracing::Span::none();
    };
    let span = tracing::info_span!("rpc", rpc.method = method, otel.kind = "server");
    // Fails only when no exporter is installed; the span is then local, which is right.
    let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(parent));
    span
}

/// Makes `span` a child of the trace that an HTTP caller names in `traceparent`, when it names one.
pub fn continue_trace(span: &tracing::Span, headers: &HeaderMap) {
    if let Some(text) = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()) {
        continue_trace_of(span, text);
    }
}

/// Makes `span` a child of the trace that [`current_trace`] told of.
pub fn continue_trace_of(span: &tracing::Span, text: &str) {
    if let Some(parent) = parse(text) {
        // Fails only when no exporter is installed.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(parent));
    }
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != "00" {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_well_formed_contexts() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(parse(good).is_some_and(|context| context.is_sampled() && context.is_remote()));
        for bad in ["", "00-0-0-0", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
