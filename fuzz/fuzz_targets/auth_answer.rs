//! Responses of an authority: each is parsed or rejected, its text is never shown, and an error
//! never contains a secret of the request.

#![no_main]

use std::time::{Duration, SystemTime};

use codex_auth::{
    ApiKeyExchange, DeviceFlow, Moment, OAuthProfile, Refresh, Revoke, Secret, SignInFlow,
    TokenSet, WhoAmI,
};
use libfuzzer_sys::fuzz_target;

const CANARY: &str = "canary/+ secret";

fuzz_target!(|input: (u16, &[u8], &str, &[u8])| {
    let (status, body, retry_after, second) = input;
    let now = Moment::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let answer = |body: &[u8]| {
        let mut answer = http::Response::new(bytes::Bytes::copy_from_slice(body));
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::OK);
        if let Ok(value) = retry_after.parse() {
            answer.headers_mut().insert("retry-after", value);
        }
        answer
    };
    let profile = OAuthProfile::codex();
    let secret = || Secret::from(CANARY);
    let tokens = TokenSet::new(secret()).with_refresh_token(secret());
    let errors = [
        Refresh::new(&profile, &tokens).and_then(|call| call.read(now, &answer(body)).map(drop)),
        Revoke::new(&profile, &tokens).and_then(|call| call.read(&answer(body)).map(drop)),
        ApiKeyExchange::new(&profile, secret()).and_then(|call| call.read(&answer(body)).map(drop)),
        WhoAmI::new(&profile, secret()).and_then(|call| call.read(&answer(body)).map(drop)),
    ];
    for error in errors.into_iter().filter_map(Result::err) {
        let shown = format!(
            "{error} {error:?} {:?} {:?}",
            error.description(),
            error.code()
        );
        assert!(!shown.contains(CANARY));
    }
    let mut device = DeviceFlow::new(&profile).expect("the profile has device login");
    for body in [body, second, body] {
        device.handle_response(now, answer(body));
        let _ = (
            device.poll(now),
            device.poll(now + Duration::from_secs(3600)),
        );
    }
});
