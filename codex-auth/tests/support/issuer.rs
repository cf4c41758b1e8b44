//! A simulated issuer: its keys, and the ID tokens that it signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;

use super::START;

pub const ISSUER: &str = "https://auth.openai.com";
pub const CLIENT: &str = "oaiapp_invented";
/// The nonce of a sign-in whose random bytes are all seven.
pub const NONCE: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

pub fn key(number: u8) -> KeyPair {
    let der = std::fs::read(format!(
        "{}/../testdata/auth/rsa-{number}.pkcs8.der",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    KeyPair::from_pkcs8(&der).unwrap()
}

pub fn key_set(numbers: &[u8]) -> String {
    let keys: Vec<String> = numbers
        .iter()
        .map(|number| {
            let public = PublicKeyComponents::<Vec<u8>>::from(key(*number).public());
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            format!(r#"{{"kty":"RSA","use":"sig","alg":"RS256","kid":"key-{number}","n":"{}","e":"{}"}}"#, encode(&public.n), encode(&public.e))
        })
        .collect();
    format!(
        r#"{{"keys":[{{"kty":"EC","kid":"other"}},{}]}}"#,
        keys.join(",")
    )
}

pub fn signed(number: u8, header: &str, claims: &str) -> String {
    let signing = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let pair = key(number);
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signing.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signing}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns an ID token in which these claims replace the correct ones; null removes a claim.
pub fn id_token(changed: &[(&str, &str)]) -> String {
    let mut claims = vec![
        ("iss".to_owned(), format!("\"{ISSUER}\"")),
        ("aud".to_owned(), format!("[\"{CLIENT}\"]")),
        ("sub".to_owned(), "\"user-1\"".to_owned()),
        ("exp".to_owned(), (START + 3600).to_string()),
        ("iat".to_owned(), START.to_string()),
        ("nonce".to_owned(), format!("\"{}\"", NONCE)),
        ("email".to_owned(), "\"me@example.com\"".to_owned()),
    ];
    for (name, value) in changed {
        claims.retain(|(known, _)| known != name);
        claims.push(((*name).to_owned(), (*value).to_owned()));
    }
    let members: Vec<String> = claims
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    signed(
        1,
        r#"{"alg":"RS256","kid":"key-1"}"#,
        &format!("{{{}}}", members.join(",")),
    )
}
