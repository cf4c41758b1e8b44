//! Spans of the client in OpenTelemetry.
//!
//! The feature `tracing` of codex-client records them with the names of OpenTelemetry's semantic
//! conventions, so nothing has to be renamed: the layer of `tracing-opentelemetry` passes them to
//! any exporter. Nothing of a conversation and no credential is in them.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;

/// Returns a subscriber that sends spans to the exporters of this provider.
///
/// Filter the spans of HTTP attempts out by their level (`DEBUG`), and those of other crates by
/// their target.
pub fn subscriber(provider: &SdkTracerProvider) -> impl Subscriber + Send + Sync + use<> {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("codex"));
    tracing_subscriber::registry().with(layer)
}
