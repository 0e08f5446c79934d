//! Bodies in chunks, against a slow reader that has the whole body before it and cuts it line by line.

use super::{ACCESS_KEY_ID, ANY_SIGNATURE, DATE, HOST, REGION, now, scope};
use sha2::{Digest, Sha256};
use valet_key::{
    aws::{ChunkStep, ChunkVerifier, Credential, Expect, Presented, Signature},
    error::VerifyError,
    view::{HeaderLine, Limits, RequestView},
};

const MODES: [&str; 3] = [
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
];
/// The largest signed chunk.
const LIMIT: usize = 20_000;

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at)) as usize & 63];
            text.push(if at > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// A CRC of which the polynomial is reflected and both ends are all ones, bit by bit.
fn crc(bytes: &[u8], width: u32, polynomial: u64) -> Vec<u8> {
    let ones = u64::MAX >> (64 - width);
    let mut state = ones;
    for byte in bytes {
        state ^= u64::from(*byte);
        for _ in 0..8 {
            state = state >> 1 ^ if state & 1 == 1 { polynomial } else { 0 };
        }
    }
    (state ^ ones).to_be_bytes()[8 - width as usize / 8..].to_vec()
}

/// The checksum of that name, if this room computes it, and how many bytes it has.
fn checksum(name: &str, body: &[u8]) -> Option<Vec<u8>> {
    Some(match name {
        "x-amz-checksum-crc32" => crc(body, 32, 0xedb8_8320),
        "x-amz-checksum-crc32c" => crc(body, 32, 0x82f6_3b78),
        "x-amz-checksum-crc64nvme" => crc(body, 64, 0x9a6c_9329_ac4b_c9b5),
        "x-amz-checksum-sha256" => sha256(body),
        _ => return None,
    })
}

/// What an accepted head says about its body: the key is elsewhere, so that every signature is asked for.
fn reader(mode: &str, length: &str, trailer: Option<&str>) -> Result<ChunkVerifier, VerifyError> {
    let mut names = vec!["host", "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length"];
    let mut headers: Vec<HeaderLine<'_>> = vec![
        ("Host", HOST.as_bytes()),
        ("X-Amz-Date", DATE.as_bytes()),
        ("X-Amz-Content-Sha256", mode.as_bytes()),
        ("X-Amz-Decoded-Content-Length", length.as_bytes()),
    ];
    if let Some(trailer) = trailer {
        names.push("x-amz-trailer");
        headers.push(("X-Amz-Trailer", trailer.as_bytes()));
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/{}, SignedHeaders={}, Signature={ANY_SIGNATURE}",
        scope("s3"),
        names.join(";")
    );
    headers.push(("Authorization", authorization.as_bytes()));
    let expect = Expect::new(REGION, "s3").allow_unsigned_trailers();
    let presented = Presented::parse_within(&RequestView::new("PUT", "/k", &headers), &Limits::DEFAULT.chunk(LIMIT))?;
    let pending = presented.check(&Credential::new(ACCESS_KEY_ID).unwrap(), &expect, now())?;
    let verified = pending.accept(&Signature::from_hex(ANY_SIGNATURE).unwrap())?;
    Ok(verified.chunks().expect("the body comes in chunks"))
}

/// One signature that is asked for: its text, and the bytes that come out once it is right.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    string_to_sign: String,
    bytes: Vec<u8>,
}

/// What a whole body comes to: the signatures on the way, and then a verdict, by the code of its error.
#[derive(Debug, Default)]
struct Slow {
    asked: Vec<Asked>,
    /// The signatures that stand there.
    presented: Vec<String>,
    body: Vec<u8>,
}

impl Slow {
    /// Reads a whole body.
    fn read(&mut self, mode: usize, framed: &[u8], announced: u64) -> Result<(), &'static str> {
        let is_signed = mode < 2;
        let line = |rest: &mut &[u8]| -> Result<String, &'static str> {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let within = end.filter(|end| *end < 256);
            let Some(end) = within else {
                return Err(if rest.len() >= 256 { "too_large" } else { "framing" });
            };
            let (line, behind) = rest.split_at(end + 1);
            *rest = behind;
            let line = line.strip_suffix(b"\r\n").ok_or("framing")?;
            // A byte that is no text is in no line that is accepted.
            Ok(line.iter().map(|byte| char::from(*byte)).collect())
        };
        let mut rest = framed;
        let mut previous = ANY_SIGNATURE.to_owned();
        let mut last = None;
        loop {
            let text = line(&mut rest)?;
            let (size, signature) = if is_signed {
                let (size, signature) = text.split_once(";chunk-signature=").ok_or("framing")?;
                (size.to_owned(), Some(is_signature(signature).ok_or("framing")?))
            } else {
                (text, None)
            };
            let digits = size.len() <= 16 && !size.is_empty() && size.chars().all(|c| c.is_ascii_hexdigit());
            if !digits || (size.len() > 1 && size.starts_with('0')) {
                return Err("framing");
            }
            let size = u64::from_str_radix(&size, 16).unwrap();
            let sum = self.body.len() as u64;
            if sum.saturating_add(size) > announced || (size == 0 && sum < announced) {
                return Err("payload_mismatch");
            }
            if size > 0 && last.is_some_and(|last| last < 8192) {
                return Err("chunk_size");
            }
            if is_signed && size > LIMIT as u64 {
                return Err("too_large");
            }
            last = Some(size);
            let size = usize::try_from(size).unwrap();
            if size > rest.len() {
                self.body.extend_from_slice(if is_signed { b"" } else { rest });
                return Err("framing");
            }
            let (data, behind) = rest.split_at(size);
            rest = behind;
            self.body.extend_from_slice(data);
            if let Some(signature) = signature {
                self.asked.push(Asked {
                    string_to_sign: format!(
                        "AWS4-HMAC-SHA256-PAYLOAD\n{DATE}\n{}\n{previous}\n{}\n{}",
                        scope("s3"),
                        hex(&sha256(b"")),
                        hex(&sha256(data))
                    ),
                    bytes: data.to_vec(),
                });
                self.presented.push(signature.clone());
                previous = signature;
            }
            if size == 0 {
                break;
            }
            rest = rest.strip_prefix(b"\r\n").ok_or("framing")?;
        }
        if mode > 0 {
            let name = "x-amz-checksum-sha256";
            let checksum_line = line(&mut rest)?;
            let value = checksum_line.strip_prefix(&format!("{name}:")).ok_or("trailer")?;
            // 32 bytes have 44 digits, of which the last has four bits that are zero.
            let bits = value.len() == 44 && value.ends_with('=') && "AEIMQUYcgkosw048".contains(&value[42..43]);
            let is_digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
            if !bits || !value[..43].chars().all(is_digit) {
                return Err("trailer");
            }
            if is_signed {
                let text = line(&mut rest)?;
                let signature =
                    text.strip_prefix("x-amz-trailer-signature:").and_then(is_signature).ok_or("trailer")?;
                self.asked.push(Asked {
                    string_to_sign: format!(
                        "AWS4-HMAC-SHA256-TRAILER\n{DATE}\n{}\n{previous}\n{}",
                        scope("s3"),
                        hex(&sha256(format!("{name}:{value}\n").as_bytes()))
                    ),
                    bytes: Vec::new(),
                });
                self.presented.push(signature);
            }
            if value != base64(&sha256(&self.body)) {
                return Err("payload_mismatch");
            }
        }
        if !line(&mut rest)?.is_empty() {
            return Err(if mode > 0 { "trailer" } else { "framing" });
        }
        if rest.is_empty() { Ok(()) } else { Err("framing") }
    }
}

fn is_signature(text: &str) -> Option<String> {
    let is_hex = text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    (text.len() == 64 && is_hex).then(|| text.to_owned())
}

/// Bytes that stand for much: a whole chunk of data, and what an input would otherwise have to guess.
fn expand(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in text {
        match byte {
            0xff => out.extend([b'a'; 8192]),
            0xfe => out.extend(format!(";chunk-signature={}\r\n", "ab".repeat(32)).into_bytes()),
            0xfd => out.extend("0123456789abcdef".repeat(4).into_bytes()),
            0xfc => out.extend(b"\r\n"),
            0xfb => out.extend(format!("x-amz-checksum-sha256:{}\r\n", base64(&sha256(b"aaaaaaaaaa"))).into_bytes()),
            0xfa => out.extend(format!("x-amz-checksum-sha256:{}\r\n", base64(&sha256(b""))).into_bytes()),
            byte => out.push(byte),
        }
    }
    out
}

/// A framed body: a choice, the size of the pieces in which it arrives, the announced length in two bytes, which signature
/// is wrong, and then the bytes, of which those from `0xfa` on stand for more.
///
/// Law: in whatever pieces it arrives, it comes to what the slow reader makes of the whole: the same texts to sign, each
/// before its bytes are handed out, and the same verdict; and it goes no further than a signature that is wrong.
///
/// # Panics
/// If the law is broken.
pub fn chunk_stream(data: &[u8]) {
    let Some((&[choice, pieces, high, low, wrong], framed)) = data.split_first_chunk::<5>() else { return };
    let framed = expand(framed);
    if framed.len() > 1 << 17 {
        return;
    }
    let mode = usize::from(choice % 3);
    let announced = u64::from(u16::from_be_bytes([high, low]));
    let pieces = if pieces == 0 { usize::MAX } else { usize::from(pieces) };
    let trailer = (mode > 0).then_some("x-amz-checksum-sha256");

    let mut slow = Slow::default();
    let verdict = slow.read(mode, &framed, announced);
    let mut verifier = reader(MODES[mode], &announced.to_string(), trailer).expect("the head is right");
    let mut asked = 0;
    let (mut read, mut error) = (Vec::new(), None);
    'arrives: for piece in framed.chunks(pieces) {
        let mut piece = piece;
        loop {
            match verifier.step(&mut piece) {
                Ok(ChunkStep::More) => break,
                Ok(ChunkStep::Data(bytes)) => {
                    assert!(mode == 2, "bytes that nobody has signed");
                    read.extend_from_slice(bytes);
                }
                Ok(ChunkStep::Sign(pending)) => {
                    let expected = slow.asked.get(asked).expect("one signature more than there are");
                    assert_eq!(pending.string_to_sign().as_str(), expected.string_to_sign);
                    if usize::from(wrong) == asked + 1 {
                        let first = if slow.presented[asked].starts_with('0') { "1" } else { "0" };
                        let other = format!("{first}{}", &slow.presented[asked][1..]);
                        let refused = pending.accept(&Signature::from_hex(&other).unwrap());
                        assert_eq!(refused.err(), Some(VerifyError::SignatureMismatch));
                        assert_eq!(verifier.step(&mut piece).err(), Some(VerifyError::SignatureMismatch));
                        assert_eq!(verifier.finish(), Err(VerifyError::SignatureMismatch));
                        return;
                    }
                    match pending.accept(&Signature::from_hex(&slow.presented[asked]).unwrap()) {
                        Ok(bytes) => {
                            assert!(bytes == expected.bytes, "other bytes than were signed");
                            read.extend_from_slice(bytes);
                            asked += 1;
                        }
                        Err(refused) => {
                            error = Some(refused);
                            break 'arrives;
                        }
                    }
                }
                Err(refused) => {
                    error = Some(refused);
                    break 'arrives;
                }
            }
        }
        assert!(piece.is_empty(), "input was left though more was asked for");
    }
    let finished = verifier.finish();
    if let Some(error) = &error {
        assert_eq!(finished.as_ref().err(), Some(error), "refused, and then not");
    }
    let found = error.or(finished.err());
    assert_eq!(found.as_ref().map(VerifyError::code), verdict.err(), "{found:?}");
    assert!(slow.body.starts_with(&read), "other bytes than there are");
    if verdict.is_ok() {
        assert!(read == slow.body && asked == slow.asked.len());
    }
}

/// A trailer: a choice, the announced name on the first line, then the bytes behind the last chunk of a body of ten bytes.
///
/// Law: a head that names no checksum that is computed is refused; otherwise the trailer is accepted exactly if it is
/// the one line of the right checksum, with a signature behind it where the chunks are signed, in the one spelling.
///
/// # Panics
/// If the law is broken.
pub fn trailers(data: &[u8]) {
    let Some((&choice, text)) = data.split_first() else { return };
    let mode = 1 + usize::from(choice % 2);
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let name = String::from_utf8_lossy(&text[..end]).into_owned();
    let trailer = expand(text.get(end + 1..).unwrap_or_default());
    let lower = name.trim_matches([' ', '\t']).to_ascii_lowercase();
    let body = b"aaaaaaaaaa";
    let verifier = reader(MODES[mode], "10", Some(&name));
    let Some(value) = checksum(&lower, body) else {
        // SHA-1 is computed in some builds, and not here.
        if lower != "x-amz-checksum-sha1" {
            assert!(verifier.is_err(), "{name:?} was taken for a checksum");
        }
        return;
    };
    let mut verifier = verifier.expect("the head is right");
    let (line, is_signed) = (format!("{lower}:{}\r\n", base64(&value)), mode == 1);
    let extension = format!(";chunk-signature={}", "ab".repeat(32));
    let extension = if is_signed { extension.as_str() } else { "" };
    let mut framed = format!("a{extension}\r\naaaaaaaaaa\r\n0{extension}\r\n").into_bytes();
    framed.extend_from_slice(&trailer);

    let rest = trailer.strip_prefix(line.as_bytes());
    let signature = rest
        .and_then(|rest| rest.strip_prefix(b"x-amz-trailer-signature:"))
        .and_then(|rest| rest.get(..64))
        .and_then(|text| is_signature(&String::from_utf8_lossy(text)));
    let is_right = if is_signed {
        let end = signature.as_ref().map(|signature| format!("x-amz-trailer-signature:{signature}\r\n\r\n"));
        end.is_some_and(|end| rest == Some(end.as_bytes()))
    } else {
        rest == Some(b"\r\n")
    };
    let pieces = usize::from(choice / 2).max(1);
    let mut asked = 0;
    let mut error = None;
    'arrives: for piece in framed.chunks(pieces) {
        let mut piece = piece;
        loop {
            match verifier.step(&mut piece) {
                Ok(ChunkStep::More) => break,
                Ok(ChunkStep::Sign(pending)) => {
                    asked += 1;
                    // Whatever stands there is right: this is not about signatures.
                    let there = match asked {
                        1 | 2 => "ab".repeat(32),
                        _ => last_signature(&framed),
                    };
                    if let Err(refused) = pending.accept(&Signature::from_hex(&there).unwrap()) {
                        error = Some(refused);
                        break 'arrives;
                    }
                }
                Ok(ChunkStep::Data(_)) => {}
                Err(refused) => {
                    error = Some(refused);
                    break 'arrives;
                }
            }
        }
    }
    let finished = verifier.finish();
    assert!(error.is_none() || finished.is_err(), "refused, and then not");
    assert_eq!(finished.is_ok(), is_right, "{finished:?} for {:?}", String::from_utf8_lossy(&trailer));
    if let (false, Err(error)) = (is_right, finished) {
        let code = error.code();
        assert!(matches!(code, "trailer" | "framing" | "too_large" | "payload_mismatch"), "{error:?}");
    }
}

/// The signature of the trailer, which is there where one is asked for.
fn last_signature(framed: &[u8]) -> String {
    let mark = b"x-amz-trailer-signature:";
    let at = framed.windows(mark.len()).position(|window| window == mark).expect("nothing to compare with");
    String::from_utf8_lossy(&framed[at + mark.len()..][..64]).into_owned()
}
