//! What goes through each server: counted where it passes, and written to the log.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http_body::{Body as _, Frame, SizeHint};
use serde_json::{Value, json};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};
use valet_key::redact::Redacted;

/// The counts of one server.
#[derive(Default)]
pub(crate) struct Meter {
    name: String,
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    busy_micros: AtomicU64,
}

/// What a meter says at one moment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) busy_micros: u64,
}

impl Counts {
    pub(crate) fn and(self, more: Self) -> Self {
        Self {
            requests: self.requests + more.requests,
            bytes_in: self.bytes_in + more.bytes_in,
            bytes_out: self.bytes_out + more.bytes_out,
            busy_micros: self.busy_micros + more.busy_micros,
        }
    }
}

impl Meter {
    pub(crate) fn new(name: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), ..Self::default() })
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            busy_micros: read(&self.busy_micros),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let Counts { requests, bytes_in, bytes_out, busy_micros } = self.counts();
        json!({ "name": self.name, "requests": requests, "bytes_in": bytes_in, "bytes_out": bytes_out, "busy_micros": busy_micros })
    }

    /// Counts whatever this router serves.
    pub(crate) fn over(self: &Arc<Self>, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), count))
    }
}

/// Why a request was refused, or whatever else the log should say of it. It is for the log alone: the layer takes it out.
#[derive(Clone)]
pub(crate) struct Verdict(pub(crate) String);

async fn count(State(meter): State<Arc<Meter>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    // Never the query: it is a bearer token.
    let asked = format!("{} {}", request.method(), request.uri().path());
    let taken = Arc::new(AtomicU64::new(0));
    let counting = (meter.clone(), taken.clone());
    let request = request.map(|body| {
        let tell = move |bytes: u64| {
            counting.0.bytes_in.fetch_add(bytes, Ordering::Relaxed);
            counting.1.fetch_add(bytes, Ordering::Relaxed);
        };
        Body::new(Counted { inner: body, tell: Box::new(tell) })
    });
    let mut response = next.run(request).await;
    let verdict = response.extensions_mut().remove::<Verdict>().map_or("ok".into(), |verdict| verdict.0);
    let (status, taken, given) =
        (response.status().as_u16(), taken.load(Ordering::Relaxed), response.body().size_hint().lower());
    let line = format!("{}: {asked} -> {status} {verdict}; {taken} bytes in, {given} bytes out", meter.name);
    eprintln!("{}", Redacted(&line));
    meter.requests.fetch_add(1, Ordering::Relaxed);
    let busy = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    meter.busy_micros.fetch_add(busy, Ordering::Relaxed);
    response.map(|body| {
        let tell = move |bytes: u64| {
            meter.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        };
        Body::new(Counted { inner: body, tell: Box::new(tell) })
    })
}

/// A body that tells how much of it passed.
struct Counted {
    inner: Body,
    tell: Box<dyn Fn(u64) + Send>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            (self.tell)(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
