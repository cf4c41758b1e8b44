//! A secret in every credential appears in no text: not in `Debug`, `Display`, an error's chain, a
//! page, or the output of a panicking process.

use core::fmt::Debug;
use core::time::Duration;
use std::process::Command;

use codex_auth::{
    ApiKey, ApiKeyExchange, BearerToken, BrowserSignIn, Claims, CredentialSource, DeviceFlow,
    Entropy, Environment, Error, FileStore, Incoming, LoopbackConnection, MemoryStore, Moment,
    OAuthProfile, OAuthSource, Page, Record, Refresh, Revoke, Secret, SharedCredentialSource,
    SignInFlow as _, StaticToken, Step, TokenSet, TokenStore as _, WhoAmI, drive, sign_out,
    store_sign_in,
};

use crate::support::{
    self, Answer, Authority, Directory, VirtualTimer, block_on, jwt, member, ok, start,
};

/// Part of every secret in this file, in plain text or within a JWT's encoding.
const CANARY: &str = "CANARY";

fn secret(name: &str) -> String {
    format!("{CANARY}-{name}")
}

/// Returns a JWT that contains the canary in every part, and in the encoded payload.
fn token(name: &str) -> String {
    let payload = jwt(&format!(
        r#"{{"email":"{CANARY}@example.com","exp":1767322000,"n":"{name}"}}"#
    ));
    let [_, payload, _] = payload.split('.').collect::<Vec<_>>()[..] else {
        panic!()
    };
    format!("{CANARY}head.{payload}.{CANARY}tail")
}

#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?} {value:#?}"));
    }

    fn error(&mut self, error: &Error) {
        self.debug(error);
        let mut cause: Option<&dyn core::error::Error> = Some(error);
        while let Some(error) = cause {
            self.0.push(format!("{error} {error:?}"));
            cause = error.source();
        }
    }

    fn result<T: Debug>(&mut self, result: &Result<T, Error>) {
        match result {
            Ok(value) => self.debug(value),
            Err(error) => self.error(error),
        }
    }
}

fn tokens() -> TokenSet {
    TokenSet::new(Secret::from(token("access")))
        .with_refresh_token(Secret::from(secret("refresh")))
        .with_id_token(Secret::from(token("id")))
}

fn token_answer() -> String {
    format!(
        r#"{{"access_token":"{}","refresh_token":"{}","id_token":"{}"}}"#,
        token("access-2"),
        secret("refresh-2"),
        token("id-2")
    )
}

/// Responds with the secrets of whatever request it receives.
fn hostile() -> Vec<Answer> {
    let quoting = format!(
        "{} {} {} {}",
        secret("refresh"),
        secret("code"),
        secret("user-code"),
        token("access")
    );
    vec![
        Answer::Body(
            400,
            format!(
                r#"{{"error":"{}","error_description":"{quoting}"}}"#,
                secret("code")
            ),
        ),
        Answer::Body(
            401,
            format!(r#"{{"error":{{"code":"refresh_token_reused","message":"{quoting}"}}}}"#),
        ),
        Answer::Body(500, quoting.clone()),
        Answer::Body(200, quoting),
        Answer::Body(
            200,
            format!(r#"{{"access_token":["{}"]}}"#, secret("refresh")),
        ),
        Answer::Body(302, secret("refresh")),
        Answer::Lost,
        Answer::NotSent,
        ok(token_answer()),
    ]
}

fn sources(seen: &mut Seen) {
    let bearer = || BearerToken::new(Secret::from(secret("bearer")));
    seen.debug(&bearer());
    seen.debug(&ApiKey::new(Secret::from(secret("key"))).unwrap());
    seen.debug(&StaticToken::new(bearer()).unwrap());
    seen.debug(&Environment::from_lookup(|_| Some(secret("environment"))).unwrap());
    seen.result(&ApiKey::new(Secret::from(format!(
        "{}\n{CANARY}",
        secret("key")
    ))));
    seen.result(&StaticToken::new(BearerToken::new(Secret::from(format!(
        "\u{7f}{CANARY}"
    )))));
    let source = SharedCredentialSource::new(ApiKey::new(Secret::from(secret("key"))).unwrap());
    seen.debug(&source);
    let (mut head, ()) = http::Request::get("https://api.openai.com/")
        .body(())
        .unwrap()
        .into_parts();
    block_on(source.apply(&mut head)).unwrap();
    seen.debug(&head);
    seen.debug(&Claims::from_jwt(&token("claims")).unwrap());
    seen.result(&Claims::from_jwt(&secret("claims")));
    seen.result(&Claims::from_json(secret("claims").as_bytes()));
    seen.debug(&tokens());
    seen.debug(&Entropy::from_bytes([0x43; 128]));
}

fn calls(seen: &mut Seen) {
    let profile = OAuthProfile::codex();
    seen.debug(&Refresh::new(&profile, &tokens()).unwrap());
    seen.debug(&ApiKeyExchange::new(&profile, Secret::from(token("id"))).unwrap());
    seen.debug(&Revoke::new(&profile, &tokens()).unwrap());
    seen.debug(&WhoAmI::new(&profile, Secret::from(secret("pat"))).unwrap());
    for answer in hostile() {
        if let Answer::Body(status, body) = answer {
            let response = support::response(status, body);
            seen.result(
                &Refresh::new(&profile, &tokens())
                    .unwrap()
                    .read(Moment::now(), &response),
            );
            seen.result(&Revoke::new(&profile, &tokens()).unwrap().read(&response));
            seen.result(
                &ApiKeyExchange::new(&profile, Secret::from(token("id")))
                    .unwrap()
                    .read(&response),
            );
            seen.result(
                &WhoAmI::new(&profile, Secret::from(secret("pat")))
                    .unwrap()
                    .read(&response),
            );
        }
    }
}

fn renewals(seen: &mut Seen) {
    for answer in hostile() {
        let store = MemoryStore::new();
        store
            .save(&Record::of_tokens(tokens(), start()), None)
            .unwrap();
        let source = OAuthSource::builder(
            OAuthProfile::codex(),
            store.clone(),
            Authority::new([answer, Answer::Lost]),
            VirtualTimer::new(),
        );
        seen.debug(&source);
        let source = source.build().unwrap();
        let (mut head, ()) = http::Request::get("https://chatgpt.com/")
            .body(())
            .unwrap()
            .into_parts();
        let applied = block_on(source.apply(&mut head));
        seen.result(&applied);
        if let Ok(lease) = applied {
            seen.result(&block_on(source.rejected(lease)));
        }
        seen.debug(&source);
        seen.debug(&source.record());
        seen.debug(&store);
        seen.debug(&store.load().unwrap());
    }
    let store = MemoryStore::new();
    store
        .save(&Record::of_tokens(tokens(), start()), None)
        .unwrap();
    seen.debug(
        &block_on(sign_out(
            &OAuthProfile::codex(),
            &store,
            &Authority::new([Answer::Lost]),
            &VirtualTimer::new(),
        ))
        .unwrap(),
    );
}

fn sign_ins(seen: &mut Seen) {
    let now = Moment::new(Duration::ZERO, start());
    for answer in hostile() {
        let attempt = BrowserSignIn::new(OAuthProfile::codex(), 1455)
            .with_id_token_hint(Secret::from(token("hint")));
        seen.debug(&attempt);
        let mut flow = attempt.begin(now, &Entropy::from_bytes([7; 128])).unwrap();
        let state = member(flow.authorize_url().split_once('?').unwrap().1, "state").unwrap();
        seen.debug(&flow);
        seen.debug(&flow.poll(now).unwrap());
        let request = |rest: &str| {
            format!("GET /auth/callback?{rest} HTTP/1.1\r\nHost: localhost:1455\r\n\r\n")
        };
        for rest in [
            format!("state={CANARY}&code={CANARY}"),
            format!("state={state}&code={}", secret("code")),
        ] {
            let mut connection = LoopbackConnection::new(flow.redirect_uri());
            let incoming = connection.feed(request(&rest).as_bytes());
            seen.debug(&incoming);
            let Incoming::Redirect(target) = incoming else {
                panic!()
            };
            seen.0.push(
                String::from_utf8(Page::for_redirect(&mut flow, now, &target).to_bytes()).unwrap(),
            );
        }
        seen.debug(&flow);
        let signed_in = block_on(drive(
            flow,
            &Authority::new([answer]),
            &Repeating(VirtualTimer::new()),
            |_| {},
            |_| Ok(()),
        ));
        seen.result(&signed_in);
        if let Ok(signed_in) = signed_in {
            let store = MemoryStore::new();
            seen.result(&block_on(store_sign_in(
                &OAuthProfile::codex(),
                &store,
                &Authority::default(),
                &VirtualTimer::new(),
                &signed_in,
            )));
        }
    }
    let mut device = DeviceFlow::new(&OAuthProfile::codex()).unwrap();
    device.handle_response(
        now,
        support::response(
            200,
            format!(
                r#"{{"device_auth_id":"{}","user_code":"{}"}}"#,
                secret("device"),
                secret("user-code")
            ),
        ),
    );
    let Step::Show(prompt) = device.poll(now).unwrap() else {
        panic!()
    };
    seen.debug(&prompt);
    seen.debug(&device);
}

/// A timer whose sleeps advance the clock by an hour, so that polling loops time out.
struct Repeating(VirtualTimer);

impl codex_auth::Timer for Repeating {
    fn now(&self) -> Moment {
        self.0.now()
    }
    async fn sleep(&self, _: Duration) {
        self.0.advance(Duration::from_secs(3600));
    }
}

fn files(seen: &mut Seen) {
    let directory = Directory::new("canary");
    let store = FileStore::new(directory.file());
    for content in [
        secret("file"),
        format!("{{\"tokens\":\"{CANARY}"),
        format!(
            r#"{{"{CANARY}":"{CANARY}","OPENAI_API_KEY":"{CANARY}","codex_auth":{{"client_id":"{CANARY} x"}}}}"#
        ),
    ] {
        std::fs::write(directory.file(), content).unwrap();
        seen.result(&store.load());
        seen.result(&store.save(&Record::of_api_key(Secret::from(secret("key"))), None));
    }
}

fn everything() -> Seen {
    let mut seen = Seen::default();
    sources(&mut seen);
    calls(&mut seen);
    renewals(&mut seen);
    sign_ins(&mut seen);
    files(&mut seen);
    seen
}

fn leaks(text: &str) -> bool {
    // Search for the encoded payload too, except its first letters, which every JSON object shares.
    let token = token("access");
    let payload = token.split('.').nth(1).unwrap();
    text.contains(CANARY) || text.contains(&payload[..24])
}

#[test]
fn no_text_of_any_value_or_error_holds_a_secret() {
    let seen = everything();
    assert!(seen.0.len() > 150, "{}", seen.0.len());
    for text in &seen.0 {
        assert!(!leaks(text), "{}", text.replace(CANARY, "<secret>"));
    }
    // Check that the search works: it finds the canary in a text that contains it.
    assert!(leaks(&secret("x")) && leaks(&token("access")[CANARY.len() + 4..]));
}

#[test]
fn a_process_that_prints_and_panics_with_everything_says_no_secret() {
    if std::env::var_os("CODEX_AUTH_CANARY_CHILD").is_some() {
        let seen = everything();
        println!("{:?}", seen.0);
        panic!("{:?} {:?}", seen.0, tokens());
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "canary::a_process_that_prints_and_panics_with_everything_says_no_secret",
            "--nocapture",
        ])
        .env("CODEX_AUTH_CANARY_CHILD", "1")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("TokenSet {") && !leaks(&text));
}
