//! Server access logs of S3.
//!
//! Source: Amazon S3 User Guide, "Amazon S3 server access log format".

use super::{LONGEST, LONGEST_TARGET, LogEntry, LogSource, NotALogLine, Traces, address, said, status};
use crate::clock::Timestamp;

const fn not(why: &'static str) -> NotALogLine {
    NotALogLine { log: "the S3 server access log", why }
}

impl LogEntry {
    /// Reads a line of a server access log of S3.
    ///
    /// What stands behind the status is passed over, since new fields are added there, and since nobody but the client says what
    /// is in some of them. The id is that of the parameter `x-request-id`.
    ///
    /// # Errors
    /// [`NotALogLine`] for a line of more than 64 KiB, with a control character, or with fewer or other fields.
    pub fn s3_access(line: &str) -> Result<Self, NotALogLine> {
        if line.len() > LONGEST {
            return Err(not("it is longer than 64 KiB"));
        }
        if line.chars().any(char::is_control) {
            return Err(not("it holds a control character"));
        }
        let mut fields = Fields(line);
        let (_owner, _bucket) = (fields.plain()?, fields.plain()?);
        let at = time(fields.between('[', ']')?).ok_or(not("its time cannot be read"))?;
        let (remote, _requester) = (fields.plain()?, fields.plain()?);
        let (id, operation, _key) = (fields.plain()?, fields.plain()?, fields.plain()?);
        let request_line = fields.request_line()?;
        let answer = fields.plain()?;
        let code = status(answer);
        if code.is_none() && answer != "-" {
            return Err(not("its status cannot be read"));
        }
        let traces = request_line.map(|target| Traces::read(target, "x-request-id", None));
        let (request_id, fingerprint, target) =
            traces.map_or((None, None, None), |traces| (traces.request_id, traces.fingerprint, Some(traces.target)));
        Ok(Self {
            source: LogSource::S3Access,
            at,
            operation: said(operation, "-").ok_or(not("it names no operation"))?,
            status: code,
            client_address: address(remote),
            provider_id: said(id, "-"),
            request_id,
            fingerprint,
            target,
        })
    }
}

/// What is left of a line.
struct Fields<'l>(&'l str);

impl<'l> Fields<'l> {
    /// A field without blanks, up to the next blank or the end.
    fn plain(&mut self) -> Result<&'l str, NotALogLine> {
        let (field, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        if field.is_empty() || field.contains('"') {
            return Err(not("a field is missing or in quotes"));
        }
        self.0 = rest;
        Ok(field)
    }

    fn between(&mut self, open: char, close: char) -> Result<&'l str, NotALogLine> {
        let field = self.0.strip_prefix(open).and_then(|rest| rest.split_once(close));
        let (field, rest) = field.ok_or(not("a field is not in its signs"))?;
        self.0 = rest.strip_prefix(' ').ok_or(not("a field is not followed by a blank"))?;
        Ok(field)
    }

    /// The target of `"GET /target HTTP/1.1"`; nothing for what is no request of a client.
    fn request_line(&mut self) -> Result<Option<&'l str>, NotALogLine> {
        if let Some(rest) = self.0.strip_prefix("- ") {
            self.0 = rest;
            return Ok(None);
        }
        let line = self.between('"', '"')?;
        if line == "-" {
            return Ok(None);
        }
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(_), Some(target), Some(version), None)
                if version.starts_with("HTTP/") && target.len() <= LONGEST_TARGET =>
            {
                Ok(Some(target))
            }
            _ => Err(not("its request line cannot be read")),
        }
    }
}

/// Reads `06/Feb/2019:00:00:38 +0000`.
fn time(text: &str) -> Option<Timestamp> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let text = text.strip_suffix(" +0000")?;
    let &[d0, d1, b'/', m0, m1, m2, b'/', y0, y1, y2, y3, b':', h0, h1, b':', i0, i1, b':', s0, s1] = text.as_bytes()
    else {
        return None;
    };
    let month = MONTHS.iter().position(|name| **name == [m0, m1, m2])? + 1;
    let month = u8::try_from(month).ok()?;
    let (mo0, mo1) = (b'0' + month / 10, b'0' + month % 10);
    Timestamp::from_iso_basic(&[y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, i0, i1, s0, s1, b'Z']).ok()
}
