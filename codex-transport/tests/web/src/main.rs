//! Runs the check that the query of the page names, against the server of the page, and writes
//! `passed` or the failure into its title.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests panic on failed expectations"
)]

// The transports exist in a browser only.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod http_checks;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod socket_checks;

/// The outcome of a check: the expectation that was not met.
type Checked = Result<(), String>;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn main() {
    let window = web_sys::window().expect("a window");
    let document = window.document().expect("a document");
    let location = window.location();
    let name = location.search().expect("a query");
    let server = location.host().expect("a server");
    wasm_bindgen_futures::spawn_local(async move {
        let outcome = run(name.trim_start_matches('?'), &server).await;
        document.set_title(&outcome.map_or_else(|failure| failure, |()| "passed".to_owned()));
    });
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn main() -> Checked {
    Err("these checks run in a browser".to_owned())
}

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
async fn run(name: &str, server: &str) -> Checked {
    let (http, ws) = (format!("http://{server}"), format!("ws://{server}"));
    match name {
        "exchange" => http_checks::exchange(&http).await,
        "coding" => http_checks::coding(&http).await,
        "abort" => http_checks::abort(&http).await,
        "timeouts" => http_checks::timeouts(&http).await,
        "failures" => http_checks::failures(&http).await,
        "timer" => http_checks::timer().await,
        "messages" => socket_checks::messages(&ws).await,
        "closures" => socket_checks::closures(&ws).await,
        "limits" => socket_checks::limits(&ws).await,
        "upgrades" => socket_checks::upgrades(&ws).await,
        other => Err(format!("no check is called {other}")),
    }
}

/// Requires that two values are equal.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, value: T, expected: T) -> Checked {
    if value == expected {
        return Ok(());
    }
    Err(format!("{what}: {value:?} instead of {expected:?}"))
}
