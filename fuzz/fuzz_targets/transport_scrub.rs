//! Scrubbing: whatever surrounds it, a named secret does not survive, nor does the value of a credential's member; lengths stay, and
//! scrubbing twice changes nothing more.
#![no_main]

use codex_transport::cassette::Scrubber;
use libfuzzer_sys::fuzz_target;

const SECRET: &[u8] = b"Zq7-secret-Zq7";

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (before, between, after) = input;
    // In the open, named by the caller.
    let text = [before.as_slice(), SECRET, &between, SECRET, &after].concat();
    let mut scrubbed = text.clone();
    let scrubber = Scrubber::default().secret(SECRET);
    scrubber.scrub(&mut scrubbed);
    assert_eq!(scrubbed.len(), text.len());
    assert!(!contains(&scrubbed, SECRET));
    let mut again = scrubbed.clone();
    scrubber.scrub(&mut again);
    assert_eq!(again, scrubbed);

    // As the value of a member that carries credentials, behind anything that leaves the member what it is.
    let member = [
        before.as_slice(),
        b"\n\"access_token\" : \"",
        SECRET,
        b"\"",
        &after,
    ]
    .concat();
    let mut scrubbed = member.clone();
    Scrubber::default().scrub(&mut scrubbed);
    assert_eq!(scrubbed.len(), member.len());
    if !before.contains(&b'"')
        && !before.contains(&b'=')
        && !contains(&before, SECRET)
        && !contains(&after, SECRET)
    {
        assert!(!contains(&scrubbed, SECRET));
    }
});

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
