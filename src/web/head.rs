//! The answer to `HEAD`: the headers that `GET` would have, and no body.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

struct NoBody(BodySize);

/// Ends at once, and announces the length that the whole body has. A stream is dropped unread.
pub(super) fn without_body(body: &BoxBody) -> BoxBody {
    BoxBody::new(NoBody(body.size()))
}

impl MessageBody for NoBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
