//! The causes that are told apart, each with its code and what to do about it.

macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $advice:literal;)+) => {
        /// Why a server came to another signature, or refused the request before it came to one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Cause {
            /// Every cause there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// A name for metrics and logs that stays the same.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// What happened and what to do, in a sentence.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Self::$name => $advice,)+
                }
            }
        }
    };
}

causes! {
    /// `HEAD` was sent for a URL of `GET`, or the reverse.
    HeadForGet = "head_for_get", "the method is signed, so HEAD and GET need a URL each: sign a second one";
    /// `OPTIONS` was sent: the preflight of a browser.
    Preflight = "preflight", "a browser asked for permission with OPTIONS, which is never signed: allow the origin, method and headers in the CORS rules of the bucket";
    /// Another method.
    Method = "method", "the method is signed: send the one that was signed, or sign the one that is sent";
    /// `+` stands where a blank was signed, or the reverse.
    PlusForBlank = "plus_for_blank", "a blank is signed as %20 and a plus sign as %2B, but a form encoder wrote `+`: send the URL exactly as it was issued";
    /// An escape was escaped once more.
    EncodedTwice = "encoded_twice", "a `%` was escaped again as `%25`: pass raw names to the signer and send the URL without encoding it";
    /// Escapes with lower-case digits.
    LowerCaseEscapes = "lower_case_escapes", "escapes are signed with upper-case digits such as %2F: send the URL as issued, without a proxy or library that rewrites them";
    /// A byte is escaped on one side only.
    EscapedDifferently = "escaped_differently", "the same text is escaped in two ways: only letters, digits and `-._~` stand as they are, so let one encoder write both what is signed and what is sent";
    /// Doubled slashes became one.
    SlashesMerged = "slashes_merged", "a client or proxy merged `//` in the path, which names another object: turn that off (in nginx `merge_slashes off`) or do not use such names";
    /// `.` and `..` were folded.
    DotSegmentsFolded = "dot_segments_folded", "a client or proxy resolved `.` or `..` in the path: do not use such names, and do not pass the URL through a URL parser";
    /// One path ends with a slash, the other does not.
    TrailingSlash = "trailing_slash", "a slash at the end of the path was added or removed, and it is part of the object name: send the path as signed";
    /// The bucket is in the path on one side and in the host on the other.
    BucketPlacement = "bucket_placement", "one side names the bucket in the path and the other in the host: sign for the endpoint style that the server sees";
    /// A prefix of the path was added or removed.
    PathPrefix = "path_prefix", "a proxy added or removed the beginning of the path: pass the path through unchanged, or sign for the path that the server sees";
    /// Another path.
    Path = "path", "the path is signed: send the one that was signed, without rewriting it";
    /// The host has a port on one side only.
    PortInHost = "port_in_host", "the port is part of the signed host unless it is the default one: sign for the host and port that the client connects to, and let proxies pass `Host` on with its port";
    /// The host differs in the case of letters or in a final dot.
    HostSpelling = "host_spelling", "the host is signed in lower case without a final dot: send it like that";
    /// Another host.
    HostChanged = "host_changed", "a proxy rewrote `Host`, or the URL was signed for an internal name: sign for the public host and let the proxy pass it on unchanged (in nginx `proxy_set_header Host $http_host`)";
    /// A query parameter was added.
    ParameterAdded = "parameter_added", "every query parameter is signed: do not add one (cache busters, `utm_…`, `x-id`) to a signed URL, or sign it too";
    /// A query parameter is missing.
    ParameterDropped = "parameter_dropped", "a signed query parameter did not arrive: send the whole query, quoted where a shell or a template would cut it at `&`";
    /// A query parameter has another value.
    ParameterChanged = "parameter_changed", "a query parameter arrived with another value: send the URL as issued";
    /// The same parameters in another order.
    ParameterOrder = "parameter_order", "parameters are signed sorted by encoded name, then by encoded value: sort after encoding, byte by byte";
    /// A parameter with an empty value was signed without its `=`.
    EmptyValue = "empty_value", "a parameter without a value is signed with its `=`, as `acl=`";
    /// `&` arrived as `&amp;`.
    AmpersandEscaped = "ampersand_escaped", "`&` arrived as `&amp;`: the URL was taken from HTML or XML without decoding it";
    /// A signed header did not arrive.
    HeaderNotSent = "header_not_sent", "a signed header did not arrive: the client must send every header that the token requires";
    /// A header is signed by the server's reckoning and not by ours.
    HeaderAdded = "header_added", "a client or proxy added a header that the server signs or wants signed: remove it, or sign it too";
    /// The browser or the client library added a media type, or sent another.
    ContentType = "content_type", "the media type that arrived is not the signed one, often because a browser or client library adds its own: set `Content-Type` explicitly to the signed value, or to nothing if none was signed";
    /// Only blanks of a header value differ.
    HeaderBlanks = "header_blanks", "header values are signed without blanks around them and with one blank between words, and only blanks differ: write the value like that from the start";
    /// Only the case of letters in a header value differs.
    HeaderCase = "header_case", "the value of a header differs in the case of letters, and it is signed as sent: keep it";
    /// Another header value.
    HeaderChanged = "header_changed", "a signed header arrived with another value: send the signed value, and do not sign headers that proxies change (`user-agent`, `accept-encoding`, `via`)";
    /// The list of signed headers differs.
    SignedHeaders = "signed_headers", "the lists of signed headers differ: they are lower-case names, sorted, joined with `;`, the same in the list and in the lines above it";
    /// The body has another length.
    ContentLength = "content_length", "the body that arrived has another length than was signed: send exactly the bytes that were announced, without chunked transfer or compression by a proxy (Azure signs a length of 0 as an empty line)";
    /// The request was dated again.
    DateChanged = "date_changed", "the date that arrived is not the signed one: sign again instead of changing the date, and use one clock reading for both";
    /// The body is not the one whose hash was signed.
    PayloadHash = "payload_hash", "the SHA-256 of the body is signed and another one arrived: sign the bytes that are sent";
    /// The hash of an empty body was signed.
    EmptyPayload = "empty_payload", "the hash of an empty body was signed: pass the body to the signer, or sign `UNSIGNED-PAYLOAD`";
    /// `UNSIGNED-PAYLOAD` on one side only.
    UnsignedPayload = "unsigned_payload", "one side signs `UNSIGNED-PAYLOAD` and the other a hash: send the `x-amz-content-sha256` that was signed";
    /// The body was cut in signed chunks, or came out of them, on the way.
    ChunkedReframing = "chunked_reframing", "one side sends the body in `aws-chunked` frames and the other does not: turn off the streaming signature of the client, or let no proxy unpack it";
    /// The clocks are too far apart.
    ClockSkew = "clock_skew", "the clocks of the signer and of the server are too far apart: synchronise the clock of the signer";
    /// The token is over.
    Expired = "expired", "the token has expired: issue a new one, for longer if the transfer starts late";
    /// The token is not good yet.
    NotYetValid = "not_yet_valid", "the token starts in the server's future: leave out the start, or set it some minutes back";
    /// The session behind the token is over.
    SessionExpired = "session_expired", "the temporary credential behind the token has expired, and the token with it: refresh the credential before it signs";
    /// A temporary key was used without its session token.
    TokenMissing = "token_missing", "a temporary key needs its session token in the request: sign with the token of the same credential";
    /// The session token was escaped once more.
    TokenEncodedTwice = "token_encoded_twice", "the session token was escaped twice: pass it raw to the signer";
    /// Another session token.
    TokenChanged = "token_changed", "the session token that arrived is not the signed one, or is not known: take key, secret and token from one credential, and do not cut the token";
    /// Another region.
    Region = "region", "the scope names another region than the server's: sign for the region of the bucket";
    /// GCS: `auto` on one side, a location on the other.
    RegionAuto = "region_auto", "the scope names `auto` on one side and a location on the other: use the one that the server knows (`auto` is right for Google Cloud Storage)";
    /// Another service.
    Service = "service", "the scope names another service: S3 is `s3`, and most services sign under the first label of their host";
    /// The day of the scope is another.
    ScopeDate = "scope_date", "the day in the scope is not that of the request: derive the key for the UTC day of the request's date";
    /// Another algorithm.
    Algorithm = "algorithm", "the two sides name different signature algorithms: use the one that the server knows";
    /// The bucket is served by another endpoint.
    Redirected = "redirected", "the bucket is served elsewhere and the signature does not survive a redirect: sign for the endpoint that the answer names";
    /// The key id is not known or another.
    KeyId = "key_id", "the server does not know this key id, or saw another: check that the key is active and belongs to this account and cloud";
    /// All that is signed is the same.
    Secret = "secret", "everything that is signed is the same, so the secret is not that of the key id: look for a truncated, re-encoded or rotated secret";
    /// `+` stands raw in a signature.
    PlusInSignature = "plus_in_signature", "the signature has a raw `+`, which arrives as a blank: escape it as %2B (and `/` and `=` too)";
    /// The signature is cut.
    SignatureCut = "signature_cut", "the signature in the URL is not of the right length: the URL was cut or joined with other text";
    /// Azure: permissions in another order.
    PermissionOrder = "permission_order", "the permission letters are the same in another order: write them in the order that the documents give, as `racwdl`";
    /// Azure: another version of the format.
    VersionDrift = "version_drift", "the two sides sign by different versions: `sv` decides which lines there are, so sign with the version that is sent";
    /// Azure: a line is missing or too much.
    MissingLine = "missing_line", "one side has a line more: every field of the version has a line, an empty one if it is not used";
    /// Azure: the canonicalized resource lacks its service, account or container.
    ResourceIncomplete = "resource_incomplete", "the canonicalized resource must be `/service/account/container/blob`, and a part is missing or doubled on one side (the emulator doubles the account in Shared Key)";
    /// Azure: the canonicalized resource is escaped.
    ResourceEncoded = "resource_encoded", "the canonicalized resource holds the decoded name and the URL the encoded one: do not escape what is signed";
    /// Azure: another kind of resource.
    ResourceKind = "resource_kind", "the token is for another kind of resource (`sr`): a container token is signed over the container alone, a blob token over the blob";
    /// Azure: another resource.
    Resource = "resource", "the token was signed for another resource: issue one for the resource that is asked for";
    /// Azure: the name of a table in another case.
    TableNameCase = "table_name_case", "the name of a table is signed in lower case, and sent as `tn` in any case";
    /// Azure: a time is written in another form.
    TimeSpelling = "time_spelling", "the same time is written in two forms (fraction, seconds, offset), and its text is what is signed: send the text that was signed";
    /// Azure: a field has another value.
    Field = "field", "a field of the token arrived with another value: send the token as issued";
    /// Azure: a permission is missing.
    Permission = "permission", "the signature is good, but the token lacks the permission that the operation needs: issue one that has it";
    /// Azure: the address of the client is not one of the token's.
    SourceAddress = "source_address", "the token is bound to other addresses than the one that the server saw: look for NAT, a proxy or IPv6";
    /// Azure: plain HTTP.
    PlainHttp = "plain_http", "the token is for HTTPS only and was sent over HTTP";
    /// Azure: another service or resource type.
    Reach = "reach", "the account token is not for this service or resource type: check `ss` and `srt`";
    /// Refused after the signature was accepted.
    Denied = "denied", "the signature is not what is wrong: a policy, a missing permission or the state of the resource denies the request";
    /// Only hashes can be compared, and they differ.
    RequestDiffers = "request_differs", "the canonical requests differ, and only their hashes are at hand: compare the canonical requests themselves";
    /// Nothing known.
    Unknown = "unknown", "nothing that can be compared differs in a known way: compare both canonical forms by hand";
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn every_cause_has_a_code_of_its_own_and_says_what_to_do() {
        let codes: BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes.len(), Cause::ALL.len());
        for cause in Cause::ALL {
            assert!(cause.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            assert!(cause.advice().len() > 40 && !cause.advice().ends_with('.'), "{cause:?}");
        }
    }
}
