//! Any text from a browser or a clipboard: without the state, no code is exchanged, and with it, at
//! most one.

#![no_main]

use std::time::{Duration, SystemTime};

use codex_auth::{
    BrowserSignIn, Entropy, ErrorKind, Incoming, LoopbackConnection, Moment, OAuthProfile,
    SignInFlow, Step,
};
use libfuzzer_sys::fuzz_target;

const STATE: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fuzz_target!(|input: (&[u8], &str, &str, usize)| {
    let (bytes, target, rest, cut) = input;
    let now = Moment::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
    let begin = || {
        BrowserSignIn::new(OAuthProfile::codex(), 1455)
            .begin(now, &Entropy::from_bytes([7; 128]))
            .expect("the profile is valid")
    };

    let mut flow = begin();
    let taken = flow.handle_redirect(now, target).is_ok();
    assert!(!taken || target.contains(STATE) || target.contains('%'));
    let sends = (0..3).any(|_| matches!(flow.poll(now), Ok(Step::Send(_))));
    assert_eq!(taken, sends);

    // With the state, the redirect is accepted, rejected for good, or rejected because the rest
    // repeats the state.
    let mut flow = begin();
    let right = format!("/auth/callback?state={STATE}&{rest}");
    if let Err(error) = flow.handle_redirect(now, &right) {
        assert_eq!(
            flow.poll(now).is_err(),
            error.kind() != ErrorKind::StateMismatch
        );
    } else {
        assert!(
            flow.handle_redirect(now, &right).is_err(),
            "a state is used up"
        );
    }

    let mut flow = begin();
    let _ = flow.handle_pasted(now, target);
    let _ = flow.poll(now);

    let whole = LoopbackConnection::new(flow.redirect_uri()).feed(bytes);
    let mut connection = LoopbackConnection::new(flow.redirect_uri());
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let pieces = match connection.feed(first) {
        Incoming::NeedMore => connection.feed(second),
        done => done,
    };
    assert_eq!(whole, pieces, "pieces change nothing");
});
