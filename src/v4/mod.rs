//! What Signature Version 4 and Google's V4 have in common: one canonical request, in two dialects.
//!
//! The shape of a request, its reading, its order and its spelling are the same for both. What differs
//! are names, which a [`Dialect`] gives as constants, so that each provider gets code of its own at no
//! cost. Scopes, keys, strings to sign and verdicts belong to the providers.

pub(crate) mod batch;
pub(crate) mod canonical;
pub(crate) mod checks;
pub(crate) mod derived;
pub(crate) mod fields;
pub(crate) mod listing;
pub(crate) mod message;
pub(crate) mod payload;
pub(crate) mod single_use;
pub(crate) mod template;
pub(crate) mod varied;

/// The names of one provider.
pub(crate) trait Dialect {
    /// The parameters that belong to the signer, at most [`PARAMS`]; the first six are those of
    /// [`P_ALGORITHM`] and its neighbours.
    const PARAMS: &'static [&'static str];
    /// The symmetric algorithm.
    const ALGORITHM: &'static str;
    /// What stands between the values of the usual query, the first value being a credential.
    const USUAL: [&'static str; 5];
    /// How a credential ends in the usual query, behind its service.
    const CREDENTIAL_END: &'static str;
    /// The header that carries the payload line.
    const CONTENT_SHA256: &'static str;
    /// The same as a parameter, which some signers add.
    const CONTENT_SHA256_PARAM: &'static str;
    /// The header that carries a checksum of the body.
    const CHECKSUM_SHA256: &'static str;
    /// Whether a signed header may have a `/` in its name, which HTTP itself does not allow.
    const SLASH_IN_HEADER_NAMES: bool;

    /// The place of a name in [`PARAMS`](Self::PARAMS). Written out because comparing with constants is so
    /// much cheaper than searching a table; a test holds it to the table.
    fn reserved_index(name: &str) -> Option<usize>;

    /// Whether a parameter belongs to another signature scheme.
    fn is_foreign(name: &str) -> bool;

    /// The payload mode of that name, if it is one in which the body comes in chunks.
    fn stream_mode(_value: &[u8]) -> Option<&'static str> {
        None
    }

    /// Which field of the signature a header is, if it is one, and its lower-case name.
    fn header_field(name: &str) -> Option<(HeaderField, &'static str)>;
}

/// The headers that a verifier itself reads, beside `Host` and `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderField {
    Date,
    SessionToken,
    /// The same by another name.
    ZonalToken,
    ContentSha256,
    /// One that belongs to another dialect and may not be mixed in.
    Foreign,
}

/// The most parameters that belong to a signer.
pub(crate) const PARAMS: usize = 9;
pub(crate) const P_ALGORITHM: usize = 0;
pub(crate) const P_CREDENTIAL: usize = 1;
pub(crate) const P_DATE: usize = 2;
pub(crate) const P_EXPIRES: usize = 3;
pub(crate) const P_SIGNED_HEADERS: usize = 4;
pub(crate) const P_SIGNATURE: usize = 5;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A dialect for the tests of this room alone.
    pub(crate) enum Plain {}

    impl Dialect for Plain {
        const PARAMS: &'static [&'static str] =
            &["X-Algorithm", "X-Credential", "X-Date", "X-Expires", "X-SignedHeaders", "X-Signature"];
        const ALGORITHM: &'static str = "PLAIN";
        const USUAL: [&'static str; 5] =
            ["X-Algorithm=PLAIN&X-Credential=", "&X-Date=", "&X-Expires=", "&X-SignedHeaders=", "&X-Signature="];
        const CREDENTIAL_END: &'static str = "%2Faws4_request";
        const CONTENT_SHA256: &'static str = "x-content-sha256";
        const CONTENT_SHA256_PARAM: &'static str = "X-Content-Sha256";
        const CHECKSUM_SHA256: &'static str = "x-checksum-sha256";
        const SLASH_IN_HEADER_NAMES: bool = false;

        fn reserved_index(name: &str) -> Option<usize> {
            Self::PARAMS.iter().position(|known| *known == name)
        }

        fn is_foreign(name: &str) -> bool {
            name.starts_with("Foreign-")
        }

        fn header_field(_name: &str) -> Option<(HeaderField, &'static str)> {
            None
        }
    }

    /// Holds the written-out index of a dialect to its table.
    pub(crate) fn every_reserved_parameter_is_found_at_its_place<D: Dialect>() {
        assert!((6..=PARAMS).contains(&D::PARAMS.len()));
        for (at, name) in D::PARAMS.iter().enumerate() {
            assert_eq!(D::reserved_index(name), Some(at), "{name}");
            assert_eq!(D::reserved_index(&name.to_ascii_lowercase()), None, "{name}");
        }
    }
}
