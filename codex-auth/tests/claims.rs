//! Parsing JWTs: whatever they contain, the result is a value or a typed error, never a panic.

use core::time::Duration;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use codex_auth::{AccountIdOrigin, Claims, ErrorKind, Plan, Secret, TokenSet};
use proptest::prelude::*;

use crate::support::jwt;

fn claims(json: &str) -> Claims {
    Claims::from_jwt(&jwt(json)).unwrap()
}

#[test]
fn claims_are_found_where_they_are_and_missing_ones_are_none() {
    let empty = claims("{}");
    assert_eq!(empty, Claims::default());
    assert_eq!(
        (
            empty.account_id(),
            empty.plan(),
            empty.email(),
            empty.expires_at(),
            empty.is_fedramp()
        ),
        (None, None, None, None, false)
    );

    let full = claims(
        r#"{"iss":"i","sub":"s","aud":["a","b"],"azp":"a","nonce":"n","exp":1767322800,"iat":1767319200,"email":"me@example.com",
            "https://api.openai.com/auth":{"chatgpt_account_id":"acct-1","chatgpt_user_id":"u","user_id":"old","chatgpt_plan_type":"Pro","chatgpt_account_is_fedramp":true},
            "https://api.openai.com/profile":{"email":"other@example.com"},"organizations":[{"id":"org-1","title":"t"},{"id":"org-2"}]}"#,
    );
    assert_eq!(
        (
            full.issuer(),
            full.subject(),
            full.authorized_party(),
            full.nonce()
        ),
        (Some("i"), Some("s"), Some("a"), Some("n"))
    );
    assert_eq!(
        (full.account_id(), full.user_id(), full.email()),
        (Some("acct-1"), Some("u"), Some("me@example.com"))
    );
    assert_eq!((full.plan(), full.is_fedramp()), (Some(&Plan::Pro), true));
    assert_eq!(
        full.expires_at(),
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_322_800))
    );
    assert_eq!(
        (full.audience(), full.organizations()),
        (
            &["a".to_owned(), "b".to_owned()][..],
            &["org-1".to_owned(), "org-2".to_owned()][..]
        )
    );
    assert!(!format!("{full:?}").contains("example.com"));

    let fallback = claims(
        r#"{"aud":"one","https://api.openai.com/profile":{"email":"p@example.com"},"https://api.openai.com/auth":{"user_id":"old"}}"#,
    );
    assert_eq!(
        (fallback.email(), fallback.user_id(), fallback.audience()),
        (Some("p@example.com"), Some("old"), &["one".to_owned()][..])
    );
    // Members of the wrong type count as missing.
    let wrong = claims(
        r#"{"exp":"never","email":5,"aud":{},"organizations":"x","https://api.openai.com/auth":[]}"#,
    );
    assert_eq!(wrong, Claims::default());
}

#[test]
fn plans_have_aliases_and_unknown_ones_are_kept() {
    for (name, plan, workspace) in [
        ("FREE", Plan::Free, false),
        ("prolite", Plan::ProLite, false),
        ("hc", Plan::Enterprise, true),
        ("enterprise", Plan::Enterprise, true),
        ("education", Plan::Edu, true),
        (
            "self_serve_business_usage_based",
            Plan::SelfServeBusinessUsageBased,
            true,
        ),
        (
            "enterprise_cbp_usage_based",
            Plan::EnterpriseCbpUsageBased,
            true,
        ),
    ] {
        assert_eq!(Plan::from(name), plan);
        assert_eq!(plan.is_workspace(), workspace);
        assert_eq!(Plan::from(plan.as_str()), plan);
    }
    let unknown = Plan::from("GalacticPlan");
    assert_eq!(
        (
            unknown.as_str(),
            unknown.is_workspace(),
            unknown.to_string()
        ),
        ("GalacticPlan", false, "GalacticPlan".to_owned())
    );
}

#[test]
fn anything_else_is_a_malformed_token() {
    for token in [
        "",
        ".",
        "..",
        "a",
        "a.b",
        "a..c",
        ".b.c",
        "a.b.",
        "a.e30.c.d",
        "a.!!.c",
        "a.W10.c",
        "a.bnVsbA.c",
        "a.eyI.c",
        "a.e30 .c",
    ] {
        let error = Claims::from_jwt(token).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::MalformedToken, "malformed JWT"),
            "{token}"
        );
    }
    assert!(
        Claims::from_jwt(&format!("e30.{}.c2ln", URL_SAFE.encode(r#"{"sub":"a"}"#))).is_ok(),
        "padding does no harm"
    );
}

#[test]
fn the_account_is_looked_for_in_this_order() {
    let with = |account: &str| {
        jwt(&format!(
            r#"{{"https://api.openai.com/auth":{{"chatgpt_account_id":"{account}"}},"organizations":[{{"id":"org-{account}"}}]}}"#
        ))
    };
    let organization = jwt(r#"{"organizations":[{"id":"org-9"}]}"#);
    let set = |access: &str, id: &str| {
        TokenSet::new(Secret::from(access)).with_id_token(Secret::from(id))
    };
    let found = |set: TokenSet| set.account_id();
    let is = |id: &str, origin| Some((id.to_owned(), origin));
    assert_eq!(
        found(set(&with("a"), &with("i")).with_account_id("explicit")),
        is("explicit", AccountIdOrigin::Explicit)
    );
    assert_eq!(
        found(set(&with("a"), &with("i"))),
        is("i", AccountIdOrigin::IdToken)
    );
    assert_eq!(
        found(set(&with("a"), "garbage")),
        is("a", AccountIdOrigin::AccessToken)
    );
    assert_eq!(
        found(set(&with("a"), &organization)),
        is("a", AccountIdOrigin::AccessToken)
    );
    assert_eq!(
        found(set("opaque", &organization)),
        is("org-9", AccountIdOrigin::Organization)
    );
    assert_eq!(found(set("opaque", "")), None);
    let top_level = jwt(r#"{"chatgpt_account_id":"top"}"#);
    assert_eq!(
        found(set(&top_level, "")),
        is("top", AccountIdOrigin::AccessToken)
    );
    assert_eq!(found(set("opaque", "").with_account_id("  ")), None);
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(token in ".{0,200}") {
        let _ = Claims::from_jwt(&token);
    }

    #[test]
    fn no_payload_makes_it_panic(payload in ".{0,200}") {
        let _ = Claims::from_jwt(&jwt(&payload));
        let _ = Claims::from_json(payload.as_bytes());
    }

    #[test]
    fn no_number_makes_it_panic(expires in any::<f64>(), issued in any::<i64>()) {
        let token = jwt(&format!(r#"{{"exp":{expires},"iat":{issued}}}"#));
        if let Ok(claims) = Claims::from_jwt(&token) {
            let _ = (claims.expires_at(), claims.issued_at());
            let _ = TokenSet::new(Secret::from(token)).expires_at();
        }
    }
}
