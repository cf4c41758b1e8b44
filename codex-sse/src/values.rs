//! Small values take far more memory than bytes on the wire: `0,` becomes an element of a list. The
//! values of a large payload are counted before it is read, so that no event takes more than a
//! fixed multiple of the frame limit.

use crate::Error;

/// Checks that the memory of a payload stays within [`MULTIPLE`] times the limit.
pub(crate) fn check(json: &str, offset: Option<u64>, limit: usize) -> Result<(), Error> {
    let held = count(json.as_bytes()).saturating_mul(PER_VALUE);
    if held.saturating_add(json.len()) > limit.saturating_mul(MULTIPLE) {
        return Err(Error::too_many_values(offset, limit));
    }
    Ok(())
}

/// Returns the number of values outside of strings, plus one.
fn count(json: &[u8]) -> usize {
    let mut values = 1;
    let mut rest = json;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b',' | b'[' | b'{' => values += 1,
            b'"' => {
                while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
                    let is_end = rest[at] == b'"';
                    rest = rest
                        .get(at + if is_end { 1 } else { 2 }..)
                        .unwrap_or_default();
                    if is_end {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    values
}

/// More than any value without text takes.
const PER_VALUE: usize = 256;

/// The memory that an event may take, as a multiple of the limit.
const MULTIPLE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        assert_eq!(count(br#"{"a,[":[0,"\",\\",1]}"#), 5);
        assert_eq!(count(b"\"unfinished"), 1);
        assert!(check("[0,0,0]", None, 1024).is_ok());
        let many = ["[", &"0,".repeat(4096), "0]"].concat();
        let error = check(&many, Some(7), 8192).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an event has too many values for the limit of 8192 bytes at offset 7"
        );
    }
}
