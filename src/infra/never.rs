//! Promises about what a type will never be able to do, kept by the compiler.

/// `never_impl!(Secret: Clone)` does not compile once `Secret` implements `Clone`: the type then has the
/// helper trait in two ways, and the call below cannot choose.
macro_rules! never_impl {
    ($type:ty: $($never:tt)+) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn promise() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Broken;
            impl<T: ?Sized + $($never)+> Ambiguous<Broken> for T {}
            let _ = <$type as Ambiguous<_>>::promise;
        };
    };
}

pub(crate) use never_impl;
