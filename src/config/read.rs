//! Reads variables one by one and keeps every fault for the end.

use std::ffi::OsString;

use super::ConfigError;

/// Collects faults while variables are read.
pub(super) struct Reader<L> {
    lookup: L,
    faults: Vec<String>,
}

impl<L: Fn(&str) -> Option<OsString>> Reader<L> {
    pub(super) fn new(lookup: L) -> Self {
        Self {
            lookup,
            faults: Vec::new(),
        }
    }

    /// Whether the variable has a value; an empty one counts as unset.
    pub(super) fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| !value.is_empty())
    }

    /// The variable's text, if it is set.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
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
