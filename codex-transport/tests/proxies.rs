//! The proxy variables as curl interprets them: a table of the observed behavior of the program
//! `curl` (see testdata/transport).
#![cfg(all(feature = "proxy", feature = "testing-tls"))]

use core::error::Error as _;
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use bytes::Bytes;
use codex_transport::testing::{Authority, LoopbackServer, Script};
use codex_transport::{
    ConnectOptions, Error, ErrorKind, HttpTransport, HttpVersions, HyperTransport, Phase, Proxy,
    Roots,
};
use http::Request;
use serde_json::Value;

struct Case {
    name: String,
    variables: BTreeMap<String, String>,
    url: String,
    // The target of the connection: `direct`, `error` or the proxy's address.
    to: String,
    credentials: Option<String>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../testdata/transport/proxies.jsonl");
    let cases: Vec<Case> = text
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let ours = |ours: &str, curl: &str| {
                let value = if value["ours"].is_null() {
                    &value[curl]
                } else {
                    &value[ours]
                };
                value.as_str().map(str::to_owned)
            };
            Case {
                name: value["name"].as_str().unwrap().to_owned(),
                variables: serde_json::from_value(value["variables"].clone()).unwrap(),
                url: value["url"].as_str().unwrap().to_owned(),
                to: ours("ours", "curl").unwrap(),
                credentials: ours("our_credentials", "curl_credentials"),
            }
        })
        .collect();
    assert!(cases.len() >= 60);
    cases
}

impl Case {
    // `at` replaces the proxy's address if a listener is running.
    fn proxy(&self, at: Option<&str>) -> Proxy {
        Proxy::from_variables(|name| {
            let value = self.variables.get(name)?;
            Some(match at {
                Some(at) => value
                    .replace("127.0.0.2:3128", at)
                    .replace("127.0.0.2:1080", at),
                None => value.clone(),
            })
        })
    }
}

fn build(proxy: Proxy) -> Result<HyperTransport, Error> {
    let mut connection = ConnectOptions::default();
    connection.proxy = proxy;
    HyperTransport::builder()
        .connection(connection)
        .connect_timeout(Duration::from_secs(5))
        .build()
}

#[test]
fn the_table_of_curl() {
    for case in cases() {
        let proxy = case.proxy(None);
        let url = case.url.parse().unwrap();
        let found = match proxy.address_for(&url) {
            Ok(Some(address)) => address,
            Ok(None) => "direct".to_owned(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Configuration);
                "error".to_owned()
            }
        };
        assert_eq!(found, case.to, "{}", case.name);
        assert_eq!(proxy.applies_to(&url), case.to != "direct", "{}", case.name);
    }
}

#[test]
fn an_unusable_value_names_its_variable_and_not_itself() {
    for case in cases().iter().filter(|case| case.to == "error") {
        let proxy = case.proxy(None);
        let variable = case.variables.keys().next().unwrap();
        let error = build(proxy.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.phase(), Phase::Prepare);
        let text = error.source().unwrap().to_string();
        assert!(
            text.starts_with(&format!("invalid proxy in {variable}: ")),
            "{text}"
        );
        let all = format!("{error:?} {error} {proxy:?}");
        assert!(
            !all.contains("secret") && !all.contains("127.0.0.2"),
            "{all}"
        );
    }
}

#[test]
fn settings_made_in_code() {
    let uses = |proxy: &Proxy, url: &str| proxy.applies_to(&url.parse().unwrap());
    let address = |url: &str| {
        let proxy = Proxy::new(url).unwrap();
        proxy.address_for(&"https://api.example/".parse().unwrap())
    };

    let proxy = Proxy::new("http://user:secret@proxy.example:3128").unwrap();
    assert!(uses(&proxy, "https://localhost/") && uses(&proxy, "https://api.example/"));
    let proxy = proxy.with_no_proxy("localhost, 10.0.0.0/8");
    assert!(!uses(&proxy, "https://localhost/") && !uses(&proxy, "https://10.1.2.3/"));
    assert!(uses(&proxy, "https://api.example/"));

    let shown = format!("{proxy:?}");
    assert!(
        shown.contains("http://proxy.example:3128") && shown.contains("login: true"),
        "{shown}"
    );
    assert!(
        !shown.contains("user") && !shown.contains("secret"),
        "{shown}"
    );
    assert_eq!(
        format!("{:?}", Proxy::from_environment()),
        "Proxy(environment)"
    );
    let none = format!("{:?}", Proxy::none());
    assert!(none.starts_with("Proxy(Routes"), "{none}");

    // The colons of an address are not those before a port.
    assert_eq!(
        address("http://[2001:db8::1]").unwrap().as_deref(),
        Some("http://[2001:db8::1]:1080")
    );
    assert_eq!(
        address("http://[2001:db8::1]:3128").unwrap().as_deref(),
        Some("http://[2001:db8::1]:3128")
    );
}

// Returns the credentials that a proxy receives from the client that connects next.
fn overhear(listener: &TcpListener) -> Option<String> {
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).unwrap();
    let received = &buffer[..count];
    if received[0] == 5 {
        return socks5_login(&mut stream, received);
    }
    let head = core::str::from_utf8(received).unwrap();
    let basic = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then(|| value.strip_prefix("Basic "))?
    })?;
    Some(from_base64(basic))
}

fn socks5_login(stream: &mut TcpStream, hello: &[u8]) -> Option<String> {
    if !hello[2..].contains(&2) {
        return None;
    }
    stream.write_all(&[5, 2]).unwrap();
    let mut buffer = [0; 512];
    let count = stream.read(&mut buffer).unwrap();
    let name = usize::from(buffer[1]);
    let (name, password) = (&buffer[2..2 + name], &buffer[3 + name..count]);
    let text = [name, b":", password].concat();
    Some(String::from_utf8(text).unwrap())
}

fn from_base64(text: &str) -> String {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits: u32 = 0;
    let mut count = 0;
    let mut bytes = Vec::new();
    for c in text.trim_end_matches('=').chars() {
        bits = (bits << 6) | u32::try_from(digits.find(c).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_gets_the_credentials_that_curl_sends() {
    let mut seen = 0;
    for case in cases() {
        let plain = case.to.starts_with("http://127.0.0.2:3128");
        if !plain && !case.to.starts_with("socks5") || !case.to.contains("127.0.0.2") {
            continue;
        }
        if !case
            .variables
            .values()
            .any(|value| value.contains("127.0.0.2:"))
        {
            continue;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let transport = build(case.proxy(Some(&at))).unwrap();
        let overhearing = tokio::task::spawn_blocking(move || overhear(&listener));
        // SOCKS5 without the letter h resolves the name locally.
        let url = case.url.replace("api.example.test", "127.0.0.99");
        let request = Request::get(url).body(Bytes::new()).unwrap();
        let error = transport.send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proxy, "{}: {error:?}", case.name);
        assert_eq!(
            overhearing.await.unwrap(),
            case.credentials,
            "{}",
            case.name
        );
        seen += usize::from(case.credentials.is_some());
    }
    assert!(seen >= 10, "{seen} cases with credentials");
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_a_proxy() {
    let authority = Authority::generate().unwrap();
    // This server acts as the proxy: it requests a certificate, which must not arrive.
    let proxy = LoopbackServer::builder(Script::new())
        .mutual_tls(&authority, HttpVersions::Http1)
        .unwrap()
        .start()
        .unwrap();
    let (chain, key) = authority.client_identity().unwrap();
    let mut connection = ConnectOptions::default();
    connection.proxy = Proxy::new(format!("https://{}", proxy.address())).unwrap();
    connection.tls = connection
        .tls
        .with_authority_pem(authority.certificate_pem())
        .with_identity_pem(chain, key);
    connection.tls.roots = Roots::OnlyAdded;
    let transport = HyperTransport::builder()
        .connection(connection)
        .build()
        .unwrap();
    let request = Request::get("http://127.0.0.99/")
        .body(Bytes::new())
        .unwrap();
    let error = transport.send(request).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Proxy | ErrorKind::Tls),
        "{error:?}"
    );
    assert_eq!(proxy.requests().len(), 0, "the tunnel was asked for");
}
