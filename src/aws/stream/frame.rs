//! The frames on the wire: read in any pieces, and written.
//!
//! ```text
//! (size;chunk-signature=<64 hex> CRLF data CRLF)* 0;chunk-signature=<64 hex> CRLF [trailer] CRLF
//! trailer: name:value CRLF [x-amz-trailer-signature:<64 hex> CRLF]
//! ```
//!
//! This is about shape, order and lengths. Whether a signature is right is for others to say.

use super::{
    Checksum, DECODED_LENGTH, MIN_CHUNK,
    canonical::{SIGNATURE_LENGTH, SignatureText},
    head::Announced,
};
use crate::{
    encode::{self, Inline},
    error::VerifyError,
    mac::Sink,
    v4::fields::read_signature,
};
use alloc::vec::Vec;

pub(super) const CHUNK_SIGNATURE: &str = ";chunk-signature=";
pub(super) const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// The longest line, its end included. The longest that is accepted has 91 bytes.
const MAX_LINE: usize = 256;
/// As many digits as 64 bits have.
const MAX_DIGITS: usize = 16;

/// Where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the line before a chunk.
    Size,
    /// In the data of a chunk, so many bytes before its end.
    Data(usize),
    /// In the line end behind data, of which so many bytes are still to come.
    DataEnd(u8),
    /// In the line of the checksum.
    Checksum,
    TrailerSignature,
    /// In the empty line that ends it all.
    LastLine,
    End,
}

/// What was read.
pub(super) enum Frame<'i> {
    /// All of the input, and nothing came of it yet.
    More,
    /// The line before a chunk. A size of 0 is the last one.
    Chunk {
        size: usize,
        signature: Option<SignatureText>,
    },
    /// The next piece of its data, and how much is still to come.
    Data {
        piece: &'i [u8],
        left: usize,
    },
    /// The value of the announced checksum, which has the form that it must have.
    Checksum(Inline<MAX_LINE>),
    TrailerSignature(SignatureText),
    /// The end of the body.
    End,
}

/// Reads frames from a body that arrives in pieces.
#[derive(Clone)]
pub(super) struct Frames {
    is_signed: bool,
    checksum: Option<Checksum>,
    /// The largest chunk.
    limit: usize,
    at: At,
    /// What there is of the line that it is in.
    line: Inline<MAX_LINE>,
    /// How many bytes of data no chunk has announced yet.
    left: u64,
    /// How many chunks there were, and the size of the last one.
    chunks: u64,
    size: u64,
}

impl Frames {
    pub(super) const fn new(announced: &Announced) -> Self {
        Self {
            is_signed: announced.mode.is_signed(),
            checksum: announced.checksum,
            // One that is not signed is not held either: some clients send the whole body as one.
            limit: if announced.mode.is_signed() { announced.limit } else { usize::MAX },
            at: At::Size,
            line: Inline::new(),
            left: announced.length,
            chunks: 0,
            size: MIN_CHUNK,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == At::End
    }

    /// Reads the next frame, and leaves the rest of the input.
    pub(super) fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Frame<'i>, VerifyError> {
        loop {
            if input.is_empty() {
                return Ok(Frame::More);
            }
            match self.at {
                At::Data(left) => {
                    let (piece, rest) = input.split_at_checked(left).unwrap_or((*input, &[]));
                    *input = rest;
                    let left = left.saturating_sub(piece.len());
                    self.at = if left == 0 { At::DataEnd(2) } else { At::Data(left) };
                    return Ok(Frame::Data { piece, left });
                }
                At::DataEnd(to_come) => {
                    let expected = if to_come == 2 { b'\r' } else { b'\n' };
                    let Some((_, rest)) = input.split_first().filter(|(first, _)| **first == expected) else {
                        return Err(VerifyError::Framing { why: "the data of a chunk is not followed by CR LF" });
                    };
                    *input = rest;
                    self.at = if to_come == 2 { At::DataEnd(1) } else { At::Size };
                }
                At::End => return Err(VerifyError::Framing { why: "the body goes on behind its end" }),
                At::Size | At::Checksum | At::TrailerSignature | At::LastLine => {
                    if !self.take_line(input)? {
                        return Ok(Frame::More);
                    }
                    let line = core::mem::replace(&mut self.line, Inline::new());
                    // INVARIANT: `take_line` ends with CR LF.
                    let line = line.bytes().strip_suffix(b"\r\n").unwrap_or_default();
                    return self.read_line(line);
                }
            }
        }
    }

    /// Takes as much of a line as there is, and says whether that is all of it.
    fn take_line(&mut self, input: &mut &[u8]) -> Result<bool, VerifyError> {
        let room = MAX_LINE - self.line.bytes().len();
        let seen = input.get(..room).unwrap_or(input);
        let end = seen.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let (piece, rest) = input.split_at_checked(end.unwrap_or(seen.len())).unwrap_or((*input, &[]));
        *input = rest;
        // INVARIANT: no more than there is room for.
        let _ = self.line.push(piece);
        if end.is_some() {
            if self.line.bytes().ends_with(b"\r\n") {
                return Ok(true);
            }
            return Err(VerifyError::Framing { why: "a line ends with LF and no CR before it" });
        }
        if self.line.bytes().len() == MAX_LINE {
            return Err(VerifyError::TooLarge { what: "chunk line", found: MAX_LINE + 1, limit: MAX_LINE });
        }
        Ok(false)
    }

    fn read_line<'i>(&mut self, line: &[u8]) -> Result<Frame<'i>, VerifyError> {
        match self.at {
            At::Checksum => self.read_checksum(line),
            At::TrailerSignature => {
                let value = line.strip_prefix(TRAILER_SIGNATURE.as_bytes()).and_then(|rest| rest.strip_prefix(b":"));
                let value = value.ok_or(VerifyError::Trailer {
                    why: "the announced checksum is not followed by `x-amz-trailer-signature`",
                })?;
                let signature = read_signature(value).ok_or(VerifyError::Trailer {
                    why: "`x-amz-trailer-signature` must be 64 lower-case hex digits",
                })?;
                self.at = At::LastLine;
                Ok(Frame::TrailerSignature(*signature))
            }
            At::LastLine if line.is_empty() => {
                self.at = At::End;
                Ok(Frame::End)
            }
            At::LastLine if self.checksum.is_some() => {
                Err(VerifyError::Trailer { why: "a line was not announced, or is there twice" })
            }
            At::LastLine => Err(VerifyError::Framing { why: "the last chunk is not followed by an empty line" }),
            _ => self.read_size(line),
        }
    }

    fn read_size<'i>(&mut self, line: &[u8]) -> Result<Frame<'i>, VerifyError> {
        let framing = |why| VerifyError::Framing { why };
        let (digits, signature) = if self.is_signed {
            let digits = line.iter().position(|&byte| byte == b';').unwrap_or(line.len());
            let (digits, extension) = line.split_at_checked(digits).unwrap_or((line, b""));
            let signature = extension.strip_prefix(CHUNK_SIGNATURE.as_bytes()).and_then(read_signature).ok_or(
                framing("the size of a chunk is not followed by `;chunk-signature=` and 64 lower-case hex digits"),
            )?;
            (digits, Some(*signature))
        } else {
            (line, None)
        };
        let size = read_hex(digits)
            .ok_or(framing("the size of a chunk must be 1 to 16 hex digits, without zeros before them"))?;
        if size > self.left || (size == 0 && self.left > 0) {
            return Err(VerifyError::PayloadMismatch { what: DECODED_LENGTH });
        }
        self.chunks = self.chunks.saturating_add(1);
        if size == 0 {
            self.at = match self.checksum {
                Some(_) => At::Checksum,
                None => At::LastLine,
            };
            return Ok(Frame::Chunk { size: 0, signature });
        }
        if self.size < MIN_CHUNK {
            // The one before was not the last.
            let chunk = self.chunks.saturating_sub(1);
            return Err(VerifyError::ChunkSize { chunk, found: self.size, least: MIN_CHUNK });
        }
        let Some(bytes) = usize::try_from(size).ok().filter(|bytes| *bytes <= self.limit) else {
            let found = usize::try_from(size).unwrap_or(usize::MAX);
            return Err(VerifyError::TooLarge { what: "chunk", found, limit: self.limit });
        };
        self.size = size;
        self.left = self.left.saturating_sub(size);
        self.at = At::Data(bytes);
        Ok(Frame::Chunk { size: bytes, signature })
    }

    fn read_checksum<'i>(&mut self, line: &[u8]) -> Result<Frame<'i>, VerifyError> {
        let trailer = |why| VerifyError::Trailer { why };
        // INVARIANT: a reader comes here only if a checksum was announced.
        let checksum = self.checksum.ok_or(trailer("no checksum was announced"))?;
        let value = line
            .strip_prefix(checksum.header_name().as_bytes())
            .and_then(|rest| rest.strip_prefix(b":"))
            .ok_or(trailer("the last chunk is not followed by the announced checksum"))?;
        let decoded = core::str::from_utf8(value).ok().and_then(encode::from_base64);
        if decoded.is_none_or(|decoded| decoded.len() != checksum.length()) {
            return Err(trailer("the checksum must be base64 of as many bytes as it has"));
        }
        let mut text = Inline::new();
        // INVARIANT: a part of a line has room in a line.
        let _ = text.push(value);
        self.at = if self.is_signed { At::TrailerSignature } else { At::LastLine };
        Ok(Frame::Checksum(text))
    }
}

/// Reads a size: hex digits of either case, which clients differ in, and nothing else.
fn read_hex(digits: &[u8]) -> Option<u64> {
    let is_short = (1..=MAX_DIGITS).contains(&digits.len());
    let has_zeros = digits.len() > 1 && digits.starts_with(b"0");
    if !is_short || has_zeros || encode::any(digits, |byte| !byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// The longest line before a chunk that is written.
pub(super) const MAX_HEAD: usize = MAX_DIGITS + CHUNK_SIGNATURE.len() + SIGNATURE_LENGTH + 2;

/// Writes the line before a chunk.
pub(super) fn head(size: usize, signature: Option<&SignatureText>) -> Inline<MAX_HEAD> {
    let mut head = Inline::new();
    let digits = (size as u64).max(1).ilog(16) + 1;
    for at in (0..digits).rev() {
        let digit = u8::try_from(size >> (4 * at) & 15).unwrap_or(0);
        let digit = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        // INVARIANT: the capacity is the sum of the longest pieces.
        let _ = head.push(&[digit]);
    }
    if let Some(signature) = signature {
        let _ = head.push(CHUNK_SIGNATURE.as_bytes());
        let _ = head.push(signature);
    }
    let _ = head.push(b"\r\n");
    head
}

/// Writes the trailer and the end of the body behind it.
pub(super) fn put_trailer(out: &mut Vec<u8>, name: &str, value: &str, signature: Option<&SignatureText>) {
    for piece in [name.as_bytes(), b":", value.as_bytes(), b"\r\n"] {
        out.put(piece);
    }
    if let Some(signature) = signature {
        for piece in [TRAILER_SIGNATURE.as_bytes(), b":", signature, b"\r\n"] {
            out.put(piece);
        }
    }
    out.put(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_size_is_hex_in_either_case_and_nothing_else() {
        for (digits, size) in
            [("0", 0), ("a", 10), ("A", 10), ("2000", 8192), ("ffffffffffffffff", u64::MAX), ("1Ab", 0x1ab)]
        {
            assert_eq!(read_hex(digits.as_bytes()), Some(size), "{digits}");
        }
        for digits in ["", "00", "01", "-1", "+1", " 1", "1 ", "0x1", "g", "10000000000000000", "1_0"] {
            assert_eq!(read_hex(digits.as_bytes()), None, "{digits}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for size in [0, 1, 9, 10, 15, 16, 255, 256, 8192, 65_536, 16 << 20, usize::MAX] {
            assert_eq!(head(size, None).bytes(), format!("{size:x}\r\n").as_bytes());
            let signed = head(size, Some(&[b'a'; 64]));
            assert_eq!(signed.bytes(), format!("{size:x};chunk-signature={}\r\n", "a".repeat(64)).as_bytes());
        }
    }
}
