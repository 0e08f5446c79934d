//! What comes out, whichever provider it is for.

#[cfg(any(feature = "aws", feature = "gcs"))]
use crate::post::form::PostForm;
use crate::{
    clock::Timestamp,
    grant::plan::Form,
    lifetime,
    token::{BearerUrl, CorsRule, Fingerprint},
};
use alloc::{string::String, vec::Vec};
use core::fmt;

#[derive(Clone)]
pub(super) enum Body {
    Url(BearerUrl),
    #[cfg(any(feature = "aws", feature = "gcs"))]
    Form(PostForm),
}

/// A token of one of the providers: a URL, or a form to post.
///
/// The client sends a request with [`method`](Self::method) to [`expose_url`](Self::expose_url), with the
/// [`required_headers`](Self::required_headers); if there are [`fields`](Self::expose_fields), as `multipart/form-data` with
/// the fields in order and the file behind them.
///
/// `Debug` shows what it is for and until when; there is no `Display`.
#[derive(Clone)]
pub struct Token {
    pub(super) body: Body,
    pub(super) form: Form,
    pub(super) issued_at: Timestamp,
}

impl Token {
    /// The form that carries the grant.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The method of the request.
    #[must_use]
    pub fn method(&self) -> &str {
        match &self.body {
            Body::Url(url) => url.method(),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(_) => "POST",
        }
    }

    /// Where the request goes. Unless the token is a form, this is the permission itself: hand it to the one client that
    /// it is for, and do not log it.
    #[must_use]
    pub fn expose_url(&self) -> &str {
        match &self.body {
            Body::Url(url) => url.expose(),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(form) => form.url(),
        }
    }

    /// The fields of the form, in order, by name and value; none for a URL. Do not log them.
    pub fn expose_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        #[cfg(any(feature = "aws", feature = "gcs"))]
        return self.post_form().into_iter().flat_map(PostForm::fields);
        #[cfg(not(any(feature = "aws", feature = "gcs")))]
        return core::iter::empty();
    }

    /// The URL, if it is one.
    #[must_use]
    pub const fn bearer_url(&self) -> Option<&BearerUrl> {
        match &self.body {
            Body::Url(url) => Some(url),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(_) => None,
        }
    }

    /// The form, if it is one.
    #[cfg(any(feature = "aws", feature = "gcs"))]
    #[must_use]
    pub const fn post_form(&self) -> Option<&PostForm> {
        match &self.body {
            Body::Url(_) => None,
            Body::Form(form) => Some(form),
        }
    }

    /// The headers that the client must send exactly as they stand here, lower-case names. A form has none: what it is
    /// held to is among its fields.
    #[must_use]
    pub fn required_headers(&self) -> &[(String, Vec<u8>)] {
        self.bearer_url().map_or(&[], BearerUrl::required_headers)
    }

    /// When it was issued.
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// The last second at which a request may begin.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        match &self.body {
            Body::Url(url) => url.expires_at(),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(form) => form.expires_at(),
        }
    }

    /// When a client that goes on should ask for the next one: after 80 % of its life, down to the second.
    #[must_use]
    pub fn refresh_at(&self) -> Timestamp {
        lifetime::refresh_at(self.issued_at, self.expires_at())
    }

    /// Names the token for audit and revocation, and is no token: the verifier of the provider finds the same of a request that
    /// it accepts.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.body {
            Body::Url(url) => url.fingerprint(),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(form) => form.fingerprint(),
        }
    }

    /// What a browser needs the container's CORS configuration to allow before it can use this token.
    #[must_use]
    pub fn cors(&self) -> CorsRule<'_> {
        match &self.body {
            Body::Url(url) => url.cors(),
            // A form is sent without asking first, and its page may read the answer only if the method is allowed.
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(_) => CorsRule { method: "POST", headers: Vec::new() },
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut token = f.debug_struct("Token");
        token.field("form", &self.form);
        match &self.body {
            Body::Url(url) => token.field("body", url),
            #[cfg(any(feature = "aws", feature = "gcs"))]
            Body::Form(form) => token.field("body", form),
        };
        token.field("issued_at", &self.issued_at).finish_non_exhaustive()
    }
}
