//! The `ask` program with a login in a file: which token is sent where, when it is renewed, and
//! what is written back.

use codex_transport::testing::{Answer, LoopbackServer, Script};
use serde_json::{Value, json};

use crate::login_support::program::{Ended, Program};
use crate::login_support::{CANARY, CLAIMS, Directory, TOKEN, authority, json, to};
use crate::support;

const RESPONSES: &str = "/backend-api/codex/responses";

/// A token of account acct-1 that expired long ago.
const EXPIRED: &str = "eyJleHAiOjE3NjczMjI4MDAsImh0dHBzOi8vYXBpLm9wZW5haS5jb20vYXV0aCI6eyJjaGF0Z3B0X2FjY291bnRfaWQiOiJhY2N0LTEifX0";

fn ask(file: &str, server: &LoopbackServer, arguments: &[&str]) -> Ended {
    let mut command = support::command("ask");
    command
        .args(["--auth-file", file, "--transport", "http"])
        .args(["--issuer", &format!("http://{}", server.address())])
        .args(["--base-url", &server.url("/backend-api/codex")])
        .args(arguments)
        .arg("Why?");
    Program::start(&mut command).end()
}

/// Returns a file of the official client that contains this access token.
fn login(directory: &Directory, access_token: &str) -> String {
    let path = directory.path("auth.json");
    let file = json!({
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": null,
        "tokens": {
            "id_token": format!("e30.{CLAIMS}.{CANARY}"),
            "access_token": access_token,
            "refresh_token": format!("refresh-1-{CANARY}"),
            "account_id": "acct-1",
        },
        "last_refresh": "2026-01-02T03:04:05Z",
        "a_newer_key": {"kept": true},
    });
    std::fs::write(&path, file.to_string()).expect("a file");
    path.display().to_string()
}

fn fresh() -> String {
    format!("e30.{CLAIMS}.access-1-{CANARY}")
}

fn renewed() -> Answer {
    let body = json!({
        "access_token": format!("e30.{CLAIMS}.access-2-{CANARY}"),
        "refresh_token": format!("refresh-2-{CANARY}"),
    });
    Answer::json(200, body.to_string())
}

fn answer() -> Answer {
    let part = json!({"type": "output_text", "text": "Because.", "annotations": []});
    let item = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]});
    let response =
        json!({"id": "resp_1", "object": "response", "status": "completed", "output": [item]});
    Answer::sse()
        .event(json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Because."}).to_string())
        .event(json!({"type": "response.completed", "response": response}).to_string())
}

fn read(file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON")
}

#[test]
fn a_valid_login_is_used_unchanged() {
    let server = authority(Script::new().route("POST", RESPONSES, answer()));
    let directory = Directory::new("ask-fresh");
    let file = login(&directory, &fresh());
    let before = std::fs::read(&file).expect("a file");
    let ended = ask(&file, &server, &[]);
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(ended.stdout.contains("Because."));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].header("authorization"),
        Some(format!("Bearer {}", fresh()).as_str())
    );
    assert_eq!(requests[0].header("chatgpt-account-id"), Some("acct-1"));
    assert_eq!(std::fs::read(&file).expect("a file"), before);
}

#[test]
fn an_expired_login_is_renewed_and_put_back() {
    let server = authority(Script::new().route("POST", TOKEN, renewed()).route(
        "POST",
        RESPONSES,
        answer(),
    ));
    let directory = Directory::new("ask-expired");
    let file = login(&directory, &format!("e30.{EXPIRED}.access-1-{CANARY}"));
    let ended = ask(&file, &server, &[]);
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(
        json(&to(&server, TOKEN)[0])["refresh_token"],
        format!("refresh-1-{CANARY}")
    );
    let used = to(&server, RESPONSES);
    assert!(
        used[0]
            .header("authorization")
            .expect("a token")
            .contains("access-2")
    );
    let stored = read(&file);
    assert_eq!(
        stored["tokens"]["refresh_token"],
        format!("refresh-2-{CANARY}")
    );
    assert_eq!(stored["tokens"]["account_id"], "acct-1");
    assert_eq!(stored["a_newer_key"]["kept"], true);
}

#[test]
fn a_rejected_token_is_renewed_once_and_the_question_asked_again() {
    let server = authority(
        Script::new()
            .route("POST", RESPONSES, Answer::status(401))
            .route("POST", RESPONSES, answer())
            .route("POST", TOKEN, renewed()),
    );
    let directory = Directory::new("ask-rejected");
    let file = login(&directory, &fresh());
    let ended = ask(&file, &server, &[]);
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(to(&server, TOKEN).len(), 1);
    assert_eq!(to(&server, RESPONSES).len(), 2);
    assert_eq!(
        read(&file)["tokens"]["refresh_token"],
        format!("refresh-2-{CANARY}")
    );
}

#[test]
fn a_login_that_cannot_be_renewed_says_why_and_stays() {
    let refusal = json!({"error": {"code": "refresh_token_reused", "message": format!("refresh-1-{CANARY} was used")}});
    let server =
        authority(Script::new().route("POST", TOKEN, Answer::json(401, refusal.to_string())));
    let directory = Directory::new("ask-reused");
    let file = login(&directory, &format!("e30.{EXPIRED}.access-1-{CANARY}"));
    let ended = ask(&file, &server, &[]);
    ended.fails_with("already used by another holder of this login");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(
        read(&file)["tokens"]["refresh_token"],
        format!("refresh-1-{CANARY}")
    );
}

#[test]
fn a_key_in_a_file_is_a_key() {
    let path = "/v1/responses";
    let server = authority(Script::new().route("POST", path, answer()));
    let directory = Directory::new("ask-key");
    let file = directory.path("auth.json").display().to_string();
    let key = format!("sk-{CANARY}");
    std::fs::write(
        &file,
        json!({"auth_mode": "apikey", "OPENAI_API_KEY": key}).to_string(),
    )
    .expect("a file");
    let ended = ask(&file, &server, &["--base-url", &server.url("/v1")]);
    assert!(ended.status.success(), "{}", ended.stderr);
    let requests = server.requests();
    assert_eq!(
        requests[0].header("authorization"),
        Some(format!("Bearer {key}").as_str())
    );
    assert_eq!(requests[0].header("chatgpt-account-id"), None);
}

#[test]
fn a_request_waits_out_an_outage_of_the_authority() {
    for (claims, rejections) in [(EXPIRED, 0), (CLAIMS, 2)] {
        let mut script = Script::new()
            .route("POST", TOKEN, Answer::status(503))
            .route("POST", TOKEN, renewed());
        for _ in 0..rejections {
            script = script.route("POST", RESPONSES, Answer::status(401));
        }
        let server = authority(script.route("POST", RESPONSES, answer()));
        let directory = Directory::new("ask-outage");
        let file = login(&directory, &format!("e30.{claims}.access-1-{CANARY}"));
        let ended = ask(&file, &server, &[]);
        assert!(ended.status.success(), "{}", ended.stderr);
        assert!(ended.stdout.contains("Because."));
        assert_eq!(to(&server, TOKEN).len(), 2);
        assert_eq!(
            read(&file)["tokens"]["refresh_token"],
            format!("refresh-2-{CANARY}")
        );
    }
}

#[test]
fn what_cannot_be_used_is_said_before_anything_is_sent() {
    let server = authority(Script::new());
    let directory = Directory::new("ask-wrong");
    let missing = directory.path("none.json").display().to_string();
    let ended = ask(&missing, &server, &[]);
    ended.fails_with("none.json: no such file");
    let file = login(&directory, &fresh());
    let ended = ask(&file, &server, &["--profile", "other"]);
    ended.fails_with("--profile must be one of platform, chatgpt");
    let ended = ask(&file, &server, &["--api-key", &format!("sk-{CANARY}")]);
    ended.fails_with("cannot be used together");
    assert!(server.requests().is_empty());
}
