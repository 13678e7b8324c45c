//! Outgoing webhooks: whoever wants to know how runs end is told, in the form of Standard Webhooks.
//!
//! What is to be sent is written with the end of the run (`listen`), with a timer that sends it (`send`); so an event is
//! sent at least once, whatever happens to the process, and always under the same `webhook-id`. An organization without
//! webhooks pays nothing: `register` remembers who has any. A run that names a `callback_url` is told of in the same way,
//! to that address (`callbacks`).

pub mod api;
mod attempt;
mod callbacks;
mod delivery;
mod event;
mod gate;
mod listen;
mod ops;
pub mod pages;
mod register;
mod secrets;
mod send;
mod start;
mod store;
mod sweep;
mod types;
mod view;

pub use callbacks::{
    CallbackFilter, CallbackSigning, CallbackState, CallbackView, NewCallbackSecret, callback, callbacks,
    resend_callback, rotate_signing, signing,
};
pub use event::EventType;
pub use ops::{
    DeliveryFilter, create, delete, deliveries, delivery, find, list, resend, rotate, test, update,
};
pub use start::start;
pub use sweep::sweep;
pub use types::{NewWebhook, Rotation, WebhookUpdate};
pub use view::{DeliveryView, NewSecret, WebhookView};
