//! The `login` program as an open-source app ("Sign in with ChatGPT"): it registers while its user
//! signs in, verifies the ID token, and registers only once.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

use crate::login_support::program::Program;
use crate::login_support::{
    CANARY, Directory, authority, member, port, state, status, text, to, visit,
};
use crate::support;

const EXCHANGE: &str = "/api/accounts/oauth/token";

fn key() -> KeyPair {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/auth/rsa-1.pkcs8.der"
    );
    KeyPair::from_pkcs8(&std::fs::read(path).expect("a key")).expect("a key")
}

fn signed(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"one"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The authority, and the nonce that it must repeat.
fn issuer() -> (LoopbackServer, Arc<Mutex<String>>) {
    let nonce = Arc::new(Mutex::new(String::new()));
    let expected = Arc::clone(&nonce);
    let script = Script::new()
        .rule(move |request| Some(answer(request, &expected.lock().expect("a nonce"))));
    (authority(script), nonce)
}

fn answer(request: &RecordedRequest, nonce: &str) -> Answer {
    let issuer = format!("http://{}", request.header("host").expect("a host"));
    let body = match request.path() {
        "/.well-known/openid-configuration" => {
            json!({"issuer": issuer, "revocation_endpoint": format!("{issuer}/revoke")})
        }
        "/.well-known/jwks.json" => {
            let public = PublicKeyComponents::<Vec<u8>>::from(key().public());
            let (n, e) = (
                URL_SAFE_NO_PAD.encode(public.n),
                URL_SAFE_NO_PAD.encode(public.e),
            );
            json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": n, "e": e}]})
        }
        EXCHANGE => {
            let claims = json!({
                "iss": issuer, "aud": ["oaiapp_issued"], "sub": "user-1", "nonce": nonce,
                "iat": 1_767_322_800, "exp": 4_102_444_800_u64, "email": "me@example.com",
            });
            json!({
                "id_token": signed(&claims), "token_type": "Bearer", "expires_in": 3600,
                "access_token": format!("access-{CANARY}"), "refresh_token": format!("refresh-{CANARY}"),
                "scope": "chatgpt.tokens.use.direct email offline_access openid profile resource.invoke",
            })
        }
        "/revoke" => json!({}),
        _ => return Answer::status(404),
    };
    Answer::json(200, body.to_string())
}

fn login(directory: &Directory, server: &LoopbackServer, arguments: &[&str]) -> Program {
    let mut command = support::command("login");
    command
        .args([
            "--issuer",
            &format!("http://{}", server.address()),
            "--no-browser",
            "--store",
        ])
        .arg(directory.path("auth.json"))
        .args(arguments);
    Program::start(&mut command)
}

#[test]
fn an_app_registers_once_and_signs_in_out_and_in_again() {
    let (server, nonce) = issuer();
    let directory = Directory::new("siwc");
    let first = login(
        &directory,
        &server,
        &["--profile", "siwc", "--app-name", "Notebook Helper"],
    );
    let address = first.address();
    assert_eq!(
        member(&address, "client_id").as_deref(),
        Some("dynamic_agent_client")
    );
    assert_eq!(
        member(&address, "agent_name_hint").as_deref(),
        Some("Notebook Helper")
    );
    let host = member(&address, "ext_agent_host_id").expect("a host id");
    // The installation has its id before the first sign-in.
    let kept = std::fs::read_to_string(directory.path("auth.json.host-id")).expect("a file");
    assert_eq!(kept, host);
    assert!(
        member(&address, "redirect_uri")
            .expect("a URI")
            .starts_with("http://127.0.0.1:")
    );

    *nonce.lock().expect("a nonce") = member(&address, "nonce").expect("a nonce");
    let target = format!(
        "/auth/callback?state={}&code=c&client_id=oaiapp_issued",
        state(&address)
    );
    let page = visit(port(&address), &target);
    assert_eq!(status(&page), 200);
    let ended = first.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("signed in as me@example.com"),
        "{}",
        ended.stdout
    );
    let body = text(&to(&server, EXCHANGE)[0]);
    assert_eq!(member(&body, "client_id").as_deref(), Some("oaiapp_issued"));
    assert_eq!(
        member(&body, "resource").as_deref(),
        Some("https://api.openai.com/v1")
    );

    // The revocation endpoint comes from the authority's discovery document.
    let ended = login(&directory, &server, &["--logout"]).end();
    assert!(ended.status.success());
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("signed out\n", "")
    );
    let revoked = text(&to(&server, "/revoke")[0]);
    assert_eq!(member(&revoked, "token"), Some(format!("refresh-{CANARY}")));
    assert_eq!(
        member(&revoked, "client_id").as_deref(),
        Some("oaiapp_issued")
    );
    assert_eq!(
        login(&directory, &server, &["--status"])
            .end()
            .status
            .code(),
        Some(1)
    );

    let again = login(&directory, &server, &[]);
    let address = again.address();
    assert_eq!(
        member(&address, "client_id").as_deref(),
        Some("oaiapp_issued")
    );
    assert_eq!(member(&address, "ext_agent_host_id"), Some(host));
    assert_eq!(member(&address, "agent_name_hint"), None);
    *nonce.lock().expect("a nonce") = member(&address, "nonce").expect("a nonce");
    visit(
        port(&address),
        &format!("/auth/callback?state={}&code=c", state(&address)),
    );
    let ended = again.end();
    assert!(ended.status.success(), "{}", ended.stderr);
}

#[test]
fn an_id_token_of_another_attempt_is_refused() {
    let (server, nonce) = issuer();
    let directory = Directory::new("siwc-nonce");
    let program = login(
        &directory,
        &server,
        &["--profile", "siwc", "--app-name", "Notebook Helper"],
    );
    let address = program.address();
    *nonce.lock().expect("a nonce") = "of another attempt".to_owned();
    let target = format!(
        "/auth/callback?state={}&code=c&client_id=oaiapp_issued",
        state(&address)
    );
    visit(port(&address), &target);
    let ended = program.end();
    ended.fails_with("invalid ID token");
    let stored = std::fs::read_to_string(directory.path("auth.json")).expect("the registration");
    assert!(stored.contains("oaiapp_issued") && !stored.contains(CANARY));
}

#[test]
fn a_place_of_one_kind_is_not_used_for_the_other() {
    let (server, _) = issuer();
    let directory = Directory::new("siwc-kind");
    let registered = r#"{"OPENAI_API_KEY":null,"codex_auth":{"client_id":"oaiapp_issued","host_id":"urn:uuid:00000000-0000-4000-8000-000000000000"}}"#;
    std::fs::write(directory.path("auth.json"), registered).expect("a file");
    let ended = login(&directory, &server, &["--profile", "chatgpt", "--device"]).end();
    ended.fails_with("holds the login of a registered app");
    assert!(server.requests().is_empty());
}
