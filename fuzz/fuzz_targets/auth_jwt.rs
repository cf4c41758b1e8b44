//! A JWT, its claims and a key set: each returns a value or a typed error, and a token with a
//! foreign signature is never accepted.

#![no_main]

use std::time::SystemTime;

use codex_auth::{Claims, ErrorKind, IdTokenRules, KeySet, Plan, Secret, TokenSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (token, payload, keys) = input;
    match Claims::from_jwt(token) {
        Ok(claims) => {
            let _ = (claims.expires_at(), claims.issued_at(), claims.not_before());
            if let Some(plan) = claims.plan() {
                assert_eq!(&Plan::from(plan.as_str()), plan);
            }
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::MalformedToken),
    }
    let _ = Claims::from_json(payload);
    let tokens = TokenSet::new(Secret::from(token)).with_id_token(Secret::from(token));
    let _ = (
        tokens.account_id(),
        tokens.expires_at(),
        tokens.is_fedramp(),
    );
    if let Ok(keys) = KeySet::from_json(keys) {
        let rules = IdTokenRules::new("https://auth.openai.com", "client");
        let token = Secret::from(token);
        assert!(keys.verify(&token, &rules, SystemTime::UNIX_EPOCH).is_err());
    }
});
