//! Verifying a body in chunks as it arrives: nothing is handed out before its signature is right.

use super::{
    StreamMode,
    canonical::{self, Chain, Judge, SignatureText},
    checksum::Running,
    frame::{Frame, Frames},
    head::Announced,
};
use crate::{
    aws::{
        canonical::StringToSign,
        key::{Scope, ScopedKey, Signature},
    },
    error::{KeyError, VerifyError},
    mac::{Sha256, Sink},
    v4::payload::PayloadCheck,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// Reads a body that is sent in chunks, and hands out what was signed.
///
/// It takes the body in whatever pieces it arrives, and holds at most one chunk
/// ([`Limits::chunk`](crate::view::Limits::chunk)): a chunk that arrives in one piece is not even copied. In a signed
/// mode no byte comes out before the signature of its chunk is right. In
/// [`StreamMode::UnsignedTrailer`] nothing vouches for the bytes before the checksum behind them. In every mode only
/// [`finish`](Self::finish) says that the body is whole: write it to a temporary place, and commit or drop it then.
///
/// Once it has refused something it refuses everything.
///
/// ```
/// use valet_key::aws::{Expect, KeyRing, Request, SigV4, StaticKey, Stream, Verifier};
/// use valet_key::{clock::Timestamp, view::RequestView};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let body = b"Welcome to Amazon S3.";
///
/// // The client: the head first, then the body in frames.
/// let origin = "https://photos.s3.eu-west-1.amazonaws.com";
/// let request = Request::new("PUT", origin, "eu-west-1", "s3")?.path("/cat.txt").stream(Stream::signed(21));
/// let signed = key.sign_headers(&request, now)?;
/// let mut chunks = signed.chunk_signer().ok_or("the request announces a stream")?;
/// let frame = chunks.chunk(&key, body)?;
/// let framed = [frame.before(), body, frame.after(), &chunks.finish(&key)?].concat();
///
/// // The server: the head, then the body as it arrives.
/// let mut headers: Vec<(&str, &[u8])> = vec![("host", b"photos.s3.eu-west-1.amazonaws.com")];
/// headers.extend(signed.expose().map(|(name, value)| (name, value.as_bytes())));
/// let verifier = Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3").allow_streams());
/// let verified = verifier.verify(&RequestView::new("PUT", signed.target(), &headers), now)?;
/// let mut chunks = verified.chunks().ok_or("the body comes in chunks")?;
/// let mut stored = Vec::new();
/// for piece in framed.chunks(7) {
///     let mut piece = piece;
///     while let Some(bytes) = chunks.next(&mut piece)? {
///         stored.extend_from_slice(bytes);
///     }
/// }
/// chunks.finish()?;
/// assert_eq!(stored, body);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ChunkVerifier {
    mode: StreamMode,
    frames: Frames,
    chain: Chain,
    key: Option<Box<ScopedKey>>,
    /// The text of the next signature.
    message: StringToSign,
    /// The signature that stands before the piece that is read.
    presented: SignatureText,
    /// Whether a signature is still to be looked at.
    awaits: bool,
    hash: Sha256,
    /// As much as there is of a chunk that arrives in several pieces.
    held: Vec<u8>,
    size: usize,
    /// The announced checksum, while it is computed, and as it was sent.
    running: Option<(Running, &'static str)>,
    sent: Option<String>,
    whole: PayloadCheck,
    refused: Option<VerifyError>,
}

/// Where bytes that may be handed out are.
#[derive(Clone, Copy)]
enum Place<'i> {
    Input(&'i [u8]),
    Held,
    /// There are none: the last chunk, or the trailer.
    Nowhere,
}

enum Next<'i> {
    More,
    Unsigned(&'i [u8]),
    Sign(Place<'i>),
}

impl ChunkVerifier {
    /// INVARIANT: `seed` is the signature of a request that was accepted, `key` the one that it was accepted with, and
    /// `announced` what the request says.
    pub(in crate::aws) fn new(
        announced: &Announced,
        chain: (&[u8; 16], &Scope),
        seed: &SignatureText,
        key: Option<Box<ScopedKey>>,
        whole: PayloadCheck,
    ) -> Self {
        let chain = Chain { amz_date: *chain.0, scope: *chain.1 };
        Self {
            mode: announced.mode,
            frames: Frames::new(announced),
            message: chain.chunk(seed),
            chain,
            key,
            presented: *seed,
            awaits: false,
            hash: Sha256::new(),
            held: Vec::new(),
            size: 0,
            running: announced.checksum.map(|checksum| (Running::new(checksum), checksum.header_name())),
            sent: None,
            whole,
            refused: None,
        }
    }

    /// The payload mode that was signed.
    #[must_use]
    pub const fn mode(&self) -> StreamMode {
        self.mode
    }

    /// Takes from `input`, and hands out the next bytes of the body. `None` means that it needs more input; all of
    /// `input` was taken then.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] for a chunk or a trailer that is not the signed one,
    /// [`VerifyError::Framing`], [`VerifyError::ChunkSize`] and [`VerifyError::TooLarge`] for frames that S3 would not
    /// take or that are larger than the limits, [`VerifyError::PayloadMismatch`] if there is more or less in them than
    /// was announced or the checksum is not that of the body, [`VerifyError::Trailer`] for a trailer that is not the
    /// announced one, and [`VerifyError::Key`] in a signed mode if the key is not in this process, which
    /// [`step`](Self::step) is for.
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<&'s [u8]>, VerifyError> {
        match self.settle_next(input) {
            Ok(Some(place)) => Ok(Some(self.at(place))),
            Ok(None) => Ok(None),
            Err(error) => Err(self.refuse(error)),
        }
    }

    fn settle_next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Place<'i>>, VerifyError> {
        loop {
            match self.advance(input)? {
                Next::More => return Ok(None),
                Next::Unsigned(piece) => return Ok(Some(Place::Input(piece))),
                Next::Sign(place) => {
                    let key = self.key.take().ok_or(KeyError::Invalid {
                        what: "key",
                        why: "it is not in this process: a remote holder signs each step",
                    })?;
                    let settled = self.settle(&*key);
                    self.key = Some(key);
                    settled?;
                    if !matches!(place, Place::Nowhere) {
                        return Ok(Some(place));
                    }
                }
            }
        }
    }

    /// The same in two halves, for a key that is elsewhere: it stops wherever a signature is needed.
    ///
    /// # Errors
    /// As [`next`](Self::next), but for those of the key.
    pub fn step<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<ChunkStep<'s>, VerifyError> {
        match self.advance(input) {
            Ok(Next::More) => Ok(ChunkStep::More),
            Ok(Next::Unsigned(piece)) => Ok(ChunkStep::Data(piece)),
            Ok(Next::Sign(place)) => Ok(ChunkStep::Sign(PendingChunk { verifier: self, place })),
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// Says whether the body was whole and the one that was announced.
    ///
    /// # Errors
    /// [`VerifyError::Framing`] if it ended too early, [`VerifyError::PayloadMismatch`] if it is not the one of a signed
    /// checksum header, and whatever was refused before.
    pub fn finish(self) -> Result<(), VerifyError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        if self.awaits || !self.frames.is_at_end() {
            return Err(VerifyError::Framing { why: "the body ends before its last chunk and what follows it" });
        }
        self.whole.finish()
    }

    fn refuse(&mut self, error: VerifyError) -> VerifyError {
        self.held = Vec::new();
        self.refused = Some(error.clone());
        error
    }

    fn at<'s, 'i: 's>(&'s self, place: Place<'i>) -> &'s [u8] {
        match place {
            Place::Input(piece) => piece,
            Place::Held => &self.held,
            Place::Nowhere => &[],
        }
    }

    /// Reads until there is something to hand out or to sign.
    fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Next<'i>, VerifyError> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        if self.awaits {
            return Err(VerifyError::SignatureMismatch);
        }
        loop {
            match self.frames.next(input)? {
                Frame::More => return Ok(Next::More),
                Frame::Chunk { size, signature } => {
                    self.held.clear();
                    self.size = size;
                    let Some(signature) = signature else { continue };
                    self.presented = signature;
                    self.hash = Sha256::new();
                    if size == 0 {
                        return Ok(self.sign_chunk(Place::Nowhere));
                    }
                }
                Frame::Data { piece, left } => {
                    self.take_in(piece);
                    if !self.mode.is_signed() {
                        return Ok(Next::Unsigned(piece));
                    }
                    self.hash.put(piece);
                    if left == 0 && self.held.is_empty() {
                        return Ok(self.sign_chunk(Place::Input(piece)));
                    }
                    self.hold(piece);
                    if left == 0 {
                        return Ok(self.sign_chunk(Place::Held));
                    }
                }
                Frame::Checksum(value) => {
                    self.sent = value.as_str().map(Into::into);
                    if !self.mode.is_signed() {
                        self.compare_checksum()?;
                    }
                }
                Frame::TrailerSignature(signature) => {
                    let lines = self.running.iter().zip(&self.sent).map(|((_, name), value)| (*name, value.as_str()));
                    let lines: Vec<(&str, &str)> = lines.collect();
                    // What was presented last is the signature of the last chunk.
                    self.message = self.chain.trailer(&self.presented, &lines);
                    self.presented = signature;
                    self.awaits = true;
                    return Ok(Next::Sign(Place::Nowhere));
                }
                Frame::End => {}
            }
        }
    }

    fn sign_chunk<'i>(&mut self, place: Place<'i>) -> Next<'i> {
        self.message.set_digest(&core::mem::replace(&mut self.hash, Sha256::new()).finish());
        self.awaits = true;
        Next::Sign(place)
    }

    fn take_in(&mut self, piece: &[u8]) {
        self.whole.update(piece);
        if let Some((running, _)) = &mut self.running {
            running.update(piece);
        }
    }

    /// Keeps a piece of a chunk. The room for it grows with what has arrived, not with what was announced.
    fn hold(&mut self, piece: &[u8]) {
        let needed = self.held.len().saturating_add(piece.len());
        if needed > self.held.capacity() {
            let doubled = self.held.capacity().saturating_mul(2).min(self.size);
            self.held.reserve_exact(needed.max(doubled).saturating_sub(self.held.len()));
        }
        self.held.extend_from_slice(piece);
    }

    fn settle(&mut self, judge: &impl Judge) -> Result<(), VerifyError> {
        if !judge.agrees(&self.message, &self.presented)? {
            return Err(VerifyError::SignatureMismatch);
        }
        self.awaits = false;
        if self.sent.is_some() {
            return self.compare_checksum();
        }
        canonical::set_previous(&mut self.message, &self.presented);
        Ok(())
    }

    fn compare_checksum(&mut self) -> Result<(), VerifyError> {
        match (self.running.take(), self.sent.take()) {
            (Some((running, _)), Some(sent)) if running.clone().finish() == sent => Ok(()),
            (Some((_, what)), _) => Err(VerifyError::PayloadMismatch { what }),
            (None, _) => Err(VerifyError::Trailer { why: "no checksum was announced" }),
        }
    }
}

impl fmt::Debug for ChunkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkVerifier")
            .field("mode", &self.mode)
            .field("scope", &self.chain.scope)
            .field("held", &self.held.len())
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// What a [`ChunkVerifier`] came to.
pub enum ChunkStep<'s> {
    /// It needs more input.
    More,
    /// Bytes of a body whose chunks are not signed.
    Data(&'s [u8]),
    /// A signature, without which it goes no further.
    Sign(PendingChunk<'s>),
}

impl fmt::Debug for ChunkStep<'_> {
    /// Without the bytes, which are the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::More => f.write_str("More"),
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            Self::Sign(pending) => f.debug_tuple("Sign").field(pending).finish(),
        }
    }
}

/// A chunk, or the trailer, that lacks only the comparison of its signature. Dropping it gives the body up.
pub struct PendingChunk<'s> {
    verifier: &'s mut ChunkVerifier,
    place: Place<'s>,
}

impl<'s> PendingChunk<'s> {
    /// The scope that the signature belongs to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.verifier.chain.scope
    }

    /// What the expected signature is made from.
    #[must_use]
    pub const fn string_to_sign(&self) -> &StringToSign {
        &self.verifier.message
    }

    /// Compares the presented signature with the expected one, in constant time, and hands out the bytes of the chunk:
    /// none for the last chunk and for the trailer.
    ///
    /// # Errors
    /// [`VerifyError::SignatureMismatch`] if they differ, [`VerifyError::PayloadMismatch`] if the trailer is the signed
    /// one and its checksum not that of the body.
    pub fn accept(self, expected: &Signature) -> Result<&'s [u8], VerifyError> {
        let Self { verifier, place } = self;
        match verifier.settle(expected) {
            Ok(()) => Ok(verifier.at(place)),
            Err(error) => Err(verifier.refuse(error)),
        }
    }
}

impl fmt::Debug for PendingChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingChunk").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
