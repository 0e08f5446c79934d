//! A body that hands out what was signed.

use super::{BodyCheck, GateError, Provider, Refusal};
use crate::error::VerifyError;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::{
    boxed::Box,
    error::Error,
    fmt,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

/// Where a body and the answer to its request meet.
pub(super) type Verdict = Arc<OnceLock<VerifyError>>;

/// The body of an admitted request, held to what its token says.
///
/// Signed chunks are handed out one by one when their signatures are right, and without their frames. Of a body that is signed as
/// a whole, or that has a range of sizes, the last piece is held back until the whole of it has turned out to be the signed one:
/// so whoever counts bytes cannot have them all before. In any case nothing may act on the body for good before it has ended without
/// an error: write it to a temporary place, and commit or drop it then. Trailers of HTTP are not handed out, since nothing signs
/// them.
pub struct CheckedBody<B> {
    body: Pin<Box<B>>,
    /// Nothing once the body was found to be whole or wrong.
    check: Option<BodyCheck>,
    /// What came in and was not looked at.
    input: Bytes,
    held: Option<Bytes>,
    verdict: Verdict,
}

impl<B: Body> CheckedBody<B> {
    /// # Errors
    /// What is wrong with a body that ends before it begins.
    pub(super) fn new(body: B, check: BodyCheck, verdict: Verdict) -> Result<Self, VerifyError> {
        let mut check = Some(check);
        if body.is_end_stream() {
            check.take().map_or(Ok(()), BodyCheck::finish)?;
        }
        Ok(Self { body: Box::pin(body), check, input: Bytes::new(), held: None, verdict })
    }

    fn refuse(&mut self, error: VerifyError) -> BodyError {
        (self.check, self.held, self.input) = (None, None, Bytes::new());
        // The first one counts, and there is no second.
        let _ = self.verdict.set(error.clone());
        BodyError::Unverified(error)
    }

    /// Takes from what came in. Nothing if more has to come first.
    fn take(&mut self) -> Result<Option<Bytes>, VerifyError> {
        let Some(check) = &mut self.check else { return Ok(None) };
        let mut rest: &[u8] = &self.input;
        let piece = match check.next(&mut rest)? {
            // Nothing is copied that is handed out as it came in.
            Some(piece) if rest.is_empty() && piece.len() == self.input.len() => None,
            Some(piece) => Some(Bytes::copy_from_slice(piece)),
            None => Some(Bytes::new()),
        };
        let taken = self.input.len() - rest.len();
        let came_in = self.input.split_to(taken);
        Ok(piece.map_or(Some(came_in), |piece| Some(piece).filter(|piece| !piece.is_empty())))
    }

    /// Whether a piece waits for the next one or the end.
    fn holds_back(&self) -> bool {
        self.check.as_ref().is_some_and(BodyCheck::ends_with_a_check)
    }
}

impl<B> Body for CheckedBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        while this.check.is_some() {
            while !this.input.is_empty() {
                let piece = match this.take() {
                    Ok(piece) => piece,
                    Err(error) => return Poll::Ready(Some(Err(this.refuse(error)))),
                };
                let Some(piece) = piece else { continue };
                let ready = if this.holds_back() { this.held.replace(piece) } else { Some(piece) };
                if let Some(ready) = ready {
                    return Poll::Ready(Some(Ok(Frame::data(ready))));
                }
            }
            match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(mut data) = frame.into_data() {
                        this.input = data.copy_to_bytes(data.remaining());
                    }
                }
                Some(Err(error)) => {
                    (this.check, this.held) = (None, None);
                    return Poll::Ready(Some(Err(BodyError::Transport(error.into()))));
                }
                None => {
                    if let Err(error) = this.check.take().map_or(Ok(()), BodyCheck::finish) {
                        return Poll::Ready(Some(Err(this.refuse(error))));
                    }
                }
            }
        }
        Poll::Ready(this.held.take().map(|last| Ok(Frame::data(last))))
    }

    fn is_end_stream(&self) -> bool {
        self.check.is_none() && self.held.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = (self.input.len() as u64).saturating_add(self.held.as_ref().map_or(0, |held| held.len() as u64));
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        match &self.check {
            None => hint.set_exact(waiting),
            Some(check) => {
                if let Some(upper) = inner.upper() {
                    hint.set_upper(upper.saturating_add(waiting));
                }
                // Without its frames it is shorter.
                if !check.is_framed() {
                    hint.set_lower(inner.lower().saturating_add(waiting));
                }
            }
        }
        hint
    }
}

impl<B> fmt::Debug for CheckedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedBody").field("check", &self.check).finish_non_exhaustive()
    }
}

/// Why a body ends early.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// It is not the signed one.
    Unverified(VerifyError),
    /// It did not arrive.
    Transport(Box<dyn Error + Send + Sync>),
}

impl BodyError {
    /// What the sender is told, for a service that answers such a thing itself. [`GateLayer`](super::GateLayer) answers it in any
    /// case.
    #[must_use]
    pub fn answer(&self, provider: Provider, request_id: &str) -> Option<Refusal> {
        match self {
            Self::Unverified(error) => Some(GateError::Unverified(error.clone()).answer(provider, request_id)),
            Self::Transport(_) => None,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified(error) => write!(f, "the body is not the signed one: {error}"),
            Self::Transport(_) => f.write_str("the body did not arrive"),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unverified(error) => Some(error),
            Self::Transport(error) => Some(&**error),
        }
    }
}
