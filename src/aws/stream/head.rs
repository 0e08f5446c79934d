//! What the head of a request says about a body in chunks: asked for, and read.

use super::{
    Checksum, DECODED_LENGTH, MIN_CHUNK, StreamMode, TRAILER,
    frame::{CHUNK_SIGNATURE, TRAILER_SIGNATURE},
};
use crate::{
    error::{IssueError, VerifyError},
    v4::canonical::trimmed,
    view::HeaderLine,
};
use alloc::{
    format,
    string::{String, ToString},
};

const ENCODING: &str = "aws-chunked";
/// The longest body that is announced: what 15 digits can say, which is more than any service takes.
const MAX_LENGTH: u64 = 999_999_999_999_999;

/// A body that will be sent in chunks: its length, how it is cut, and what vouches for it.
///
/// ```
/// use valet_key::aws::{Checksum, Stream, StreamMode};
///
/// // The example of the Amazon S3 API Reference.
/// let stream = Stream::signed(66_560);
/// assert_eq!((stream.mode(), stream.framed_length()), (StreamMode::Signed, 66_824));
/// let stream = stream.trailer(Checksum::Sha256).chunk_size(16 << 10)?;
/// assert_eq!((stream.mode(), stream.chunk_size_in_bytes()), (StreamMode::SignedTrailer, 16_384));
/// assert!(stream.chunk_size(8191).is_err());
/// # Ok::<(), valet_key::error::IssueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    length: u64,
    chunk: u64,
    signed: bool,
    // INVARIANT: there if the chunks are not signed.
    checksum: Option<Checksum>,
}

impl Stream {
    /// Signed chunks of 64 KiB, for a body of that many bytes before it is framed.
    #[must_use]
    pub const fn signed(length: u64) -> Self {
        Self { length, chunk: 64 << 10, signed: true, checksum: None }
    }

    /// Chunks of 64 KiB that are not signed, with a checksum behind them: the signature then covers the
    /// request, and nothing but HTTPS the body.
    #[must_use]
    pub const fn unsigned(length: u64, checksum: Checksum) -> Self {
        Self { length, chunk: 64 << 10, signed: false, checksum: Some(checksum) }
    }

    /// With that checksum behind the chunks.
    #[must_use]
    pub const fn trailer(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Chunks of this size, of which the last one holds what is left.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it is 8 KiB, the least that S3 takes, to 16 MiB, the most that servers
    /// in the field take.
    pub const fn chunk_size(mut self, bytes: u64) -> Result<Self, IssueError> {
        if bytes < MIN_CHUNK || bytes > 16 << 20 {
            return Err(IssueError::Invalid { what: "chunk size", why: "it must be 8 KiB to 16 MiB" });
        }
        self.chunk = bytes;
        Ok(self)
    }

    /// The payload mode.
    #[must_use]
    pub const fn mode(self) -> StreamMode {
        match (self.signed, self.checksum) {
            (true, None) => StreamMode::Signed,
            (true, Some(_)) => StreamMode::SignedTrailer,
            (false, _) => StreamMode::UnsignedTrailer,
        }
    }

    /// The length of the body before it is framed, in bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }

    /// The size of every chunk but the last, in bytes.
    #[must_use]
    pub const fn chunk_size_in_bytes(self) -> u64 {
        self.chunk
    }

    /// The checksum that follows the chunks.
    #[must_use]
    pub const fn checksum(self) -> Option<Checksum> {
        self.checksum
    }

    /// The `content-length` of the framed body, in bytes.
    #[must_use]
    pub const fn framed_length(self) -> u64 {
        let (whole, rest) = (self.length / self.chunk, self.length % self.chunk);
        let mut length = whole.saturating_mul(self.framed_chunk(self.chunk)).saturating_add(self.framed_chunk(0));
        if rest > 0 {
            length = length.saturating_add(self.framed_chunk(rest));
        }
        if let Some(checksum) = self.checksum {
            let base64 = checksum.length().div_ceil(3) * 4;
            length = length.saturating_add((checksum.header_name().len() + 1 + base64 + 2) as u64);
            if self.signed {
                length = length.saturating_add((TRAILER_SIGNATURE.len() + 1 + 64 + 2) as u64);
            }
        }
        length
    }

    /// A chunk with its line and the end of its data; of the last one that is the end of the body.
    const fn framed_chunk(self, size: u64) -> u64 {
        let digits = if size == 0 { 1 } else { size.ilog(16) as u64 + 1 };
        let signature = if self.signed { CHUNK_SIGNATURE.len() as u64 + 64 } else { 0 };
        digits + signature + 2 + size + 2
    }

    /// The headers that announce it, behind the encoding of the body.
    pub(in crate::aws) fn announce(self) -> Result<[Option<(&'static str, String)>; 2], IssueError> {
        if self.length > MAX_LENGTH {
            return Err(IssueError::Invalid { what: "stream", why: "its length must be at most 15 digits" });
        }
        let trailer = self.checksum.map(|checksum| (TRAILER, checksum.header_name().into()));
        Ok([Some((DECODED_LENGTH, self.length.to_string())), trailer])
    }
}

/// The `content-encoding` of a framed body: what the caller says about the body, and then the framing.
/// The caller's headers must not say anything else about the framing.
pub(in crate::aws) fn check_encoding(stream: Stream, lines: &[HeaderLine<'_>]) -> Result<String, IssueError> {
    let invalid = |what, why| Err(IssueError::Invalid { what, why });
    let mut encoding = None;
    for (name, value) in lines {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is(DECODED_LENGTH) || is(TRAILER) {
            return Err(IssueError::Reserved { name: (*name).into() });
        }
        if is("content-length") && trimmed(value) != stream.framed_length().to_string().as_bytes() {
            return invalid("content-length", "it must be the length of the framed body: see `Stream::framed_length`");
        }
        if is("content-encoding") {
            let Some(text) = core::str::from_utf8(trimmed(value)).ok().filter(|text| text.is_ascii()) else {
                return invalid("content-encoding", "it must be ASCII");
            };
            let twice = text.split(',').any(|one| one.trim().eq_ignore_ascii_case(ENCODING) || one.trim().is_empty());
            if twice || encoding.is_some() {
                return invalid("content-encoding", "it must be one line that names each encoding of the body itself");
            }
            encoding = Some(format!("{text},{ENCODING}"));
        }
    }
    Ok(encoding.unwrap_or_else(|| ENCODING.into()))
}

/// Whether that is how a length is written: 1 to 15 digits, without zeros before them.
fn is_length(text: &[u8]) -> bool {
    (1..=15).contains(&text.len())
        && text.iter().all(u8::is_ascii_digit)
        && (text.len() == 1 || !text.starts_with(b"0"))
}

/// What a request announces. Inside a verified request, all of it was signed.
#[derive(Clone, Copy, Debug)]
pub(in crate::aws) struct Announced {
    pub(super) mode: StreamMode,
    /// The length of the body before it was framed.
    pub(super) length: u64,
    pub(super) checksum: Option<Checksum>,
    /// The largest signed chunk that is taken.
    pub(super) limit: usize,
}

impl Announced {
    pub(in crate::aws) const fn is_signed(&self) -> bool {
        self.mode.is_signed()
    }

    /// Reads what the header lines say about a body in that mode.
    ///
    /// Every line that is read here begins with `x-amz-`, so the canonical request refuses it unsigned.
    pub(in crate::aws) fn read(lines: &[HeaderLine<'_>], mode: StreamMode, limit: usize) -> Result<Self, VerifyError> {
        const LENGTH_FORM: &str = "1 to 15 digits without zeros before them";
        let (mut length, mut trailer, mut own) = (None, None, 0usize);
        for &(name, value) in lines {
            let (slot, field) = match name.len() {
                28 if name.eq_ignore_ascii_case(DECODED_LENGTH) => (&mut length, DECODED_LENGTH),
                13 if name.eq_ignore_ascii_case(TRAILER) => (&mut trailer, TRAILER),
                _ => {
                    own = own.saturating_add(usize::from(is_checksum(name)));
                    continue;
                }
            };
            if slot.replace(trimmed(value)).is_some() {
                return Err(VerifyError::FieldCount { field, found: 2 });
            }
        }
        let length = length.ok_or(VerifyError::FieldCount { field: DECODED_LENGTH, found: 0 })?;
        let length = core::str::from_utf8(length).ok().filter(|text| is_length(text.as_bytes()));
        let length = length
            .and_then(|text| text.parse().ok())
            .ok_or(VerifyError::FieldForm { field: DECODED_LENGTH, expected: LENGTH_FORM })?;
        let checksum = match (mode.has_trailer(), trailer) {
            (false, None) => None,
            (false, Some(_)) => {
                return Err(VerifyError::FieldForm { field: TRAILER, expected: "absent in a mode without a trailer" });
            }
            (true, None) => return Err(VerifyError::FieldCount { field: TRAILER, found: 0 }),
            (true, Some(_)) if own > 0 => {
                return Err(VerifyError::FieldForm { field: TRAILER, expected: "the only place of a checksum" });
            }
            // SPEC: S3 takes one checksum for each request. Several, or one that nobody here can compute, would
            // be a trailer that is passed over unread.
            (true, Some(name)) => {
                Some(Checksum::of_header(name).ok_or(VerifyError::PayloadMode { mode: "this x-amz-trailer" })?)
            }
        };
        Ok(Self { mode, length, checksum, limit })
    }
}

/// Whether a header carries a checksum of the body, whatever this build can compute.
fn is_checksum(name: &str) -> bool {
    const PREFIX: &str = "x-amz-checksum-";
    name.split_at_checked(PREFIX.len()).is_some_and(|(prefix, algorithm)| {
        prefix.eq_ignore_ascii_case(PREFIX)
            && ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"]
                .iter()
                .any(|known| algorithm.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mode: StreamMode, lines: &[(&str, &str)]) -> Result<Announced, VerifyError> {
        let lines: alloc::vec::Vec<HeaderLine<'_>> =
            lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        Announced::read(&lines, mode, 1 << 20)
    }

    #[test]
    fn a_length_is_digits_in_their_one_spelling() {
        for length in ["0", "1", "66560", "999999999999999"] {
            assert!(read(StreamMode::Signed, &[("X-Amz-Decoded-Content-Length", length)]).is_ok(), "{length}");
        }
        for length in ["", "-1", "+1", "01", "1.0", "0x1", "1000000000000000", "1 2", "\u{663}"] {
            assert!(read(StreamMode::Signed, &[(DECODED_LENGTH, length)]).is_err(), "{length}");
        }
        assert!(read(StreamMode::Signed, &[]).is_err());
        assert!(read(StreamMode::Signed, &[(DECODED_LENGTH, "1"), (DECODED_LENGTH, "1")]).is_err());
    }

    #[test]
    fn a_trailer_is_announced_where_there_is_one_and_nowhere_else() {
        let length = (DECODED_LENGTH, "1");
        let sha256 = (TRAILER, "x-amz-checksum-sha256");
        for mode in [StreamMode::SignedTrailer, StreamMode::UnsignedTrailer] {
            assert_eq!(read(mode, &[length, sha256]).unwrap().checksum, Some(Checksum::Sha256));
            for lines in [
                &[length][..],
                &[length, sha256, sha256],
                &[length, (TRAILER, "x-amz-checksum-sha256,x-amz-checksum-sha256")],
                &[length, (TRAILER, "x-amz-checksum-md5")],
                &[length, (TRAILER, "x-amz-acl")],
                &[length, (TRAILER, "")],
                &[length, sha256, ("X-Amz-Checksum-SHA256", "")],
            ] {
                assert!(read(mode, lines).is_err(), "{lines:?}");
            }
        }
        assert!(read(StreamMode::Signed, &[length, sha256]).is_err());
    }

    #[test]
    fn the_framing_is_the_last_encoding_and_named_once() {
        let stream = Stream::signed(0);
        let encoding = |value: &str| check_encoding(stream, &[("Content-Encoding", value.as_bytes())]);
        assert_eq!(check_encoding(stream, &[]).unwrap(), "aws-chunked");
        assert_eq!(encoding(" gzip ").unwrap(), "gzip,aws-chunked");
        assert_eq!(encoding("br, gzip").unwrap(), "br, gzip,aws-chunked");
        for value in ["aws-chunked", "gzip,AWS-Chunked", "", "gzip,", "\u{fc}"] {
            assert!(encoding(value).is_err(), "{value}");
        }
        let twice: [HeaderLine<'_>; 2] = [("content-encoding", b"br"), ("content-encoding", b"gzip")];
        assert!(check_encoding(stream, &twice).is_err());
        assert!(check_encoding(stream, &[(TRAILER, b"x")]).is_err());
        assert!(check_encoding(stream, &[("content-length", b"85")]).is_err());
        assert!(check_encoding(stream, &[("content-length", b"86")]).is_ok());
    }
}
