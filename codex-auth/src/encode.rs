//! Percent-encoding (RFC 3986 section 2) of query and form members. A space is `%20` in both: forms
//! accept it, and the authorize page requires it.

use core::fmt::Write as _;

/// Joins names and values into a query or a form body.
pub(crate) fn join<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::with_capacity(1024);
    for (name, value) in members {
        if !out.is_empty() {
            out.push('&');
        }
        percent_encode(&mut out, name);
        out.push('=');
        percent_encode(&mut out, value);
    }
    out
}

pub(crate) fn percent_encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Decodes the members of a query as the URL standard decodes forms: `+` is a space, and an invalid
/// escape is kept literally.
pub(crate) fn split(query: &str) -> Vec<(String, String)> {
    let members = query.split('&').filter(|member| !member.is_empty());
    members
        .map(|member| {
            let (name, value) = member.split_once('=').unwrap_or((member, ""));
            (percent_decode(name), percent_decode(value))
        })
        .collect()
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        out.push(match (byte, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => byte,
        });
    }
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoding_is_of_rfc_3986() {
        assert_eq!(
            join([("scope", "openid profile"), ("ü", "a&b=c+d~")]),
            "scope=openid%20profile&%C3%BC=a%26b%3Dc%2Bd~"
        );
    }

    #[test]
    fn decoding_never_fails() {
        let cases = [
            ("a+b", "a b"),
            ("%41%4a", "AJ"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%ff", "\u{fffd}"),
            ("%%41", "%A"),
        ];
        for (text, decoded) in cases {
            assert_eq!(percent_decode(text), decoded, "{text}");
        }
        assert_eq!(
            split("a&&b=1=2&=x"),
            [
                ("a".into(), "".into()),
                ("b".into(), "1=2".into()),
                ("".into(), "x".into())
            ]
        );
    }

    proptest! {
        #[test]
        fn what_is_joined_splits_again(members in prop::collection::vec((".+", ".*"), 0..5)) {
            let joined = join(members.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert!(joined.is_ascii());
            prop_assert_eq!(split(&joined), members);
        }
    }
}
