//! Reads variables one by one and keeps every fault for the end.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::RangeInclusive;

use super::ConfigError;

/// Collects faults while variables are read.
pub(super) struct Reader<L> {
    lookup: L,
    faults: Vec<String>,
    /// Every name that was asked for: there are no others.
    known: BTreeSet<String>,
}

impl<L: Fn(&str) -> Option<OsString>> Reader<L> {
    pub(super) fn new(lookup: L) -> Self {
        Self {
            lookup,
            faults: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// Whether the variable has a value; an empty one counts as unset.
    pub(super) fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| !value.is_empty())
    }

    /// The variable's text, if it is set.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.known.insert(name.to_owned());
        let value = (self.lookup)(name).filter(|value| !value.is_empty())?;
        match value.into_string() {
            Ok(text) => Some(text),
            Err(_) => {
                self.fault(format!("{name} is not UTF-8"));
                None
            }
        }
    }

    /// What `parse` makes of the variable, if it is set. `rule` completes the sentence "NAME ...".
    ///
    /// The value itself is not repeated: it may be a secret in the wrong place.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(text.trim());
        if parsed.is_none() {
            self.fault(format!("{name} {rule}; its value is something else"));
        }
        parsed
    }

    /// A whole number in this range, if it is set.
    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let rule = format!("is a number from {} to {}", range.start(), range.end());
        self.parsed(name, &rule, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// `on` or `off`, or the default.
    pub(super) fn switch(&mut self, name: &str, default: bool) -> bool {
        self.parsed(name, "is on or off", |text| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
        .unwrap_or(default)
    }

    /// Passes the value on, with a fault noted if it does not hold.
    pub(super) fn check<T>(&mut self, name: &str, holds: bool, rule: &str, value: T) -> T {
        if !holds {
            self.fault(format!("{name} {rule}; its value is something else"));
        }
        value
    }

    pub(super) fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// Notes a fault for each of these names that means to be ours and is not: a limit that is misspelt would
    /// be thought to hold. Call it after everything was read.
    pub(super) fn reject_unknown(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if name.starts_with("PARLOR_") && !self.known.contains(&name) && !is_elsewhere(&name) {
                let meant = self
                    .nearest(&name)
                    .map_or_else(String::new, |known| format!("; {known} may be meant"));
                self.fault(format!("{name} is no setting{meant}"));
            }
        }
    }

    /// The known name that this one differs from by a slip or two.
    fn nearest(&self, name: &str) -> Option<String> {
        let distance = |known: &&String| strsim::damerau_levenshtein(known, name);
        let nearest = self.known.iter().min_by_key(distance)?;
        (distance(&nearest) <= 3).then(|| nearest.clone())
    }

    /// The value, if nothing was wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(ConfigError {
                faults: self.faults,
            })
        }
    }
}

/// Not meant for the program: what container platforms set, without being asked, for a service that is called
/// `parlor`, and what the scripts read.
fn is_elsewhere(name: &str) -> bool {
    let rest = name.strip_prefix("PARLOR_").unwrap_or_default();
    matches!(rest, "GET_POSTGRES" | "NAME" | "PORT" | "URL")
        || rest.starts_with("PORT_")
        || rest.starts_with("SERVICE_")
        || rest.starts_with("ENV_")
}
