use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use codex_transport::testing::{Answer, Gate, Script};
use serde_json::{Value, json};

use crate::process::*;

/// Returns the error of a gateway that does not start.
fn refusal(arguments: &[&str]) -> String {
    let output: Output = command(arguments).output().expect("the gateway runs");
    assert!(!output.status.success(), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// Sends exactly these bytes and reads to the end.
fn exchange(gateway: &Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway.address()).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn get(host: &str, more: &str) -> String {
    format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n")
}

#[tokio::test]
async fn without_the_token_nothing_is_answered() {
    let gateway = Gateway::start(&[]);
    for credentials in [
        None,
        Some(String::new()),
        Some("Bearer ".to_owned()),
        Some("Bearer another-token-of-somebody".to_owned()),
        Some(format!("Basic {TOKEN}")),
        Some(TOKEN.to_owned()),
    ] {
        let mut request = gateway.request("POST", "/v1/responses", "{}");
        request.headers_mut().remove("authorization");
        if let Some(credentials) = &credentials {
            let value = credentials.parse().expect("a value");
            request.headers_mut().insert("authorization", value);
        }
        let response = send(request).await;
        assert_eq!(response.status(), 401, "{credentials:?}");
        assert_eq!(header(&response, "www-authenticate"), Some("Bearer"));
        let error = json_of(response).await["error"].clone();
        assert_eq!(error["code"], "invalid_api_key");
        assert_eq!(error["type"], "authentication_error");
    }
    // The health check needs no token.
    let mut request = gateway.request("GET", "/healthz", "");
    request.headers_mut().remove("authorization");
    assert_eq!(json_of(send(request).await).await, json!({"status": "ok"}));
}

#[test]
fn web_pages_and_names_are_refused() {
    let gateway = Gateway::start(&[]);
    let address = gateway.address().to_owned();
    let port = address.rsplit(':').next().expect("a port");
    let token = format!("authorization: bearer {TOKEN}\r\n");
    for (host, more, status) in [
        (address.clone(), String::new(), "200"),
        (format!("localhost:{port}"), String::new(), "200"),
        (format!("[::1]:{port}"), String::new(), "200"),
        // The headers that any page in this browser sends, whatever its origin.
        (
            address.clone(),
            "origin: https://evil.example\r\n".into(),
            "403",
        ),
        (
            address.clone(),
            format!("origin: http://{address}\r\n"),
            "403",
        ),
        (address.clone(), "origin: null\r\n".into(), "403"),
        (
            address.clone(),
            "sec-fetch-site: cross-site\r\n".into(),
            "403",
        ),
        (address.clone(), "sec-fetch-site: none\r\n".into(), "200"),
        // A name that was made to resolve to this machine.
        (format!("evil.example:{port}"), String::new(), "421"),
        (
            format!("127.0.0.1.evil.example:{port}"),
            String::new(),
            "421",
        ),
        (format!("192.0.2.1:{port}"), String::new(), "421"),
        ("not a host".to_owned(), String::new(), "421"),
    ] {
        let answer = exchange(&gateway, &get(&host, &format!("{token}{more}")));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host} {more}: {answer}"
        );
    }
}

#[test]
fn it_listens_for_this_machine_alone_unless_told_otherwise() {
    let message = refusal(&["--listen", "0.0.0.0:0"]);
    assert_eq!(
        message,
        "gateway: 0.0.0.0 is reachable from other machines; pass --allow-other-machines to allow this\n"
    );
    let mut command = command(&["--listen", "0.0.0.0:0", "--allow-other-machines"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the gateway runs");
    let mut line = [0; 28];
    let output = child.stdout.as_mut().expect("its output");
    output.read_exact(&mut line).expect("its first line");
    child.kill().and_then(|()| child.wait()).expect("its end");
    assert!(line.starts_with(b"listening on http://0.0.0.0:"));
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    for (arguments, expected) in [
        (&["--bearer", "short"][..], "at least 16 characters"),
        (
            &["--listen", "here"][..],
            "--listen takes an address and a port",
        ),
        (
            &["--requests", "0"][..],
            "--requests takes a positive number",
        ),
        (
            &["--client-timeout", "no"][..],
            "--client-timeout takes a positive number of seconds",
        ),
        (
            &["--profile", "none"][..],
            "--profile must be one of platform",
        ),
        (
            &["--transport", "pigeon"][..],
            "--transport must be auto, http or websocket",
        ),
        (
            &["--requests", "18446744073709551616"][..],
            "--requests takes a positive number, at most 1000000",
        ),
        (
            &["--max-body", "18446744073709551615"][..],
            "--max-body takes a positive number",
        ),
        (
            &["--client-timeout", "1e300"][..],
            "--client-timeout takes a positive number of seconds, at most a week",
        ),
        (
            &["--keep-alive", "nan"][..],
            "--keep-alive takes a positive number of seconds",
        ),
        (
            &["--bearer", "xxxxxxxxxxxxxxxxxxxx"][..],
            "not all the same",
        ),
        (&["--api-key", "k"][..], "set one with --bearer"),
        (
            &["--allow-origin", "*"][..],
            "--allow-origin takes an origin",
        ),
        (
            &["--allow-origin", "null"][..],
            "--allow-origin takes an origin",
        ),
        (
            &["--allow-origin", "https://app.example/path"][..],
            "--allow-origin takes an origin",
        ),
        (
            &["--allow-host", "a.example:80"][..],
            "--allow-host takes a host name without a port",
        ),
        (
            &["--chat", "maybe"][..],
            "--chat must be auto, translate or pass",
        ),
        (
            &["--allow-path", "../admin"][..],
            "--allow-path takes a path",
        ),
        (&["--log", "xml"][..], "--log must be text or json"),
        (&["--color"][..], "--color"),
    ] {
        let message = refusal(arguments);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn it_listens_where_it_is_told_in_every_spelling() {
    for (listen, prefix) in [
        ("0", "127.0.0.1:"),
        ("localhost:0", "127.0.0.1:"),
        ("127.0.0.1:0", "127.0.0.1:"),
    ] {
        let gateway = Gateway::start(&["--listen", listen]);
        assert!(gateway.address().starts_with(prefix), "{listen}");
    }
    let version = command(&["--version"]).output().expect("the gateway runs");
    assert!(version.status.success());
    assert!(version.stdout.starts_with(b"gateway 0."), "{version:?}");
}

#[test]
fn names_and_origins_are_allowed_by_flags() {
    let gateway = Gateway::start(&[
        "--allow-host",
        "Gateway.Example",
        "--allow-origin",
        "https://app.example",
    ]);
    let token = format!("authorization: bearer {TOKEN}\r\n");
    let from = |origin: &str| format!("origin: {origin}\r\n");
    for (host, more, status) in [
        ("gateway.example:8080", token.clone(), "200"),
        ("GATEWAY.example", token.clone(), "200"),
        ("other.example", token.clone(), "421"),
        ("localhost", from("https://app.example") + &token, "200"),
        ("localhost", from("https://app.example"), "401"),
        (
            "localhost",
            from("https://app.example.evil") + &token,
            "403",
        ),
        ("localhost", from("http://app.example") + &token, "403"),
        (
            "localhost",
            from("https://app.example") + &from("https://app.example") + &token,
            "403",
        ),
    ] {
        let answer = exchange(&gateway, &get(host, &more)).to_ascii_lowercase();
        assert!(
            answer.starts_with(&format!("http/1.1 {status} ")),
            "{host} {more}: {answer}"
        );
        let is_readable = answer.contains("access-control-allow-origin: https://app.example\r\n");
        let is_of_page = more.contains("origin: https://app.example\r\n") && status != "403";
        assert_eq!(is_readable, is_of_page, "{host} {more}: {answer}");
    }
    let preflight = |origin: &str| {
        let request = format!(
            "OPTIONS /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\naccess-control-request-headers: authorization, x-stainless-os\r\n\r\n"
        );
        exchange(&gateway, &request).to_ascii_lowercase()
    };
    let answer = preflight("https://app.example");
    assert!(answer.starts_with("http/1.1 204 "), "{answer}");
    for header in [
        "access-control-allow-origin: https://app.example\r\n",
        "access-control-allow-headers: authorization, x-stainless-os\r\n",
        "access-control-allow-methods: get, head, post, delete\r\n",
        "vary: origin\r\n",
    ] {
        assert!(answer.contains(header), "{header}: {answer}");
    }
    assert!(preflight("https://evil.example").starts_with("http/1.1 403 "));
}

#[test]
fn requests_that_proxies_read_in_two_ways_are_refused() {
    let gateway = Gateway::start(&[]);
    let token = format!("authorization: bearer {TOKEN}\r\n");
    let two_hosts = get("localhost", &format!("host: evil.example\r\n{token}"));
    assert!(exchange(&gateway, &two_hosts).starts_with("HTTP/1.1 400 "));
    let two_tokens = get("localhost", &format!("{token}{token}"));
    assert!(exchange(&gateway, &two_tokens).starts_with("HTTP/1.1 401 "));
    let proper = get("localhost", &token);
    assert!(exchange(&gateway, &proper).starts_with("HTTP/1.1 200 "));
    assert!(exchange(&gateway, &format!("\r\n{proper}")).starts_with("HTTP/1.1 200 "));
    for bare in [
        proper.replace("\r\n", "\n"),
        proper.replacen("\r\n", "\n", 2),
        format!("\r\n{}", proper.replacen("\r\n", "\n", 1)),
    ] {
        let answer = exchange(&gateway, &bare);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bare}: {answer}");
    }
    // Also for the second request of a connection.
    let first = proper.replace("connection: close\r\n", "");
    let mut stream = TcpStream::connect(gateway.address()).expect("a connection");
    stream.write_all(first.as_bytes()).expect("a request");
    let mut seen = Vec::new();
    while !seen.ends_with(br#""object":"list"}"#) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a byte");
        seen.push(byte[0]);
    }
    let bare = proper.replacen("\r\n", "\n", 2);
    stream.write_all(bare.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn a_sign_in_with_chatgpt_account_serves_its_owner_alone() {
    const SAYING_SO: &str = "--only-for-my-own-connected-apps";
    let account = [
        "--base-url",
        "http://127.0.0.1:1/v1",
        "--api-key",
        "sk-an-invented-key",
        "--profile",
        "sign-in-with-chatgpt",
    ];
    let with = |more: &[&'static str]| [&account[..], more].concat();
    let message = refusal(&account);
    assert!(
        message.contains("only by its owner, in apps that the owner has connected")
            && message.contains(SAYING_SO),
        "{message}"
    );
    for more in [
        &[SAYING_SO, "--allow-other-machines"][..],
        &[
            SAYING_SO,
            "--bearer",
            TOKEN,
            "--bearer",
            "another-token-of-mine",
        ][..],
    ] {
        let message = refusal(&with(more));
        assert!(
            message.contains("serves one person on one machine"),
            "{message}"
        );
    }
    let gateway = Gateway::start(&with(&[SAYING_SO]));
    assert!(
        exchange(
            &gateway,
            "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
        )
        .starts_with("HTTP/1.1 200 ")
    );
}

#[test]
fn a_stored_sign_in_with_chatgpt_account_is_recognized() {
    let file = std::env::temp_dir().join(format!("gateway-siwc-{}.json", std::process::id()));
    let stored = json!({
        "auth_mode": "chatgpt",
        "tokens": {"id_token": "e30.e30.c2ln", "access_token": "invented", "refresh_token": "invented"},
        "codex_auth": {"client_id": "oaiapp_1", "host_id": "urn:uuid:00000000-0000-4000-8000-000000000001"},
    });
    std::fs::write(&file, stored.to_string()).expect("a file");
    let message = refusal(&["--auth-file", &file.to_string_lossy()]);
    std::fs::remove_file(&file).expect("the file");
    assert!(
        message.contains("--only-for-my-own-connected-apps"),
        "{message}"
    );
}

#[test]
fn a_token_is_made_up_and_told_where_none_is_given() {
    let told = |command: &mut Command| {
        let mut gateway = Gateway::spawn(command.stderr(Stdio::piped()));
        let mut errors = gateway.child.stderr.take().expect("its errors");
        gateway.interrupt();
        assert!(gateway.ends_within(Duration::from_secs(10)));
        let mut text = String::new();
        errors.read_to_string(&mut text).expect("its errors");
        text
    };
    let token = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("bearer token: "));
        line.map(str::to_owned)
    };
    let (first, second) = (told(&mut command(&[])), told(&mut command(&[])));
    let first = token(&first).expect("a token");
    assert_eq!(first.len(), 43, "256 bits");
    assert_ne!(Some(&first), token(&second).as_ref());
    // A token that the operator has set is not printed.
    for text in [
        told(&mut command(&["--api-key", KEY])),
        told(&mut command(&["--bearer", TOKEN])),
        told(command(&[]).env("CODEX_GATEWAY_BEARER", TOKEN)),
    ] {
        assert!(!text.contains("token"), "{text}");
    }
}

#[tokio::test]
async fn the_key_that_is_named_is_a_token() {
    let server = service(Script::new().answer(answer()));
    let base_url = server.url("/v1");
    let gateway = Gateway::spawn(
        command(&["--base-url", &base_url, "--api-key", KEY, "--no-check"]).stderr(Stdio::null()),
    );
    let body = json!({"model": "some-model", "input": "Why?"});
    assert_eq!(gateway.post("/v1/responses", &body).await.status(), 401);
    let mut request = gateway.request("POST", "/v1/responses", body.to_string());
    let value = format!("Bearer {KEY}").parse().expect("a value");
    request.headers_mut().insert("authorization", value);
    assert_eq!(send(request).await.status(), 200);
}

#[tokio::test]
async fn a_client_has_so_many_requests_at_a_time() {
    let gate = Gate::new();
    let held = Answer::sse()
        .event(created())
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held.forever()));
    let other = "the-token-of-another";
    let gateway = Gateway::before(&server, &["--requests", "2", "--bearer", other]);
    let body = json!({"model": "some-model", "input": "Why?", "stream": true});
    let first = gateway.post("/v1/responses", &body).await;
    let second = gateway.post("/v1/responses", &body).await;
    let refused = gateway.post("/v1/responses", &body).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), Some("1"));
    let error = json_of(refused).await["error"].clone();
    assert_eq!(error["code"], "rate_limit_exceeded");
    // Each client has its own limit.
    let mut request = gateway.request("POST", "/v1/responses", body.to_string());
    let value = format!("Bearer {other}").parse().expect("a value");
    request.headers_mut().insert("authorization", value);
    assert_eq!(send(request).await.status(), 200);
    gate.open();
    for response in [first, second] {
        assert!(text(response).await.contains("response.completed"));
    }
    assert_eq!(gateway.post("/v1/responses", &body).await.status(), 200);
}

#[tokio::test]
async fn bodies_are_bounded_in_size_in_time_and_in_form() {
    let gateway = Gateway::start(&["--max-body", "100", "--client-timeout", "0.5"]);
    let large = json!({"model": "m", "input": "x".repeat(100)});
    let response = gateway.post("/v1/responses", &large).await;
    assert_eq!(response.status(), 413);
    assert_eq!(
        json_of(response).await["error"]["code"],
        "request_too_large"
    );

    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n"
    );
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\n\r\nc8\r\n{}\r\n0\r\n\r\n",
        "x".repeat(200)
    );
    assert!(exchange(&gateway, &chunked).starts_with("HTTP/1.1 413 "));

    let started = std::time::Instant::now();
    let slow = exchange(&gateway, &format!("{head}content-length: 50\r\n\r\n{{"));
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    assert!(started.elapsed() < Duration::from_secs(10));
    // A connection whose headers do not arrive is closed.
    assert_eq!(exchange(&gateway, "POST /v1/resp"), "");

    let mut request = gateway.request("POST", "/v1/responses", "{}");
    let brotli = "br".parse().expect("a value");
    request.headers_mut().insert("content-encoding", brotli);
    let response = send(request).await;
    assert_eq!(response.status(), 415);
    let error: Value = json_of(response).await["error"].clone();
    assert_eq!(error["code"], "unsupported_content_encoding");
}

#[test]
fn every_flag_that_is_written_about_exists() {
    let help = command(&["--help"]).output().expect("the gateway runs");
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.expect("a README");
    let section = readme.split("## The gateway").nth(1).expect("a section");
    let is_name = |character: char| character.is_ascii_lowercase() || character == '-';
    let mut flags = 0;
    for (place, _) in section.match_indices("--") {
        let name: String = section[place..]
            .chars()
            .take_while(|c| is_name(*c))
            .collect();
        let is_of_others = OF_OTHERS.contains(&name.as_str());
        if name.trim_matches('-').len() > 1 && !is_of_others {
            assert!(
                help.contains(&format!("{name} ")) || help.contains(&format!("{name}\n")),
                "{name}"
            );
            flags += 1;
        }
    }
    assert!(flags > 8, "{flags}");
}

/// Flags of cargo and of a package manager in this section.
const OF_OTHERS: &[&str] = &[
    "--config",
    "--example",
    "--features",
    "--from",
    "--help",
    "--locked",
    "--no-install-recommends",
    "--root",
];
