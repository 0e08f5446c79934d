//! What a verifier requires of a form.

use super::MAX_FILE;
use crate::grant::Lifetime;
use alloc::{borrow::ToOwned, string::String};

/// What a verifier requires of the forms that it accepts.
///
/// ```
/// use valet_key::{aws::ExpectForm, grant::Lifetime};
///
/// let expect = ExpectForm::new("eu-west-1").max_lifetime(Lifetime::minutes(15)?).max_size(100 << 20);
/// # let _ = expect;
/// # Ok::<(), valet_key::error::GrantError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExpectForm {
    pub(super) region: String,
    pub(super) skew: u32,
    pub(super) max_lifetime: Lifetime,
    pub(super) max_size: u64,
    pub(super) dot_segments: bool,
}

impl ExpectForm {
    /// Forms signed for S3 in that region, under the strictest reading of everything else.
    #[must_use]
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            skew: 15 * 60,
            max_lifetime: Lifetime::WEEK,
            max_size: MAX_FILE,
            dot_segments: false,
        }
    }

    /// How far the clocks may differ, in seconds: at most 900, which is the default. It never extends
    /// the life of a form.
    #[must_use]
    pub const fn skew(mut self, seconds: u32) -> Self {
        self.skew = if seconds < 900 { seconds } else { 900 };
        self
    }

    /// The longest time from `x-amz-date` to the end of the policy, at most a week, which is the default.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.max_lifetime = lifetime.min(Lifetime::WEEK);
        self
    }

    /// The largest file that the store takes, in bytes: 5 GiB by default, as S3 does. A policy allows as much or
    /// less, so that every accepted form has a bound.
    #[must_use]
    pub const fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
        self
    }

    /// Accepts `.` and `..` as whole segments of the key, which a client may put behind a prefix. Only for a store
    /// that takes them as names, as S3 does.
    #[must_use]
    pub const fn allow_dot_segments(mut self) -> Self {
        self.dot_segments = true;
        self
    }
}
