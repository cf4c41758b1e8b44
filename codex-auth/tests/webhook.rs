//! Signatures of webhooks. The valid ones were made by the package `standardwebhooks` 1.1.0 and
//! accepted by `openai` 3.57.0.
#![cfg(feature = "webhooks")]

use core::time::Duration;
use std::time::SystemTime;

use codex_auth::{ErrorKind, Side, WebhookVerifier};
use http::{HeaderMap, HeaderValue};

const OLD: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const OLD_SIGNATURE: &str = "v1,RYbUwyOIF735NuJHjPZbGtGUxsf1yRYHWe/3V0Y1qc4=";
const NEW: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=";
const NEW_SIGNATURE: &str = "v1,RBlFB5uFAYBwbtZw0nf4ZTV/mlJ94UcwudU0sx2xn94=";
const PLAIN: &str = "plain-text-secret";
const PLAIN_SIGNATURE: &str = "v1,4mdjDRpOk1RTkTukvI7V6CC3G2qL+sucgqFgkgyS+to=";
const BODY: &str = r#"{"id":"evt_1","object":"event","created_at":1790000000,"type":"response.completed","data":{"id":"resp_1"},"note":"höher"}"#;
const SENT: u64 = 1_790_000_000;

fn headers(signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1790000000"),
        ("webhook-signature", signature),
    ] {
        headers.insert(name, HeaderValue::try_from(value).expect("a value"));
    }
    headers
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn verifier(secret: &str) -> WebhookVerifier {
    WebhookVerifier::new(secret).expect("a secret")
}

/// Verifies with the old secret at the time of sending.
fn refusal(headers: &HeaderMap, body: &str) -> ErrorKind {
    let error = verifier(OLD).verify(headers, body.as_bytes(), at(SENT));
    let error = error.expect_err("a refusal");
    assert_eq!(error.side(), Side::Remote);
    error.kind()
}

#[test]
fn signatures_of_other_implementations_are_accepted() {
    for (secret, signature) in [
        (OLD, OLD_SIGNATURE),
        (NEW, NEW_SIGNATURE),
        (NEW.trim_end_matches('='), NEW_SIGNATURE),
        (PLAIN, PLAIN_SIGNATURE),
    ] {
        let verified = verifier(secret).verify(&headers(signature), BODY.as_bytes(), at(SENT));
        verified.expect(secret);
    }
}

#[test]
fn any_secret_and_any_signature_suffices() {
    let both = verifier(NEW).or_secret(OLD).expect("a secret");
    let mut apart = headers(NEW_SIGNATURE);
    apart.append("webhook-signature", HeaderValue::from_static(OLD_SIGNATURE));
    for (verifier, headers) in [
        (&both, headers(OLD_SIGNATURE)),
        (&both, headers(NEW_SIGNATURE)),
        (
            &verifier(OLD),
            headers(&format!("{NEW_SIGNATURE} {OLD_SIGNATURE}")),
        ),
        (
            &verifier(OLD),
            headers(&format!("v1a,xyz= v1,%% {OLD_SIGNATURE}")),
        ),
        (&verifier(OLD), apart),
    ] {
        let verified = verifier.verify(&headers, BODY.as_bytes(), at(SENT));
        verified.expect("a match");
    }
    assert_eq!(
        refusal(&headers(NEW_SIGNATURE), BODY),
        ErrorKind::WebhookSignature
    );
}

#[test]
fn the_signature_covers_id_time_and_body() {
    let valid = || headers(OLD_SIGNATURE);
    assert_eq!(
        refusal(&valid(), &BODY.replace("resp_1", "resp_2")),
        ErrorKind::WebhookSignature
    );
    assert_eq!(refusal(&valid(), ""), ErrorKind::WebhookSignature);
    for (name, value) in [
        ("webhook-id", "msg_2"),
        ("webhook-timestamp", "1790000001"),
        ("webhook-timestamp", "01790000000"),
    ] {
        let mut headers = valid();
        headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(
            refusal(&headers, BODY),
            ErrorKind::WebhookSignature,
            "{value}"
        );
    }
    // A prefix of the signature is not the signature.
    for signature in [
        "v1,",
        "v1,RYbU",
        "v1,RYbUwyOIF735NuJHjPZbGtGUxsf1yRYHWe/3V0Y1qc4AAAA=",
    ] {
        assert_eq!(
            refusal(&headers(signature), BODY),
            ErrorKind::WebhookSignature,
            "{signature}"
        );
    }
}

#[test]
fn the_time_may_differ_by_five_minutes() {
    let verify = |verifier: &WebhookVerifier, now| {
        let verified = verifier.verify(&headers(OLD_SIGNATURE), BODY.as_bytes(), at(now));
        verified.map_err(|error| error.kind())
    };
    let old = verifier(OLD);
    for now in [SENT - 300, SENT, SENT + 300] {
        assert_eq!(verify(&old, now), Ok(()), "{now}");
    }
    for now in [0, SENT - 301, SENT + 301, u64::from(u32::MAX)] {
        assert_eq!(verify(&old, now), Err(ErrorKind::StaleWebhook), "{now}");
    }
    let strict = verifier(OLD).tolerance(Duration::from_secs(10));
    assert_eq!(verify(&strict, SENT + 10), Ok(()));
    assert_eq!(verify(&strict, SENT + 11), Err(ErrorKind::StaleWebhook));
}

#[test]
fn headers_that_are_missing_doubled_or_invalid_are_named() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut missing = headers(OLD_SIGNATURE);
        missing.remove(name);
        let error = verifier(OLD).verify(&missing, BODY.as_bytes(), at(SENT));
        let error = error.expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::MalformedWebhook);
        assert_eq!(
            error.to_string(),
            format!("missing or invalid header of a webhook: {name}")
        );
    }
    for name in ["webhook-id", "webhook-timestamp"] {
        let mut doubled = headers(OLD_SIGNATURE);
        let value = doubled[name].clone();
        doubled.append(name, value);
        assert_eq!(
            refusal(&doubled, BODY),
            ErrorKind::MalformedWebhook,
            "{name}"
        );
    }
    for (name, value) in [
        ("webhook-id", &b""[..]),
        ("webhook-id", b"\xff"),
        ("webhook-timestamp", b"soon"),
        ("webhook-timestamp", b"-1790000000"),
        ("webhook-timestamp", b"+1790000000"),
        ("webhook-timestamp", b"1790000000.0"),
        ("webhook-timestamp", b"99999999999999999999"),
        (
            "webhook-signature",
            b"v2,RYbUwyOIF735NuJHjPZbGtGUxsf1yRYHWe/3V0Y1qc4=",
        ),
        (
            "webhook-signature",
            b"RYbUwyOIF735NuJHjPZbGtGUxsf1yRYHWe/3V0Y1qc4=",
        ),
        ("webhook-signature", b"v1,not base64!"),
    ] {
        let mut headers = headers(OLD_SIGNATURE);
        headers.insert(name, HeaderValue::from_bytes(value).expect("a value"));
        let kind = refusal(&headers, BODY);
        assert_eq!(kind, ErrorKind::MalformedWebhook, "{name}: {value:?}");
    }
}

#[test]
fn secrets_are_checked_and_hidden() {
    for secret in ["", "  ", "whsec_", "whsec_%%%"] {
        let error = WebhookVerifier::new(secret).expect_err("no secret");
        assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{secret:?}");
    }
    let shown = format!("{:?}", verifier(OLD));
    assert_eq!(shown, "WebhookVerifier { secrets: 1, tolerance: 300s, .. }");
}
