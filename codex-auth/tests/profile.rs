//! Profiles of other authorities than the built-in ones.

use codex_auth::{BodyFormat, OAuthProfile};

/// A profile of another authority names no address of OpenAI.
#[test]
fn a_custom_profile_stays_with_its_issuer() {
    let profile = OAuthProfile::custom("https://login.example/", "client");
    assert_eq!(
        (profile.issuer.as_str(), profile.client_id.as_str()),
        ("https://login.example", "client")
    );
    assert_eq!(
        [
            profile.authorize_endpoint.as_str(),
            profile.token_endpoint.as_str(),
            profile.revoke_endpoint.as_deref().unwrap(),
        ],
        [
            "https://login.example/oauth/authorize",
            "https://login.example/oauth/token",
            "https://login.example/oauth/revoke",
        ]
    );
    assert_eq!(
        profile.redirect.uri(1234).unwrap(),
        "http://127.0.0.1:1234/auth/callback"
    );
    assert_eq!(
        [profile.refresh_format, profile.revoke_format],
        [BodyFormat::Form; 2]
    );
    assert_eq!(profile.scopes, ["openid", "offline_access"]);
    assert!(profile.authorize_parameters.is_empty() && profile.device.is_none());
    assert!(profile.jwks_endpoint.is_none() && profile.whoami_endpoint.is_none());
    let shown = format!("{profile:?}");
    assert!(
        !shown.contains("openai") && !shown.contains("chatgpt"),
        "{shown}"
    );
}
