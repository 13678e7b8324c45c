//! Reading through layers: what a closure wrote, over what earlier closures of the batch wrote, over the last
//! committed state.

use std::cmp::Ordering;
use std::collections::btree_map;
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
        let batched = over(base, self.batch, from, to, order);
        Ok(over(batched, &self.own, from, to, order))
    }
}

/// `lower` with the changes of `upper` laid over it.
fn over<'a>(lower: PairIter<'a>, upper: &'a WriteSet, from: &[u8], to: &[u8], order: Order) -> PairIter<'a> {
    if upper.is_empty() || from >= to {
        return lower;
    }
    let mut upper = upper.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
    if upper.clone().next().is_none() {
        return lower;
    }
    let upper: Box<dyn Iterator<Item = Entry<'a>>> = match order {
        Order::Oldest => Box::new(std::iter::from_fn(move || upper.next())),
        Order::Newest => Box::new(std::iter::from_fn(move || upper.next_back())),
    };
    Box::new(Over { lower: lower.peekable(), upper: upper.peekable(), order })
}

type Entry<'a> = <btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>> as Iterator>::Item;

struct Over<'a> {
    lower: Peekable<PairIter<'a>>,
    upper: Peekable<Box<dyn Iterator<Item = Entry<'a>> + 'a>>,
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
                    Order::Oldest => lower.as_slice().cmp(upper.as_slice()),
                    Order::Newest => upper.as_slice().cmp(lower.as_slice()),
                },
            };
            if which == Ordering::Less {
                return self.lower.next();
            }
            if which == Ordering::Equal {
                self.lower.next();
            }
            if let Some((key, Some(value))) = self.upper.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}
