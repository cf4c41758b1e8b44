//! ID tokens: every claim, every algorithm, every key set.
#![cfg(feature = "verify")]

use codex_auth::{IdTokenRules, KeySet, Secret};

use crate::support::issuer::{CLIENT, ISSUER, NONCE, id_token, key_set, signed};
use crate::support::{START, start};

#[test]
fn every_claim_of_an_id_token_is_checked() {
    let rules_nonce = Secret::from(NONCE);
    let rules = IdTokenRules::new(ISSUER, CLIENT)
        .with_nonce(&rules_nonce)
        .with_subject("user-1");
    let keys = KeySet::from_json(key_set(&[1]).as_bytes()).unwrap();
    let verify = |changed: &[(&str, &str)]| {
        keys.verify(&Secret::from(id_token(changed)), &rules, start())
            .map_err(|error| error.to_string())
    };
    let good: &[&[(&str, &str)]] = &[
        &[],
        &[("aud", "\"oaiapp_invented\"")],
        &[
            ("aud", "[\"oaiapp_invented\",\"other\"]"),
            ("azp", "\"oaiapp_invented\""),
        ],
        &[("exp", "1767322741")],
        &[("iat", "1767322860")],
        &[("extra", "{\"x\":[1]}")],
    ];
    for changed in good {
        assert!(verify(changed).is_ok(), "{changed:?}");
    }
    let bad: &[(&str, &str, &str)] = &[
        ("iss", "\"https://auth.openai.com/\"", "another issuer"),
        ("iss", "null", "another issuer"),
        (
            "aud",
            "\"dynamic_agent_client\"",
            "audience is another client",
        ),
        ("aud", "[]", "audience is another client"),
        (
            "aud",
            "[\"oaiapp_invented\",\"other\"]",
            "authorized party is another client",
        ),
        ("azp", "\"other\"", "authorized party is another client"),
        ("exp", "1767322740", "expired"),
        ("exp", "null", "no expiry time"),
        ("iat", "1767322861", "not yet valid"),
        ("nbf", "1767322861", "not yet valid"),
        ("iat", "null", "no issue time"),
        ("sub", "\"\"", "no subject"),
        ("sub", "\"user-2\"", "subject is another user"),
        ("nonce", "\"other\"", "nonce does not match this sign-in"),
        ("nonce", "null", "nonce does not match this sign-in"),
    ];
    for (name, value, text) in bad {
        assert_eq!(
            verify(&[(name, value)]).unwrap_err(),
            format!("invalid ID token: {text}"),
            "{name} {value}"
        );
    }
}

#[test]
fn signatures_are_rs256_by_a_key_of_the_set() {
    let rules = IdTokenRules::new(ISSUER, CLIENT);
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{CLIENT}","sub":"u","exp":{},"iat":{START}}}"#,
        START + 60
    );
    let keys = KeySet::from_json(key_set(&[1]).as_bytes()).unwrap();
    assert_eq!(keys.len(), 1);
    let verify = |token: String| {
        keys.verify(&Secret::from(token), &rules, start())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let by = |number: u8, header: &str| signed(number, header, &claims);
    assert_eq!(verify(by(1, r#"{"alg":"RS256","kid":"key-1"}"#)), Ok(()));
    assert_eq!(
        verify(by(1, r#"{"alg":"RS256"}"#)),
        Ok(()),
        "without a name every key is tried"
    );
    let failed = |text: &str| Err(format!("invalid ID token: {text}"));
    assert_eq!(
        verify(by(2, r#"{"alg":"RS256","kid":"key-1"}"#)),
        failed("signature is invalid")
    );
    assert_eq!(
        verify(by(2, r#"{"alg":"RS256","kid":"key-2"}"#)),
        failed("key is not in the key set")
    );
    for algorithm in ["none", "HS256", "RS512", "ES256", "rs256"] {
        assert_eq!(
            verify(by(1, &format!(r#"{{"alg":"{algorithm}","kid":"key-1"}}"#))),
            failed("algorithm is not RS256")
        );
    }
    let mut tampered = by(1, r#"{"alg":"RS256","kid":"key-1"}"#);
    tampered.replace_range(40..41, if &tampered[40..41] == "A" { "B" } else { "A" });
    assert!(verify(tampered).is_err());
    assert_eq!(verify("a.b".to_owned()).unwrap_err(), "malformed JWT");
    for set in ["", "[]", "{}", r#"{"keys":null}"#] {
        assert!(KeySet::from_json(set.as_bytes()).is_err());
    }
    assert!(
        KeySet::from_json(br#"{"keys":[{"kty":"RSA","n":"!","e":"AQAB"},5]}"#)
            .unwrap()
            .is_empty()
    );
}
