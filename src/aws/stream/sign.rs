//! Signing a body chunk by chunk: what to write before and behind the data, which is not copied.

use super::{
    Stream, StreamMode,
    canonical::{self, Chain, SIGNATURE_LENGTH, SignatureText},
    checksum::Running,
    frame::{self, MAX_HEAD},
};
use crate::{
    aws::{
        SigV4,
        canonical::StringToSign,
        key::{Scope, Signature},
    },
    encode::Inline,
    error::IssueError,
    mac::Sha256,
};
use alloc::{string::String, vec::Vec};
use core::fmt;

const NOT_SIGNED: IssueError =
    IssueError::Invalid { what: "stream", why: "its chunks are not signed: see `chunk_unsigned`" };
const SIGNED: IssueError = IssueError::Invalid { what: "stream", why: "its chunks are signed" };

/// What the signature of a request and the body that it announces have in common.
#[derive(Clone)]
pub(in crate::aws) struct Seed {
    pub(in crate::aws) stream: Stream,
    pub(in crate::aws) amz_date: [u8; 16],
}

/// Frames a body that a request has announced, one chunk after the other.
///
/// Each chunk holds [`next_length`](Self::next_length) bytes. What comes out is what to write before and behind
/// them; the data itself stays where it is. [`ChunkVerifier`](super::ChunkVerifier) shows a whole body.
///
/// ```
/// use valet_key::aws::{Checksum, Request, SigV4, StaticKey, Stream};
/// use valet_key::clock::Timestamp;
///
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let body = vec![b'a'; 100_000];
/// let stream = Stream::signed(100_000).trailer(Checksum::Sha256);
/// let request = Request::new("PUT", "https://photos.s3.eu-west-1.amazonaws.com", "eu-west-1", "s3")?
///     .path("/cat.jpg")
///     .stream(stream);
/// let signed = key.sign_headers(&request, Timestamp::from_unix(1_700_000_000)?)?;
///
/// let mut chunks = signed.chunk_signer().ok_or("the request announces a stream")?;
/// let (mut rest, mut written) = (&body[..], 0);
/// while chunks.next_length() > 0 {
///     let (data, behind) = rest.split_at(chunks.next_length());
///     let frame = chunks.chunk(&key, data)?;
///     written += frame.before().len() + data.len() + frame.after().len();
///     rest = behind;
/// }
/// written += chunks.finish(&key)?.len();
/// assert_eq!(written as u64, stream.framed_length());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ChunkSigner {
    stream: Stream,
    chain: Chain,
    /// The text of the next signature.
    message: StringToSign,
    previous: SignatureText,
    /// How many bytes of the body are still to come.
    left: u64,
    /// Whether the last chunk, which holds nothing, was framed.
    is_ended: bool,
    running: Option<Running>,
}

impl ChunkSigner {
    pub(in crate::aws) fn new(seed: &Seed, scope: &Scope, signature: &Signature) -> Self {
        let chain = Chain { amz_date: seed.amz_date, scope: *scope };
        let previous = signature.hex();
        Self {
            stream: seed.stream,
            message: chain.chunk(&previous),
            chain,
            previous,
            left: seed.stream.length(),
            is_ended: false,
            running: seed.stream.checksum().map(Running::new),
        }
    }

    /// The stream that was announced.
    #[must_use]
    pub const fn stream(&self) -> Stream {
        self.stream
    }

    /// How many bytes the next chunk holds: 0 once all of the body was framed.
    #[must_use]
    pub fn next_length(&self) -> usize {
        // INVARIANT: a chunk is at most 16 MiB.
        usize::try_from(self.left.min(self.stream.chunk_size_in_bytes())).unwrap_or(usize::MAX)
    }

    /// Frames the next chunk. A stream that is not signed does not use the key.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it holds [`next_length`](Self::next_length) bytes, and more than none;
    /// [`IssueError::Key`].
    pub fn chunk(&mut self, key: &(impl SigV4 + ?Sized), data: &[u8]) -> Result<ChunkFrame, IssueError> {
        self.check_data(data)?;
        if !self.stream.mode().is_signed() {
            return self.chunk_unsigned(data);
        }
        self.frame(key, data)
    }

    /// Frames the next chunk of a stream that is not signed.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it holds [`next_length`](Self::next_length) bytes, and more than none, and if the
    /// stream is signed.
    pub fn chunk_unsigned(&mut self, data: &[u8]) -> Result<ChunkFrame, IssueError> {
        self.check_data(data)?;
        if self.stream.mode().is_signed() {
            return Err(SIGNED);
        }
        self.took(data);
        Ok(ChunkFrame { before: frame::head(data.len(), None), after: b"\r\n" })
    }

    /// Ends the body: the last chunk, which holds nothing, and the trailer.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if there is more of the body to come, [`IssueError::Key`].
    pub fn finish(mut self, key: &(impl SigV4 + ?Sized)) -> Result<Vec<u8>, IssueError> {
        if !self.stream.mode().is_signed() {
            return self.finish_unsigned();
        }
        let last = self.frame(key, &[])?;
        let mut end = [last.before(), last.after()].concat();
        if self.stream.mode().has_trailer() {
            let prepared = self.prepare_trailer()?;
            let signature = key.sign(prepared.scope(), prepared.string_to_sign())?;
            end.extend(prepared.finish(&signature));
        }
        Ok(end)
    }

    /// Ends the body of a stream that is not signed.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if there is more of the body to come, and if the stream is signed.
    pub fn finish_unsigned(mut self) -> Result<Vec<u8>, IssueError> {
        if self.stream.mode().is_signed() {
            return Err(SIGNED);
        }
        self.check_length(&[])?;
        let mut end = b"0\r\n".to_vec();
        let (name, value) = self.take_checksum()?;
        frame::put_trailer(&mut end, name, &value, None);
        Ok(end)
    }

    fn frame(&mut self, key: &(impl SigV4 + ?Sized), data: &[u8]) -> Result<ChunkFrame, IssueError> {
        let prepared = self.prepare(data)?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Prepares a signed chunk: no secret, no I/O. Without data it is the last one.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] unless it holds [`next_length`](Self::next_length) bytes, if the last one was framed
    /// already, and if the stream is not signed.
    pub fn prepare<'s>(&'s mut self, data: &'s [u8]) -> Result<PreparedChunk<'s>, IssueError> {
        if !self.stream.mode().is_signed() {
            return Err(NOT_SIGNED);
        }
        self.check_length(data)?;
        self.message.set_digest(&Sha256::digest(data));
        Ok(PreparedChunk { signer: self, data })
    }

    /// Prepares the trailer behind the last chunk.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the last chunk was not framed yet, or the stream has no signed trailer.
    pub fn prepare_trailer(mut self) -> Result<PreparedTrailer, IssueError> {
        if self.stream.mode() != StreamMode::SignedTrailer || !self.is_ended {
            return Err(IssueError::Invalid {
                what: "trailer",
                why: "it follows the last chunk of a stream that has one",
            });
        }
        let (name, value) = self.take_checksum()?;
        let message = self.chain.trailer(&self.previous, &[(name, &value)]);
        Ok(PreparedTrailer { message, scope: self.chain.scope, name, value })
    }

    fn check_data(&self, data: &[u8]) -> Result<(), IssueError> {
        if data.is_empty() {
            return Err(IssueError::Invalid { what: "chunk", why: "it holds nothing: `finish` ends the body" });
        }
        self.check_length(data)
    }

    fn check_length(&self, data: &[u8]) -> Result<(), IssueError> {
        if self.is_ended || data.len() != self.next_length() {
            return Err(IssueError::Invalid { what: "chunk", why: "it must hold as many bytes as `next_length` says" });
        }
        Ok(())
    }

    fn took(&mut self, data: &[u8]) {
        self.left = self.left.saturating_sub(data.len() as u64);
        self.is_ended = data.is_empty();
        if let Some(running) = &mut self.running {
            running.update(data);
        }
    }

    fn take_checksum(&mut self) -> Result<(&'static str, String), IssueError> {
        match (self.stream.checksum(), self.running.take()) {
            (Some(checksum), Some(running)) => Ok((checksum.header_name(), running.finish())),
            _ => Err(IssueError::Invalid { what: "trailer", why: "the stream has none" }),
        }
    }
}

impl fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner")
            .field("stream", &self.stream)
            .field("scope", &self.chain.scope)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A chunk that lacks only its signature. Dropping it frames nothing.
pub struct PreparedChunk<'s> {
    signer: &'s mut ChunkSigner,
    data: &'s [u8],
}

impl PreparedChunk<'_> {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.signer.chain.scope
    }

    /// What to sign, with HMAC-SHA256 and the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.signer.message
    }

    /// Puts the signature in.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> ChunkFrame {
        let Self { signer, data } = self;
        let text = signature.hex();
        canonical::set_previous(&mut signer.message, &text);
        signer.previous = text;
        signer.took(data);
        // Behind the last chunk the trailer follows at once, if there is one.
        let trailer_follows = data.is_empty() && signer.stream.mode().has_trailer();
        ChunkFrame { before: frame::head(data.len(), Some(&text)), after: if trailer_follows { b"" } else { b"\r\n" } }
    }
}

impl fmt::Debug for PreparedChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedChunk").field("signer", &self.signer).finish_non_exhaustive()
    }
}

/// What stands around the data of a chunk.
#[derive(Clone)]
pub struct ChunkFrame {
    before: Inline<MAX_HEAD>,
    after: &'static [u8],
}

impl ChunkFrame {
    /// What to write before the data. It holds a signature: do not log it.
    #[must_use]
    pub fn before(&self) -> &[u8] {
        self.before.bytes()
    }

    /// What to write behind the data.
    #[must_use]
    pub const fn after(&self) -> &'static [u8] {
        self.after
    }
}

impl fmt::Debug for ChunkFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkFrame([redacted])")
    }
}

/// A trailer that lacks only its signature.
pub struct PreparedTrailer {
    message: StringToSign,
    scope: Scope,
    name: &'static str,
    value: String,
}

impl PreparedTrailer {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What to sign, with HMAC-SHA256 and the key derived for [`scope`](Self::scope).
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.message
    }

    /// The trailer and the end of the body. It holds a signature: do not log it.
    #[must_use]
    pub fn finish(self, signature: &Signature) -> Vec<u8> {
        let mut end = Vec::with_capacity(2 * SIGNATURE_LENGTH + 64);
        frame::put_trailer(&mut end, self.name, &self.value, Some(&signature.hex()));
        end
    }
}

impl fmt::Debug for PreparedTrailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedTrailer").field("name", &self.name).field("scope", &self.scope).finish_non_exhaustive()
    }
}
