//! Ids that the gateway makes.

use ring::rand::{SecureRandom as _, SystemRandom};

/// Returns a random id with this prefix.
pub(crate) fn random(prefix: &str) -> String {
    let mut bytes = [0; 24];
    // Without random numbers the ids are just not globally unique: nothing relies on that.
    let _ = SystemRandom::new().fill(&mut bytes);
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.fold(prefix.to_owned(), |id, digit| id + &digit)
}
