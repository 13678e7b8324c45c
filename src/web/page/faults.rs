//! What is wrong with a form that was sent.

use crate::base::{Code, Error, Result};
use crate::web::view::{Field, sentence};

/// Sentences by field. A field's name is the path of the value it holds, without the leading slash:
/// `name`, `config/url`.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<(String, String)>);

impl Faults {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn at(mut self, field: &str, message: impl Into<String>) -> Self {
        self.0.push((field.trim_start_matches('/').to_owned(), message.into()));
        self
    }

    /// The faults of a form whose sending failed with `error`, where the person can mend them there.
    ///
    /// Errors: `error` itself, where another value in a field would not help.
    pub fn of(error: Error) -> Result<Self> {
        let mendable = matches!(
            error.code(),
            Code::ValidationFailed
                | Code::InvalidAgentConfig
                | Code::InvalidInput
                | Code::CredentialInvalid
                | Code::VersionConflict
                | Code::Stopped
                | Code::DuplicateAgentName
                | Code::AgentCreationFailed
                | Code::OrganizationLimitExceeded
                | Code::VisibilityViolation
                | Code::Conflict
                | Code::PreconditionFailed
                | Code::Unauthenticated
                | Code::EgressDenied
                | Code::RateLimited
                | Code::ResourceExhausted
        );
        if !mendable {
            return Err(error);
        }
        let mut faults = Self::none();
        for it in error.invalid_list() {
            faults = faults.at(&it.path, it.message.as_str());
        }
        if faults.0.is_empty() {
            let field = if error.is(Code::DuplicateAgentName) { "name" } else { "" };
            faults = faults.at(field, error.message());
        }
        Ok(faults)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with the field `name`, or with a part of what it holds; empty where nothing is.
    pub fn on(&self, name: &str) -> String {
        let fitting = self.0.iter().filter(|it| holds(name, &it.0));
        fitting.map(|it| sentence(&it.1)).collect::<Vec<_>>().join(" ")
    }

    /// For a form whose field goes by another name than the value.
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        for it in self.0.iter_mut().filter(|it| it.0 == from) {
            to.clone_into(&mut it.0);
        }
        self
    }

    /// For a form that shows its value at `place`: paths that do not begin there are within it.
    pub fn within(mut self, place: &str) -> Self {
        for it in self.0.iter_mut().filter(|it| !it.0.is_empty() && !holds(place, &it.0)) {
            it.0 = format!("{place}/{}", it.0);
        }
        self
    }

    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The faults for the top of the form, each with the field of `names` that shows it; without one where no
    /// field does.
    pub fn summary<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<(String, String)> {
        let names: Vec<&str> = names.into_iter().collect();
        let field = |path: &str| names.iter().filter(|it| holds(it, path)).max_by_key(|it| it.len());
        let shown = |(path, message): &(String, String)| match field(path) {
            Some(name) => ((*name).to_owned(), sentence(message)),
            None if path.is_empty() => (String::new(), sentence(message)),
            None => (String::new(), format!("{path}: {message}")),
        };
        self.0.iter().map(shown).collect()
    }

    /// As `summary`, for fields that know their names.
    pub fn summary_of(&self, fields: &[Field]) -> Vec<(String, String)> {
        self.summary(fields.iter().map(|it| it.name.as_str()))
    }
}

/// Whether the field `name` holds what `path` names.
fn holds(name: &str, path: &str) -> bool {
    !name.is_empty() && path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Invalid;

    #[test]
    fn each_fault_stands_at_its_field() {
        let wrong = |path: &str| Invalid { path: path.to_owned(), message: format!("{path} is wrong") };
        let error =
            Error::invalid_fields(Code::InvalidAgentConfig, vec![wrong("/config/list/1"), wrong("/x")]);
        let faults = Faults::of(error).expect("mendable");
        assert_eq!(faults.on("config/list"), "/config/list/1 is wrong");
        assert_eq!(faults.on("config/li"), "");
        let summary = faults.summary(["config/list", "name"]);
        assert_eq!(summary[0].0, "config/list");
        assert_eq!(summary[1], (String::new(), "x: /x is wrong".to_owned()));
    }

    #[test]
    fn what_no_field_can_mend_goes_on_as_an_error() {
        assert!(Faults::of(Error::forbidden("not yours")).is_err());
        let faults = Faults::of(Error::conflict("it is taken")).expect("mendable");
        assert_eq!(faults.summary([]), [(String::new(), "It is taken".to_owned())]);
    }
}
