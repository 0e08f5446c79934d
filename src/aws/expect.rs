//! What a verifier requires.

use super::{
    canonical::{self, PathRule},
    request::TokenPlacement,
};
use crate::{grant::Lifetime, view::Plus};
use alloc::{borrow::ToOwned, string::String};

/// What a verifier requires of the requests that it accepts.
///
/// ```
/// use valet_key::{aws::Expect, grant::Lifetime};
///
/// let expect = Expect::new("eu-west-1", "s3")
///     .host("photos.s3.eu-west-1.amazonaws.com")
///     .max_lifetime(Lifetime::minutes(15)?);
/// # let _ = expect;
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expect {
    pub(super) region: String,
    pub(super) service: String,
    pub(super) host: Option<String>,
    pub(super) path_rule: PathRule,
    pub(super) skew: u32,
    pub(super) max_lifetime: Lifetime,
    pub(super) fixed_life: Option<Lifetime>,
    pub(super) plus: Plus,
    pub(super) dot_segments: bool,
    pub(super) recode_path: bool,
    pub(super) unsigned_payload: bool,
    pub(super) streams: Streams,
    pub(super) token_placement: TokenPlacement,
}

/// Which bodies in chunks are accepted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Streams {
    Refuse,
    Signed,
    Any,
}

impl Expect {
    /// Requests signed for that region and service, under the strictest reading of everything else.
    #[must_use]
    pub fn new(region: &str, service: &str) -> Self {
        Self {
            region: region.to_owned(),
            service: service.to_owned(),
            host: None,
            path_rule: PathRule::of_service(service),
            skew: 15 * 60,
            max_lifetime: Lifetime::WEEK,
            fixed_life: canonical::fixed_life(service),
            plus: Plus::Refuse,
            dot_segments: false,
            recode_path: false,
            unsigned_payload: canonical::is_s3(service),
            streams: Streams::Refuse,
            token_placement: TokenPlacement::Signed,
        }
    }

    /// Requests for this host alone, with its port if it is not the default one; compared without
    /// regard to ASCII case. Without it any signed host is accepted, and the caller has to look at
    /// [`SignedRequest::host`](super::SignedRequest::host).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Another path rule than that of the service.
    #[must_use]
    pub const fn path_rule(mut self, rule: PathRule) -> Self {
        self.path_rule = rule;
        self
    }

    /// How far the clocks may differ, in seconds: at most 900, which is the default. It never extends
    /// the life of a URL.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest lifetime of a presigned URL, at most a week, which is the default.
    ///
    /// A URL for SQS or STS lives for 900 s or this long, whichever is less, and not for what it says: that is how long
    /// these services take it.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// How a bare `+` in the query is read.
    #[must_use]
    pub const fn plus(mut self, plus: Plus) -> Self {
        self.plus = plus;
        self
    }

    /// Accepts `.` and `..` as whole segments of the path. Only for a store that takes them as names.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }

    /// Accepts paths that are not in canonical spelling, decoded once and encoded again: then several
    /// spellings of a path share a signature. `%2F` stays refused.
    #[must_use]
    pub const fn recode_path(mut self) -> Self {
        self.recode_path = true;
        self
    }

    /// Accepts `UNSIGNED-PAYLOAD` from a service other than S3.
    #[must_use]
    pub const fn allow_unsigned_payload(mut self) -> Self {
        self.unsigned_payload = true;
        self
    }

    /// Accepts bodies in signed chunks, from requests for S3 that are signed in their headers.
    ///
    /// Not by default, since such a body has to be read through
    /// [`SignedRequest::chunks`](super::SignedRequest::chunks): who would store it as it arrives would store its frames, and
    /// what nobody has verified.
    #[must_use]
    pub const fn allow_streams(mut self) -> Self {
        if matches!(self.streams, Streams::Refuse) {
            self.streams = Streams::Signed;
        }
        self
    }

    /// Accepts bodies in chunks that are not signed as well (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`), which is what
    /// newer clients send over HTTPS. Nothing but the checksum behind it, which anybody can compute, and the
    /// connection vouch for such a body.
    #[must_use]
    pub const fn allow_unsigned_trailers(mut self) -> Self {
        self.streams = Streams::Any;
        self
    }

    /// Where the session token of temporary credentials is expected.
    #[must_use]
    pub const fn session_token(mut self, placement: TokenPlacement) -> Self {
        self.token_placement = placement;
        self
    }
}
