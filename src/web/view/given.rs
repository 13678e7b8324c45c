//! Templates hand values over as references of any depth; this takes them all.

use crate::base::{Micros, Timestamp};

/// A small value, or a reference to one.
pub trait Given<T>: Copy {
    fn given(self) -> T;
}

impl<T, G: Given<T>> Given<T> for &G {
    fn given(self) -> T {
        (*self).given()
    }
}

macro_rules! given {
    ($($type:ty),*) => {
        $(impl Given<$type> for $type {
            fn given(self) -> $type {
                self
            }
        })*
    };
}

given!(u64, u16, usize, bool, Timestamp, Micros);
