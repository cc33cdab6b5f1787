//! Which passwords are too easy to guess.

use zxcvbn::{Score, zxcvbn};

/// What somebody needs who guesses offline, against a slow hash: ten to the eighth guesses and more.
const ENOUGH: Score = Score::Three;

/// What is wrong with a password for somebody of whom `about` is known; nothing if it is hard to guess.
///
/// Judged by its first hundred characters, in a time that does not grow after that.
pub(super) fn complaint(password: &str, about: &[&str]) -> Option<String> {
    let judged = zxcvbn(password, about);
    if judged.score() >= ENOUGH {
        return None;
    }
    let mut complaint = "This password is easy to guess.".to_owned();
    let advice = judged.feedback().into_iter().flat_map(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        let suggestions = feedback.suggestions().iter().map(ToString::to_string);
        warning.into_iter().chain(suggestions)
    });
    for sentence in advice {
        complaint.push(' ');
        complaint.push_str(&sentence);
    }
    Some(complaint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_patterns_and_ones_own_names_are_easy_to_guess() {
        let about = ["ada.lovelace", "ada@example.org", "Ada Lovelace"];
        for easy in [
            "letmein12345",
            "12345678",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "Lovelace1815",
            "ada.lovelace!",
        ] {
            let told = complaint(easy, &about);
            assert!(told.is_some(), "{easy}");
            assert!(!told.unwrap().contains(easy), "{easy} is repeated");
        }
        for hard in [
            "correct horse battery staple",
            "vK9$mq2!xT",
            "sieben kleine Wale singen",
        ] {
            assert_eq!(complaint(hard, &about), None, "{hard}");
        }
    }
}
