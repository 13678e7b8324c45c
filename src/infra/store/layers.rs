//! Reading through layers: what a closure wrote, over what earlier closures of the batch wrote, over the last
//! committed state.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Bound;

use super::Order;
use super::backend::{Pair, PairIter, Snapshot, StoreError, WriteSet};

/// Anything that answers as a snapshot does.
pub(super) struct Layered<'a> {
    pub base: &'a dyn Snapshot,
    pub batch: &'a WriteSet,
    pub own: WriteSet,
}

impl Snapshot for Layered<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.own.get(key).or_else(|| self.batch.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        let base = self.base.range(from, to, order)?;
        if from >= to {
            return Ok(base);
        }
        let batched = over(base, within(self.batch, from, to), order);
        Ok(over(batched, within(&self.own, from, to), order))
    }
}

/// A changed key: its value, or nothing where it goes.
pub(super) type Changed<'a> = (&'a [u8], Option<&'a [u8]>);

fn within<'a>(
    changes: &'a WriteSet,
    from: &[u8],
    to: &[u8],
) -> impl DoubleEndedIterator<Item = Changed<'a>> + 'a {
    let range = changes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
    range.map(|(key, value)| (key.as_slice(), value.as_deref()))
}

/// `lower` with the changes of `upper`, oldest key first, laid over it.
pub(super) fn over<'a>(
    lower: PairIter<'a>,
    mut upper: impl DoubleEndedIterator<Item = Changed<'a>> + 'a,
    order: Order,
) -> PairIter<'a> {
    let upper: Box<dyn Iterator<Item = Changed<'a>> + 'a> = match order {
        Order::Oldest => Box::new(upper),
        Order::Newest => Box::new(std::iter::from_fn(move || upper.next_back())),
    };
    let mut upper = upper.peekable();
    if upper.peek().is_none() {
        return lower;
    }
    Box::new(Over { lower: lower.peekable(), upper, order })
}

struct Over<'a> {
    lower: Peekable<PairIter<'a>>,
    upper: Peekable<Box<dyn Iterator<Item = Changed<'a>> + 'a>>,
    order: Order,
}

impl Iterator for Over<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let which = match (self.lower.peek(), self.upper.peek()) {
                (None, None) => return None,
                (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok((lower, _))), Some((upper, _))) => match self.order {
                    Order::Oldest => lower.as_slice().cmp(upper),
                    Order::Newest => (*upper).cmp(lower.as_slice()),
                },
            };
            if which == Ordering::Less {
                return self.lower.next();
            }
            if which == Ordering::Equal {
                self.lower.next();
            }
            if let Some((key, Some(value))) = self.upper.next() {
                return Some(Ok((key.to_vec(), value.to_vec())));
            }
        }
    }
}
