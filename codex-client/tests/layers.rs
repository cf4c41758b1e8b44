//! The layers of the crates and of the gateway example, read from the sources: no module imports
//! from a layer above its own, and there are no import cycles.

#[path = "layers/graph.rs"]
mod graph;

use std::path::PathBuf;

use graph::{Graph, Layers};

/// The layers of the client, bottom first.
const CLIENT: &Layers = &[
    (
        "error and reason",
        &[
            "clock", "lock", "sync", "scrub", "meta", "remedy", "reason", "error", "failure",
        ],
    ),
    ("options", &["random", "id", "options", "unsettled"]),
    ("target", &["target"]),
    ("shared core", &["shared"]),
    ("one attempt", &["wire", "request", "observe", "attempt"]),
    ("one exchange", &["exchange"]),
    ("event sources", &["document", "events"]),
    ("assembled responses", &["assembled"]),
    ("handle", &["client"]),
    ("calls", &["calls"]),
    ("sockets", &["socket"]),
    ("sessions", &["session"]),
    ("tools", &["tools"]),
    ("login", &["login"]),
    ("front", &["built_in", "builder", "environment", "crate"]),
];

/// The layers of the gateway example, bottom first.
const GATEWAY: &Layers = &[
    (
        "support",
        &[
            "answers",
            "flags",
            "credentials",
            "embedded",
            "id",
            "trace",
            "woken",
            "workers",
        ],
    ),
    ("names", &["renamed"]),
    ("settings", &["arguments"]),
    ("records and rules", &["journal", "policy", "scrub"]),
    ("failures and bodies", &["payload", "failure", "body"]),
    (
        "state",
        &[
            "connection",
            "held",
            "guard",
            "upstream",
            "services",
            "state",
            "gateway",
        ],
    ),
    ("streams", &["relay", "stream"]),
    (
        "routes",
        &[
            "responses",
            "pass",
            "chat",
            "models",
            "page",
            "socket",
            "routes",
        ],
    ),
    ("server", &["server", "crate"]),
];

/// The layers of codex-transport, bottom first.
const TRANSPORT: &Layers = &[
    ("support", &["lock", "sync", "timer"]),
    ("errors", &["error", "timeouts"]),
    ("policies", &["redact", "retry"]),
    ("connections", &["conn"]),
    ("HTTP", &["http"]),
    ("WebSockets", &["ws"]),
    (
        "transports",
        &["hyper_transport", "reqwest_transport", "tower", "web"],
    ),
    ("testing", &["testing"]),
    ("cassettes", &["cassette"]),
    ("front", &["crate"]),
];

/// The layers of codex-auth, bottom first.
const AUTH: &Layers = &[
    (
        "support",
        &["lock", "sync", "encode", "secret", "error", "moment"],
    ),
    ("formats", &["json", "random", "webhook"]),
    (
        "sources",
        &["token::source", "token::audience", "token::fixed"],
    ),
    ("claims", &["jwt::claims"]),
    ("tokens", &["token"]),
    (
        "profiles",
        &["oauth::registration", "oauth::profile", "oauth::send"],
    ),
    ("calls", &["oauth::response", "oauth::calls", "jwt"]),
    ("sign-ins", &["flow::sign_in"]),
    ("stores", &["store"]),
    ("flows", &["flow"]),
    ("sessions", &["store::session"]),
    ("renewal", &["oauth"]),
    ("front", &["crate"]),
];

/// The layers of codex-sse, bottom first.
const SSE: &Layers = &[
    ("bytes", &["error", "limits", "line", "held", "text"]),
    ("frames", &["frame", "frame_buf", "encode", "chunk"]),
    ("framing", &["decoder", "stream"]),
    ("typed events", &["values", "event", "events"]),
    ("responses", &["accumulate", "updates"]),
    ("chat streams", &["chat"]),
    ("front", &["crate"]),
];

/// The layers of codex-types, bottom first.
const TYPES: &Layers = &[
    (
        "JSON",
        &[
            "error::side",
            "error::decode",
            "json",
            "boxed",
            "heap_size",
            "number",
            "raw",
            "halves",
            "memo",
        ],
    ),
    (
        "reading and writing",
        &["wire", "extra", "unknown", "map", "secret"],
    ),
    (
        "diagnostics",
        &[
            "lint::tree",
            "lint::patch",
            "lint::finding",
            "lint::schema",
            "schema",
        ],
    ),
    (
        "errors of the service",
        &[
            "error::api",
            "error::arguments",
            "error::category",
            "error::code",
            "error::delay",
            "error::forms",
        ],
    ),
    ("parts", &["part"]),
    ("items, tools and requests", &["item", "tool", "request"]),
    ("responses", &["response", "error", "conversation"]),
    ("events", &["event", "rate_limit", "webhook"]),
    ("models", &["models", "model_name", "known_models"]),
    ("profiles", &["profile"]),
    ("linter", &["lint"]),
    ("estimates", &["price"]),
    ("chat", &["chat"]),
    ("front", &["crate"]),
];

#[test]
fn no_import_runs_up() {
    for (root, layers) in [
        ("codex-types/src/lib.rs", TYPES),
        ("codex-sse/src/lib.rs", SSE),
        ("codex-auth/src/lib.rs", AUTH),
        ("codex-transport/src/lib.rs", TRANSPORT),
        ("codex-client/src/lib.rs", CLIENT),
        ("codex-client/examples/gateway/main.rs", GATEWAY),
    ] {
        let graph = Graph::read(&workspace().join(root));
        assert_eq!(graph.complaints(layers), Vec::<String>::new(), "{root}");
    }
}

#[test]
fn cycles_and_upward_imports_are_reported() {
    let complaints = |sources: &[(&str, &str)]| {
        let mut all: Vec<(String, String)> = Vec::new();
        for module in ["crate", "low", "high", "high::part", "other"] {
            let source = sources.iter().find(|(name, _)| *name == module);
            let source = source.map_or("", |(_, source)| *source);
            all.push((module.to_owned(), source.to_owned()));
        }
        Graph::of(&all).complaints(&[("bottom", &["low", "other"]), ("top", &["high", "crate"])])
    };
    let nothing: [&str; 0] = [];
    for fine in [
        "// crate::high\nlet text = \"crate::high\";",
        "#[cfg(test)]\nmod tests { use crate::high; }",
    ] {
        assert_eq!(complaints(&[("low", fine)]), nothing, "{fine}");
    }
    assert_eq!(
        complaints(&[("high", "use crate::low::{Low, Other as Name};")]),
        nothing
    );
    for upward in [
        "use crate::high::Thing;",
        "use crate::{other::Other, high::{Thing, part::Part}};",
        "fn call() { crate::high::run() }",
        "use super::high;",
        "use crate::Thing;",
    ] {
        assert!(
            complaints(&[("low", upward)])[0].starts_with("low (bottom) imports"),
            "{upward}"
        );
    }
    assert_eq!(
        complaints(&[
            ("low", "use crate::other::Other;"),
            ("other", "fn low() -> super::low::Low { super::low::Low }"),
        ]),
        ["a cycle: low, other"]
    );
    assert_eq!(
        complaints(&[
            ("high", "mod part;\nuse part::Part;\npub struct High;"),
            ("high::part", "use super::High;"),
        ]),
        ["a cycle: high, high::part"]
    );
    let stray = [("crate", "mod stray;"), ("stray", "")];
    let stray = stray.map(|(name, source)| (name.to_owned(), source.to_owned()));
    assert_eq!(
        Graph::of(&stray).complaints(&[("top", &["crate"])]),
        ["stray is in no layer"]
    );
}

#[test]
fn reexports_are_followed() {
    let imported = |reexport: &str| {
        let sources = [
            ("crate", reexport),
            ("low", "use crate::Thing;"),
            (
                "high",
                "pub use part::*;\npub use part::Thing as Other;\nmod part;",
            ),
            ("high::part", "pub struct Thing;\nuse crate::low::Low;"),
        ];
        let sources = sources.map(|(name, source)| (name.to_owned(), source.to_owned()));
        Graph::of(&sources).cycles()
    };
    for reexport in [
        "pub use high::Thing;",
        "pub use high::Other as Thing;",
        "pub use crate::high::{Thing};",
        "pub use high::*;",
        "pub(crate) use self::high::part::*;",
    ] {
        assert_eq!(
            imported(reexport),
            ["a cycle: high::part, low"],
            "{reexport}"
        );
    }
    assert_eq!(imported("struct Thing;"), Vec::<String>::new());
    // A name that is not re-exported belongs to the root.
    assert_eq!(
        imported("pub use high::Else;\nuse high::part::Thing;"),
        ["a cycle: crate, high, high::part, low"]
    );
}

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
