//! A new credential within the form of another feature: names of its fields begin with `new_credential/`, so that
//! they travel beside the others. Its value never goes back to the page.

use super::form::{self, KindWords, Typed, kind_of, words};
use super::new::{at_name, keep};
use crate::access::Cx;
use crate::base::Result;
use crate::connections::types::Kind;
use crate::connections::view::CredentialView;
use crate::web::Faults;
use crate::web::view::Field;

const PLACE: &str = "new_credential/";
const VALUE: &str = "new_credential/value";

/// A credential that is being typed.
pub struct Inline {
    pub kind: &'static KindWords,
    pub fields: Vec<Field>,
    faults: Vec<(String, String)>,
}

impl Inline {
    /// Whether a pair of a form belongs to one.
    pub fn owns(name: &str) -> bool {
        name.starts_with(PLACE)
    }

    /// Whether it is a part of the secret itself, which is not to be carried along.
    pub fn is_secret(name: &str) -> bool {
        name.starts_with(VALUE)
    }

    /// Whether somebody has typed a value.
    pub fn is_filled(pairs: &[(String, String)]) -> bool {
        pairs.iter().any(|it| Self::is_secret(&it.0) && !it.1.trim().is_empty())
    }

    /// Of which kind it is, by the form itself or by what was asked for.
    pub fn kind_in(pairs: &[(String, String)]) -> Option<Kind> {
        pairs.iter().rev().find(|it| it.0 == "new_credential/kind").and_then(|it| kind_of(&it.1))
    }

    /// Its fields, filled in but for the value.
    pub fn of(kind: Kind, pairs: &[(String, String)], faults: &Faults) -> Self {
        let (labels, mut fields) = (form::labels(&typed(pairs), faults), form::value_fields(kind, faults));
        let mut labels = labels.into_iter();
        fields.splice(0..0, labels.next());
        fields.extend(labels);
        let mut summary = faults.summary_of(&fields);
        for name in fields.iter_mut().map(|it| &mut it.name).chain(summary.iter_mut().map(|it| &mut it.0)) {
            if !name.is_empty() {
                name.insert_str(0, PLACE);
            }
        }
        Self { kind: words(kind), fields, faults: summary }
    }

    /// What is wrong, for the top of the form.
    pub fn faults(&self) -> &[(String, String)] {
        &self.faults
    }

    /// Seals and keeps what was typed.
    ///
    /// Errors: only those that no other value in a field would mend; the others are the faults.
    pub async fn keep(
        cx: &Cx,
        kind: Kind,
        pairs: &[(String, String)],
    ) -> Result<Result<CredentialView, Faults>> {
        match keep(cx, kind, typed(pairs)).await {
            Ok(made) => Ok(Ok(made)),
            Err(error) => Ok(Err(at_name(error)?)),
        }
    }
}

fn typed(pairs: &[(String, String)]) -> Typed {
    let own = pairs.iter().filter_map(|(name, text)| Some((name.strip_prefix(PLACE)?, text)));
    Typed::read(own.map(|(name, text)| (name.to_owned(), text.clone())).collect())
}
