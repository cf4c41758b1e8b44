//! Scrubbing: a named secret never survives, whatever surrounds it, nor does the value of a member
//! that carries a credential; lengths stay, and scrubbing again changes nothing.
#![no_main]

use codex_transport::cassette::Scrubber;
use libfuzzer_sys::fuzz_target;

const SECRET: &[u8] = b"Zq7-secret-Zq7";

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (before, between, after) = input;
    // As plain text that the caller has named.
    let text = [before.as_slice(), SECRET, &between, SECRET, &after].concat();
    let mut scrubbed = text.clone();
    let scrubber = Scrubber::default().secret(SECRET);
    scrubber.scrub(&mut scrubbed);
    assert_eq!(scrubbed.len(), text.len());
    assert!(!contains(&scrubbed, SECRET));
    let mut again = scrubbed.clone();
    scrubber.scrub(&mut again);
    assert_eq!(again, scrubbed);

    // As the value of a member that carries credentials, after any text that does not change the
    // member.
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
