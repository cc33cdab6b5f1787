//! Counts the values in a JSON text and how deep its brackets nest (RFC 8259), in one pass without memory. What
//! is no JSON is left for the reader to complain of.

use super::Limit;
use crate::config::Limits;
use crate::error::AppResult;

/// Refuses a text that is not worth reading.
pub(super) fn check(limits: &Limits, text: &[u8]) -> AppResult<()> {
    let of = |name, what, most| Limit {
        field: "body",
        name,
        what,
        most,
    };
    let most_values = of("jsonValues", "value(s) in its JSON", limits.json_values);
    let most_nesting = of(
        "nesting",
        "level(s) of brackets in its JSON",
        limits.nesting,
    );
    let (mut values, mut nesting) = (0_u64, 0_u64);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                nesting += 1;
                most_nesting.check(nesting)?;
                values += 1;
            }
            b'}' | b']' => nesting = nesting.saturating_sub(1),
            // Every value but the first of a list or an object comes after one.
            b',' => values += 1,
            _ => continue,
        }
        most_values.check(values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> Option<&'static str> {
        let told = check(&Limits::default(), text.as_bytes()).err()?;
        told.limit().map(|(name, _)| name)
    }

    #[test]
    fn values_and_levels_are_counted_outside_of_strings() {
        // A list is one value, and each of its own but the first another.
        let list = |n: usize| format!("[{}1]", "1,".repeat(n - 1));
        assert_eq!(refused(&list(2_000)), None);
        assert_eq!(refused(&list(2_001)), Some("jsonValues"));
        let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(refused(&nest(32)), None);
        assert_eq!(refused(&nest(33)), Some("nesting"));
        let inside = format!(
            r#"{{"query": "{}\"{}"}}"#,
            "[".repeat(99),
            ",".repeat(9_999)
        );
        assert_eq!(refused(&inside), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = check(&Limits::default(), &bytes);
        }
    }
}
