//! codex-client within other frameworks: a web server that relays responses to browsers (axum), and
//! spans that leave the process (OpenTelemetry).

pub mod relay;
pub mod telemetry;
