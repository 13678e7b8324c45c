//! Facts a text states in a form that can be recognised: addresses, dates, amounts, identifiers, names.
//!
//! The patterns here use ASCII word boundaries (`(?-u:\b)`): Unicode ones make the matcher ten times slower on text
//! that is not all ASCII.

mod amounts;
mod dates;
mod ids;
mod labelled;
mod lists;
mod names;
mod web;

pub(super) use amounts::{Amount, amounts, numbers, percentages};
pub(super) use dates::{Date, dates, month, times};
pub(super) use ids::{Identifier, identifiers};
pub(super) use labelled::{Labelled, labelled};
pub(super) use names::{Name, NameKind, names};
pub(super) use web::{emails, phones, urls};

use super::text::Doc;

/// Of each kind; a text with more states them no differently.
const MAX_FOUND: usize = 2_000;

/// Something at a place of the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) it: T,
}

/// All facts of a text, each list in the text's order.
pub(super) struct Facts {
    pub(super) emails: Vec<At<String>>,
    pub(super) urls: Vec<At<String>>,
    pub(super) phones: Vec<At<String>>,
    pub(super) dates: Vec<At<Date>>,
    pub(super) times: Vec<At<String>>,
    pub(super) amounts: Vec<At<Amount>>,
    pub(super) percentages: Vec<At<f64>>,
    pub(super) numbers: Vec<At<f64>>,
    pub(super) identifiers: Vec<At<Identifier>>,
    pub(super) names: Vec<At<Name>>,
    pub(super) labelled: Vec<Labelled>,
}

impl Facts {
    pub(super) fn of(doc: &Doc) -> Self {
        let text = doc.source.as_str();
        let dates = dates(text);
        let amounts = amounts(text);
        let phones = phones(text);
        let taken: Vec<(usize, usize)> = dates
            .iter()
            .map(|it| (it.start, it.end))
            .chain(amounts.iter().map(|it| (it.start, it.end)))
            .chain(phones.iter().map(|it| (it.start, it.end)))
            .collect();
        let identifiers = identifiers(text, &taken);
        Self {
            emails: emails(text),
            urls: urls(text),
            times: times(text),
            percentages: percentages(text),
            numbers: numbers(text, &taken),
            names: names(doc),
            labelled: labelled(doc),
            dates,
            amounts,
            phones,
            identifiers,
        }
    }
}

/// Whether `start..end` touches one of `taken`.
fn overlaps(taken: &[(usize, usize)], start: usize, end: usize) -> bool {
    taken.iter().any(|it| start < it.1 && it.0 < end)
}
