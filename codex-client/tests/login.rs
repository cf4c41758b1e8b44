//! The sign-in drivers against an authority on 127.0.0.1, with browsers of every kind at the
//! listener.

use std::net::TcpListener;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use codex_auth::{
    AppRegistration, CredentialSource as _, ErrorKind, FileStore, HostId, MemoryStore,
    OAuthProfile, Record, Revoked, Secret, SendRequest as _, TokenSet, TokenStore as _,
};
use codex_client::login::{Login, Notice, RedirectListener, Redirects, SignedIn, TransportSender};
use codex_transport::testing::{Answer, Cut, Gate, LoopbackServer, Script};
use codex_transport::{HyperTransport, TokioTimer};
use futures_core::Stream;

use crate::login_support::{
    CANARY, Directory, REVOKE, TOKEN, authority, device, exchange, json, member, port, state,
    status, text, to, tokens, visit,
};

/// The Codex profile at this authority, with any redirect port, so that tests do not wait for each
/// other.
fn profile(server: &LoopbackServer) -> OAuthProfile {
    let mut profile = OAuthProfile::codex().with_issuer(format!("http://{}", server.address()));
    profile.redirect.ports.clear();
    profile
}

fn login<S: codex_auth::TokenStore>(profile: OAuthProfile, store: S) -> Login<S> {
    let transport = HyperTransport::new().expect("a transport");
    Login::new(profile, store, transport, TokioTimer)
}

/// Runs a browser sign-in; `browser` is a thread that gets the address.
async fn sign_in<S: codex_auth::TokenStore>(
    login: &Login<S>,
    browser: impl FnOnce(String) + Send + 'static,
) -> (Result<SignedIn, codex_auth::Error>, usize) {
    let listener = RedirectListener::bind(&login.profile().redirect).expect("a port");
    let attempt = login.browser_sign_in(listener.port()).expect("an attempt");
    let (address, shown) = mpsc::channel::<String>();
    let user = std::thread::spawn(move || {
        if let Ok(address) = shown.recv() {
            browser(address);
        }
    });
    let mut refused = 0;
    let result = login
        .in_browser(
            attempt,
            Redirects::listening(listener),
            |notice| match notice {
                Notice::Show(prompt) => address.send(prompt.url().to_owned()).expect("a user"),
                Notice::RedirectRefused => refused += 1,
                other => panic!("{other:?}"),
            },
        )
        .await;
    drop(address);
    user.join().expect("a browser that got what it expected");
    (result, refused)
}

fn callback(address: &str, rest: &str) -> String {
    format!("/auth/callback?state={}&{rest}", state(address))
}

#[tokio::test]
async fn a_browser_signs_in_and_its_code_is_exchanged_once() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let login = login(profile(&server), MemoryStore::new());
    let (result, refused) = sign_in(&login, |address| {
        let page = visit(port(&address), &callback(&address, "code=the-code"));
        assert_eq!(status(&page), 200);
        assert!(page.contains("<title>Signed in</title>"));
    })
    .await;
    let signed_in = result.expect("a sign-in");
    assert!(matches!(signed_in.replaced(), Revoked::NothingToRevoke));
    assert_eq!(refused, 0);

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let body = text(&requests[0]);
    assert_eq!(member(&body, "code").as_deref(), Some("the-code"));
    assert!(member(&body, "code_verifier").is_some());
    assert!(
        requests[0]
            .header("user-agent")
            .expect("a name")
            .starts_with("codex-client-rs/")
    );
    let stored = login.store().load().expect("a store").expect("a login");
    let tokens = stored.record().tokens().expect("tokens");
    assert_eq!(
        tokens.refresh_token().expect("one").expose(),
        format!("refresh-{CANARY}")
    );
}

#[tokio::test]
async fn a_foreign_redirect_gets_400_and_exchanges_nothing() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let login = login(profile(&server), MemoryStore::new());
    let (result, refused) = sign_in(&login, |address| {
        let port = port(&address);
        for foreign in [
            "/auth/callback?code=stolen&state=guessed",
            "/auth/callback?code=stolen",
            "/auth/callback?error=access_denied&state=guessed",
        ] {
            assert_eq!(status(&visit(port, foreign)), 400, "{foreign}");
        }
        assert_eq!(status(&visit(port, &callback(&address, "code=right"))), 200);
    })
    .await;
    result.expect("the attempt outlives them");
    assert_eq!(refused, 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        member(&text(&requests[0]), "code").as_deref(),
        Some("right")
    );
}

#[tokio::test]
async fn what_else_knocks_is_answered_and_not_waited_for() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let login = login(profile(&server), MemoryStore::new());
    let (result, refused) = sign_in(&login, |address| {
        let port = port(&address);
        let v4 = ([127, 0, 0, 1], port).into();
        // More idle spare connections than the listener keeps.
        let idle: Vec<_> = (0..40)
            .map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection"))
            .collect();
        assert_eq!(status(&visit(port, "/favicon.ico")), 404);
        let post = format!(
            "POST {} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
            callback(&address, "code=c")
        );
        assert_eq!(status(&exchange(v4, &post)), 405);
        let rebound = format!(
            "GET {} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n",
            callback(&address, "code=c")
        );
        assert_eq!(status(&exchange(v4, &rebound)), 403);
        let large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(90_000));
        assert_eq!(status(&exchange(v4, &large)), 431);
        let cut = format!("GET {} HTTP/1.1\r\nHo", callback(&address, "code=c"));
        let mut slow = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        std::io::Write::write_all(&mut slow, cut.as_bytes()).expect("half a request");
        assert_eq!(status(&visit(port, &callback(&address, "code=c"))), 200);
        drop((idle, slow));
    })
    .await;
    result.expect("a sign-in");
    assert_eq!(refused, 0);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_browser_may_come_over_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let login = login(profile(&server), MemoryStore::new());
    let (result, _) = sign_in(&login, |address| {
        let port = port(&address);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
            callback(&address, "code=c")
        );
        let page = exchange((std::net::Ipv6Addr::LOCALHOST, port).into(), &request);
        assert_eq!(status(&page), 200);
    })
    .await;
    result.expect("a sign-in");
}

#[tokio::test]
async fn declining_ends_it_and_stores_nothing() {
    let server = authority(Script::new());
    let login = login(profile(&server), MemoryStore::new());
    let (result, _) = sign_in(&login, |address| {
        let page = visit(
            port(&address),
            &callback(&address, "error=access_denied&error_description=no"),
        );
        assert_eq!(status(&page), 200);
        assert!(page.contains("Not signed in"));
    })
    .await;
    let error = result.expect_err("declined");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(server.requests().is_empty());
    assert!(login.store().load().expect("a store").is_none());
}

#[tokio::test]
async fn the_listener_answers_while_the_code_is_exchanged_and_its_port_is_free_afterwards() {
    let gate = Gate::new();
    let answer = Answer::ok()
        .gate(&gate)
        .then_head()
        .body(r#"{"access_token":"invented"}"#);
    let server = authority(Script::new().route("POST", TOKEN, answer));
    let login = login(profile(&server), MemoryStore::new());
    let (used, port_used) = mpsc::channel();
    let (result, refused) = sign_in(&login, move |address| {
        let port = port(&address);
        let target = callback(&address, "code=c");
        assert_eq!(status(&visit(port, &target)), 200);
        assert!(gate.reached_within(Duration::from_secs(10)));
        // The same redirect again, as a reloaded page sends it.
        assert_eq!(status(&visit(port, &target)), 400);
        assert_eq!(status(&visit(port, "/favicon.ico")), 404);
        gate.open();
        used.send(port).expect("a test");
    })
    .await;
    result.expect("a sign-in");
    assert_eq!(refused, 1);
    let port = port_used.recv().expect("a port");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[tokio::test]
async fn a_lost_answer_to_the_exchange_is_not_asked_for_again() {
    let answer = Answer::hang_up(Cut::Reset);
    let server = authority(Script::new().route("POST", TOKEN, answer.forever()));
    let login = login(profile(&server), MemoryStore::new());
    let (result, _) = sign_in(&login, |address| {
        visit(port(&address), &callback(&address, "code=c"));
    })
    .await;
    assert_eq!(result.expect_err("lost").kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn time_ends_a_sign_in_that_nobody_finishes() {
    let server = authority(Script::new());
    let login = login(profile(&server), MemoryStore::new());
    let listener = RedirectListener::bind(&login.profile().redirect).expect("a port");
    let attempt = login.browser_sign_in(listener.port()).expect("an attempt");
    let start = Instant::now();
    let result = login
        .in_browser(
            attempt.with_time_limit(Duration::from_millis(80)),
            Redirects::listening(listener),
            |_| {},
        )
        .await;
    assert_eq!(result.expect_err("too late").kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

/// Lines that are available at once, with or without an end after them.
struct Lines(Vec<String>, bool);

impl Stream for Lines {
    type Item = Secret;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Secret>> {
        match self.0.is_empty() {
            false => Poll::Ready(Some(Secret::from(self.0.remove(0)))),
            true if self.1 => Poll::Ready(None),
            true => Poll::Pending,
        }
    }
}

async fn paste(
    login: &Login<MemoryStore>,
    lines: &[&str],
    ends: bool,
) -> (Result<SignedIn, codex_auth::Error>, Vec<String>) {
    let attempt = login.browser_sign_in(1455).expect("an attempt");
    let lines = lines.iter().map(ToString::to_string).collect();
    let mut refused = Vec::new();
    let result = login
        .in_browser(attempt, Redirects::pasted(Lines(lines, ends)), |notice| {
            if let Notice::PasteRefused(error) = notice {
                refused.push(error.to_string());
            }
        })
        .await;
    (result, refused)
}

#[tokio::test]
async fn a_pasted_code_will_do_and_what_cannot_be_used_is_asked_for_again() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let login = login(profile(&server), MemoryStore::new());
    let foreign = "http://localhost:1455/auth/callback?code=stolen&state=guessed";
    let (result, refused) = paste(&login, &[foreign, "two words", "a-bare-code"], true).await;
    result.expect("a sign-in");
    assert_eq!(
        refused,
        [
            "redirect does not belong to this sign-in attempt",
            "malformed redirect: expected the whole address, not the code alone"
        ]
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        member(&text(&requests[0]), "code").as_deref(),
        Some("a-bare-code")
    );
}

#[tokio::test]
async fn the_end_of_what_is_pasted_ends_a_sign_in_without_a_listener() {
    let server = authority(Script::new());
    let login = login(profile(&server), MemoryStore::new());
    let (result, _) = paste(&login, &[], true).await;
    assert_eq!(
        result.expect_err("nothing").kind(),
        ErrorKind::MalformedRedirect
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_end_of_what_is_pasted_leaves_a_listener_at_work() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let login = login(profile(&server), MemoryStore::new());
    let listener = RedirectListener::bind(&login.profile().redirect).expect("a port");
    let attempt = login.browser_sign_in(listener.port()).expect("an attempt");
    let redirects = Redirects::listening(listener).or_pasted(Lines(Vec::new(), true));
    let mut users = Vec::new();
    let result = login
        .in_browser(attempt, redirects, |notice| {
            if let Notice::Show(prompt) = notice {
                let address = prompt.url().to_owned();
                users.push(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(50));
                    visit(port(&address), &callback(&address, "code=c"))
                }));
            }
        })
        .await;
    result.expect("a sign-in");
    let page = users.remove(0).join().expect("a browser");
    assert_eq!(status(&page), 200);
}

#[tokio::test]
async fn a_port_counts_as_free_only_if_both_families_are() {
    let rule = |ports: Vec<u16>| {
        let mut rule = OAuthProfile::codex().redirect;
        rule.ports = ports;
        rule
    };
    let first = TcpListener::bind("127.0.0.1:0").expect("a port");
    let first_port = first.local_addr().expect("an address").port();
    let free = RedirectListener::bind(&rule(Vec::new())).expect("a port");
    let free_port = free.port();
    drop(free);

    let listener = RedirectListener::bind(&rule(vec![first_port, free_port])).expect("the second");
    assert_eq!(listener.port(), free_port);
    let error =
        RedirectListener::bind(&rule(vec![first_port, free_port])).expect_err("none is free");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(
        error.to_string(),
        format!("no free port for the redirect: {first_port}, {free_port}")
    );
    drop(listener);

    if let Ok(sixth) = TcpListener::bind(("::1", free_port)) {
        let error = RedirectListener::bind(&rule(vec![free_port]))
            .expect_err("the code would go elsewhere");
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
        drop(sixth);
    }
}

#[tokio::test]
async fn a_new_login_replaces_the_old_one_and_revokes_it() {
    let script = device().route("POST", REVOKE, Answer::ok());
    let server = authority(script);
    let directory = Directory::new("replace");
    let store = FileStore::new(directory.path("auth.json"));
    let old =
        TokenSet::new(Secret::from("old-access")).with_refresh_token(Secret::from("old-refresh"));
    let record = Record::of_tokens(old, std::time::SystemTime::now());
    store.save(&record, None).expect("a store");

    let login = login(profile(&server), store);
    let signed_in = login.with_device_code(|_| {}).await.expect("a sign-in");
    assert!(matches!(signed_in.replaced(), Revoked::Confirmed));
    let revoked = to(&server, REVOKE);
    assert_eq!(json(&revoked[0])["token"], "old-refresh");
    // Revoked only after the new tokens were stored, and therefore last.
    assert_eq!(server.requests().last().expect("requests").path(), REVOKE);
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_found_out_before_anybody_is_asked() {
    let server = authority(device());
    let directory = Directory::new("unusable");
    let path = directory.path("auth.json");
    std::fs::create_dir(&path).expect("a directory");
    let unreadable = login(profile(&server), FileStore::new(&path));
    let error = unreadable
        .with_device_code(|_| {})
        .await
        .expect_err("unreadable");
    assert_eq!(error.kind(), ErrorKind::Store);
    let read_only = login(
        profile(&server),
        FileStore::read_only(directory.path("none.json")),
    );
    let error = read_only
        .with_device_code(|_| {})
        .await
        .expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_damaged_file_is_signed_in_over_and_a_copy_is_kept() {
    let server = authority(device());
    let directory = Directory::new("damaged");
    let read = |name: &str| std::fs::read_to_string(directory.path(name)).ok();
    std::fs::write(directory.path("auth.json"), "not JSON").expect("a file");
    let store = FileStore::new(directory.path("auth.json"));
    let login = login(profile(&server), store);
    let attempt = login.browser_sign_in(1455);
    attempt.expect("the file is not in the way of a browser either");
    login.with_device_code(|_| {}).await.expect("a sign-in");
    assert_eq!(read("auth.json.damaged").as_deref(), Some("not JSON"));
    let stored = login.store().load().expect("a good file");
    assert!(stored.is_some_and(|stored| stored.record().tokens().is_some()));
}

#[tokio::test]
async fn a_registration_is_stored_over_a_damaged_file() {
    let refusal = Answer::json(400, r#"{"error":"invalid_grant"}"#);
    let server = authority(Script::new().route("POST", "/api/accounts/oauth/token", refusal));
    let directory = Directory::new("damaged-registration");
    std::fs::write(directory.path("auth.json"), "not JSON").expect("a file");
    let host = HostId::from_random_bytes([7; 16]);
    let app = AppRegistration::new("Test App", host).expect("a name");
    let mut profile =
        OAuthProfile::sign_in_with_chatgpt(app).with_issuer(format!("http://{}", server.address()));
    profile.jwks_endpoint = None;
    let login = login(profile, FileStore::new(directory.path("auth.json")));
    let (refused, _) = sign_in(&login, |address| {
        visit(
            port(&address),
            &callback(&address, "code=first&client_id=oaiapp_issued"),
        );
    })
    .await;
    refused.expect_err("the exchange is refused");
    let copy = std::fs::read_to_string(directory.path("auth.json.damaged"));
    assert_eq!(copy.expect("a copy"), "not JSON");
    let stored = login
        .store()
        .load()
        .expect("a good file")
        .expect("a record");
    let registration = stored.record().registration().expect("a registration");
    assert_eq!(registration.client_id(), "oaiapp_issued");
}

#[tokio::test]
async fn an_issued_client_id_is_stored_before_the_exchange_and_used_again() {
    let refusal = Answer::json(400, r#"{"error":"invalid_grant"}"#);
    let server = authority(
        Script::new()
            .route("POST", "/api/accounts/oauth/token", refusal)
            .route("POST", "/api/accounts/oauth/token", tokens()),
    );
    let host = HostId::from_random_bytes([7; 16]);
    let app = AppRegistration::new("Test App", host).expect("a name");
    let mut profile =
        OAuthProfile::sign_in_with_chatgpt(app).with_issuer(format!("http://{}", server.address()));
    profile.jwks_endpoint = None;
    let login = login(profile, MemoryStore::new());

    let (result, _) = sign_in(&login, |address| {
        assert_eq!(
            member(&address, "client_id").as_deref(),
            Some("dynamic_agent_client")
        );
        visit(
            port(&address),
            &callback(&address, "code=first&client_id=oaiapp_issued"),
        );
    })
    .await;
    assert_eq!(result.expect_err("refused").kind(), ErrorKind::CodeRefused);
    let stored = login
        .store()
        .load()
        .expect("a store")
        .expect("a registration");
    assert_eq!(
        stored.record().registration().expect("one").client_id(),
        "oaiapp_issued"
    );

    let (result, _) = sign_in(&login, |address| {
        assert_eq!(
            member(&address, "client_id").as_deref(),
            Some("oaiapp_issued")
        );
        assert_eq!(member(&address, "agent_name_hint"), None);
        visit(port(&address), &callback(&address, "code=second"));
    })
    .await;
    result.expect("a sign-in");
    let exchanges = server.requests();
    for exchange in &exchanges {
        assert_eq!(
            member(&text(exchange), "client_id").as_deref(),
            Some("oaiapp_issued")
        );
    }
    assert_eq!(exchanges.len(), 2);
}

#[tokio::test]
async fn a_stored_login_is_renewed_for_a_request_whose_caller_goes_away() {
    let gate = Gate::new();
    let answer = Answer::ok()
        .gate(&gate)
        .then_head()
        .body(r#"{"access_token":"new-access","refresh_token":"new-refresh"}"#);
    let server = authority(Script::new().route("POST", TOKEN, answer));
    let store = MemoryStore::new();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let old = TokenSet::new(Secret::from("old"))
        .with_refresh_token(Secret::from("old-refresh"))
        .with_account_id("acct-1")
        .with_expires_at(long_ago);
    store
        .save(&Record::of_tokens(old, long_ago), None)
        .expect("a store");
    let source = login(profile(&server), store.clone())
        .credentials()
        .build()
        .expect("a source");

    let mut head = http::Request::get("https://chatgpt.com/x")
        .body(())
        .expect("a request")
        .into_parts()
        .0;
    let dropped = tokio::time::timeout(Duration::from_millis(200), source.apply(&mut head)).await;
    assert!(dropped.is_err(), "the authority has not answered yet");
    gate.open();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let stored = store.load().expect("a store").expect("a login");
        let token = stored
            .record()
            .tokens()
            .expect("tokens")
            .access_token()
            .clone();
        if token.expose() == "new-access" {
            break;
        }
        assert!(Instant::now() < deadline, "nobody finished the renewal");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    source.apply(&mut head).await.expect("credentials");
    assert_eq!(head.headers["authorization"], "Bearer new-access");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_sender_knows_what_was_certainly_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let sender = TransportSender::new(HyperTransport::new().expect("a transport"));
    let post = |address: String| {
        http::Request::post(address)
            .body("a=b".into())
            .expect("a request")
    };
    let failure = sender
        .send(post(format!("http://{address}/")))
        .await
        .expect_err("nobody is there");
    assert!(!failure.may_have_been_sent());

    let server = authority(Script::new().answer(Answer::hang_up(Cut::Reset)));
    let failure = sender.send(post(server.url("/"))).await.expect_err("cut");
    assert!(failure.may_have_been_sent());

    // A redirect to another origin is a response like any other, and is not followed.
    let elsewhere = authority(Script::new());
    let redirect = Answer::status(307).header("location", &elsewhere.url("/"));
    let server = authority(Script::new().answer(redirect));
    let answer = sender.send(post(server.url("/"))).await.expect("an answer");
    assert_eq!(answer.status(), 307);
    assert!(elsewhere.requests().is_empty());

    let large = Answer::ok().body("x".repeat((1 << 20) + 1));
    let server = authority(Script::new().answer(large));
    let failure = sender
        .send(post(server.url("/")))
        .await
        .expect_err("too large");
    assert!(failure.may_have_been_sent());
}

#[tokio::test]
async fn discovery_says_where_to_revoke_and_is_believed_only_about_its_own_issuer() {
    let server = LoopbackServer::start(Script::new().rule(|request| {
        let host = request.header("host")?;
        let document =
            format!(r#"{{"issuer":"http://{host}","revocation_endpoint":"http://{host}/gone"}}"#);
        Some(Answer::json(200, document))
    }))
    .expect("a loopback server");
    let mut start = profile(&server);
    start.revoke_endpoint = None;
    let found = login(start.clone(), MemoryStore::new())
        .discover()
        .await
        .expect("a document");
    assert_eq!(
        found.profile().revoke_endpoint.as_deref(),
        Some(server.url("/gone").as_str())
    );
    assert_eq!(
        server.requests()[0].path(),
        "/.well-known/openid-configuration"
    );

    let other = authority(
        Script::new().answer(Answer::json(200, r#"{"issuer":"https://auth.openai.com"}"#)),
    );
    let error = login(profile(&other), MemoryStore::new())
        .discover()
        .await
        .expect_err("of another issuer");
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
}

#[test]
fn sign_ins_can_run_on_any_thread() {
    fn is_send<T: Send>(_: impl FnOnce() -> T) {}
    fn of<S: codex_auth::TokenStore + Clone + 'static>(login: &'static Login<S>) {
        is_send(move || login.with_device_code(|_| {}));
        is_send(move || {
            let lines = Redirects::pasted(Lines(Vec::new(), true));
            login.in_browser(login.browser_sign_in(1).expect("one"), lines, |_| {})
        });
        is_send(move || login.sign_out());
    }
    let _ = of::<MemoryStore>;
}
