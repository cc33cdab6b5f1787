//! Counts a document's tokens and how deep its brackets nest, as the lexical grammar says (GraphQL,
//! section 2.1), in one pass without memory. Comments count too. What is no token is left for the parser to
//! complain of.

use super::Limit;
use crate::config::Limits;
use crate::error::AppResult;

/// Refuses a text that is not worth parsing.
pub(super) fn check(limits: &Limits, text: &str) -> AppResult<()> {
    let of = Limit::of_document;
    of("documentBytes", "byte(s)", limits.document_bytes).check(text.len() as u64)?;
    let most_tokens = of("tokens", "token(s)", limits.tokens);
    let most_nesting = of("nesting", "level(s) of brackets", limits.nesting);
    // A name comes back in the error that complains of it, and again in each that complains of its neighbours.
    let longest_name = of(
        "nameBytes",
        "byte(s) in a name or a number",
        limits.name_bytes,
    );
    let (mut tokens, mut nesting) = (0, 0_u64);
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = after;
                continue;
            }
            // No token to the grammar, but work to the parser: thirty thousand of them took it 6 ms.
            b'#' => skip_while(after, |byte| !matches!(byte, b'\n' | b'\r')),
            b'"' => skip_string(after),
            b'{' | b'[' | b'(' => {
                nesting += 1;
                most_nesting.check(nesting)?;
                after
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                after
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let after = skip_while(after, is_name);
                longest_name.check((rest.len() - after.len()) as u64)?;
                after
            }
            b'0'..=b'9' | b'-' => {
                let after = skip_while(after, |byte| is_name(byte) || b"+-.".contains(byte));
                longest_name.check((rest.len() - after.len()) as u64)?;
                after
            }
            _ => after.strip_prefix(b"..").unwrap_or(after),
        };
        tokens += 1;
        most_tokens.check(tokens)?;
    }
    Ok(())
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

fn skip_while(text: &[u8], is_inside: impl Fn(&u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !is_inside(byte));
    &text[end.unwrap_or(text.len())..]
}

/// What follows a string whose first quote is gone.
fn skip_string(text: &[u8]) -> &[u8] {
    let Some(block) = text.strip_prefix(b"\"\"") else {
        return skip_line_string(text);
    };
    let mut rest = block;
    loop {
        rest = skip_while(rest, |byte| !matches!(byte, b'"' | b'\\'));
        rest = match rest {
            [] => return rest,
            [b'"', b'"', b'"', after @ ..] => return after,
            [b'\\', b'"', b'"', b'"', after @ ..] | [_, after @ ..] => after,
        };
    }
}

/// A string on one line; an empty one leaves its second quote to be skipped here.
fn skip_line_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        rest = skip_while(rest, |byte| !matches!(byte, b'"' | b'\\' | b'\n' | b'\r'));
        rest = match rest {
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] => after,
            // Unfinished: the parser says so.
            _ => return rest.get(1..).unwrap_or_default(),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> Option<String> {
        check(&Limits::default(), text)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_thousand_tokens_pass_and_one_more_does_not() {
        let names = "a ".repeat(1_000);
        assert_eq!(refused(&names), None);
        let told = refused(&format!("{names} b")).unwrap();
        assert_eq!(told, "A document has at most 1000 tokens.");
    }

    #[test]
    fn names_and_numbers_have_128_bytes_and_texts_more() {
        for token in ["a", "1"] {
            assert_eq!(refused(&token.repeat(128)), None);
            let told = refused(&token.repeat(129)).unwrap();
            assert_eq!(
                told,
                "A document has at most 128 bytes in a name or a number."
            );
        }
        assert_eq!(refused(&format!("\"{}\"", "a".repeat(60_000))), None);
        let told = refused(&" ".repeat(65_537)).unwrap();
        assert_eq!(told, "A document has at most 65536 bytes.");
    }

    #[test]
    fn strings_and_spreads_count_as_the_grammar_says() {
        // 9 tokens each: { a ( b : <string> ) } ... without what is inside strings.
        for text in [
            r#"{ a (b: "x { [ ( \" # y") ...}"#,
            "{ a (b: \"\"\"x \" \\\"\"\" { # \n y\"\"\") ...}",
            "{,a,(b:\"\"),,...}",
            "{ a (b: -1.5e+3) ...}",
        ] {
            let hundred = text.to_owned() + "\n";
            let (fits, over) = (hundred.repeat(111), hundred.repeat(112));
            assert!(refused(&fits).is_none(), "{text}");
            assert!(refused(&over).is_some(), "{text}");
        }
    }

    #[test]
    fn a_comment_counts_as_a_token_whatever_is_in_it() {
        assert_eq!(refused(&"# { a b\n".repeat(1_000)), None);
        assert!(refused(&"#\n".repeat(1_001)).is_some());
    }

    #[test]
    fn brackets_nest_32_deep_and_no_deeper() {
        assert_eq!(refused(&("{".repeat(32) + &"}".repeat(32))), None);
        let told = refused(&"[{(".repeat(11)).unwrap();
        assert_eq!(told, "A document has at most 32 levels of brackets.");
        assert_eq!(refused(&"{}".repeat(500)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text in "(\\PC|[\"\\\\\n{}()#.]){0,300}") {
            let _ = check(&Limits::default(), &text);
        }
    }
}
