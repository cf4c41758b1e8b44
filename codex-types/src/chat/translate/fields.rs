//! Refuses parameters by name, omits them with a diagnostic, or accepts neutral values.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Extra;
use crate::chat::translate::{RequestOptions, TranslateError, TranslateErrorKind};
use crate::lint::{Finding, FindingCode, push_step};
use crate::profile::ChatDialect;

/// The policy for parameters without a counterpart, and the diagnostics of omitted ones.
pub(super) struct Refusals<'a> {
    options: &'a RequestOptions,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Refusals<'a> {
    pub(super) fn new(options: &'a RequestOptions) -> Self {
        Self {
            options,
            findings: Vec::new(),
        }
    }

    /// Refuses a parameter that is present and not neutral, unless the options leave it out.
    pub(super) fn refuse_if(
        &mut self,
        is_there: bool,
        parameter: &str,
    ) -> Result<(), TranslateError> {
        if is_there {
            self.refuse(TranslateErrorKind::Unsupported, parameter)
        } else {
            Ok(())
        }
    }

    pub(super) fn refuse(
        &mut self,
        kind: TranslateErrorKind,
        parameter: &str,
    ) -> Result<(), TranslateError> {
        if !self.options.ignores(parameter) {
            return Err(TranslateError::new(kind, parameter));
        }
        self.note_if(true, parameter);
        Ok(())
    }

    /// Refuses a value by its location, and names it.
    pub(super) fn refuse_named(
        &mut self,
        code: FindingCode,
        parameter: &str,
        what: &str,
    ) -> Result<(), TranslateError> {
        if !self.options.ignores(parameter) {
            return Err(TranslateError::unsupported(parameter).naming(what));
        }
        let left_out = format!("({what}) was left out: it has no counterpart");
        self.note(code, parameter, &left_out);
        Ok(())
    }

    /// Refuses unknown keys, and known keys of the wrong type.
    pub(super) fn refuse_extra(
        &mut self,
        extra: &Extra,
        parent: &str,
        passed: &[&str],
    ) -> Result<(), TranslateError> {
        for (name, value) in extra.iter() {
            if !value.is_null() && !passed.contains(&name) {
                let parameter = if parent.is_empty() {
                    String::from(name)
                } else {
                    format!("{parent}.{name}")
                };
                self.refuse(TranslateErrorKind::Unsupported, &parameter)?;
            }
        }
        Ok(())
    }

    /// Omits unknown keys with a diagnostic, for items that a server wrote: refusing them would end
    /// the conversation.
    pub(super) fn note_extra(&mut self, extra: &Extra, parent: &str) {
        for (name, value) in extra.iter() {
            self.note_if(!value.is_null(), &format!("{parent}.{name}"));
        }
    }

    /// Omits a parameter with a diagnostic, if it is present.
    pub(super) fn note_if(&mut self, is_there: bool, parameter: &str) {
        if is_there {
            let what = "was left out: it has no counterpart";
            self.note(FindingCode::RejectedParameter, parameter, what);
        }
    }

    /// Returns whether the role `developer` is written as `system`.
    pub(super) fn writes_system(&self) -> bool {
        self.options.developer_as_system || !self.options.dialect.developer_role
    }

    pub(super) fn dialect(&self) -> &'a ChatDialect {
        &self.options.dialect
    }

    pub(super) fn note(&mut self, code: FindingCode, parameter: &str, what: &str) {
        let message = format!("{parameter} {what}");
        self.findings
            .push(Finding::warning(code, pointer_of(parameter), message));
    }
}

/// Converts `messages[2].name` to the JSON Pointer `/messages/2/name`.
fn pointer_of(parameter: &str) -> String {
    let mut pointer = String::new();
    for step in parameter.split(['.', '[']) {
        push_step(&mut pointer, step.strip_suffix(']').unwrap_or(step));
    }
    pointer
}
