//! The wait in the text of an error message.

use core::time::Duration;

/// Returns the time in a message such as "Please try again in 1.5s", "in 250ms", "in 3 seconds" or
/// "in 1m30s".
///
/// Rounds down to milliseconds; a time that `Duration` cannot hold is ignored.
pub(crate) fn in_message(message: &str) -> Option<Duration> {
    const WORDS: &str = "try again in";
    let start = find_ignore_case(message, WORDS)? + WORDS.len();
    duration(message.get(start..)?)
}

/// Reads a time such as `1.5s`, `250ms`, `6m0s` or `3 seconds` at the start of a text.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut total: Option<Duration> = None;
    let mut rest = text.trim_start();
    loop {
        let digits = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
            .count();
        let (number, after) = rest.split_at(digits);
        // A full stop may follow a number, but then no unit does.
        let Ok(value) = number.parse::<f64>() else {
            return total;
        };
        let after = after.trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let Some(seconds) = seconds_in(unit) else {
            return total;
        };
        let part = Duration::try_from_secs_f64(value * seconds).ok()?;
        total = Some(total.unwrap_or_default().checked_add(part)?);
        rest = after;
    }
}

/// Returns the number of seconds in a unit.
fn seconds_in(unit: &str) -> Option<f64> {
    const UNITS: [(&[&str], f64); 5] = [
        (&["ms", "millisecond", "milliseconds"], 0.001),
        (&["s", "sec", "secs", "second", "seconds"], 1.0),
        (&["m", "min", "mins", "minute", "minutes"], 60.0),
        (&["h", "hour", "hours"], 3600.0),
        (&["d", "day", "days"], 86_400.0),
    ];
    UNITS
        .iter()
        .find(|(names, _)| names.iter().any(|name| unit.eq_ignore_ascii_case(name)))
        .map(|(_, seconds)| *seconds)
}

fn find_ignore_case(text: &str, words: &str) -> Option<usize> {
    text.as_bytes()
        .windows(words.len())
        .position(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wordings_seen_in_the_wild() {
        let millis = |message| in_message(message).map(|delay| delay.as_millis());
        assert_eq!(millis("Please try again in 11.054s. Visit"), Some(11_054));
        assert_eq!(millis("Try Again In 28ms."), Some(28));
        assert_eq!(millis("try again in 35 seconds"), Some(35_000));
        assert_eq!(millis("try again in 250 ms"), Some(250));
        assert_eq!(millis("try again in 6m0s"), Some(360_000));
        assert_eq!(millis("try again in 1h2m3.5s."), Some(3_723_500));
        assert_eq!(millis("try again in a while"), None);
        assert_eq!(millis("try again in 5"), None);
        assert_eq!(millis("try again in 5 parsecs"), None);
        assert_eq!(millis("try again in 1e400s"), None);
        let endless = "try again in ".to_owned() + &"9".repeat(400) + "s";
        assert_eq!(millis(&endless), None);
        assert_eq!(millis("please try again"), None);
        assert_eq!(millis("essayé: try again in 2s"), Some(2000));
    }

    use alloc::borrow::ToOwned;
}
