//! Logs of Azure Storage: the resource logs of Azure Monitor in JSON, and those of Storage Analytics.
//!
//! Source: Azure Monitor reference, "Azure Blob Storage monitoring data reference" (resource logs);
//! Azure Storage REST API reference, "Storage Analytics log format".

use super::{LONGEST, LONGEST_TARGET, LogEntry, LogSource, NotALogLine, Traces, address, said, status};
use crate::{clock::Timestamp, json::Value};
use alloc::{string::String, vec::Vec};

const fn not(why: &'static str) -> NotALogLine {
    NotALogLine { log: "the resource log of Azure Storage", why }
}

const fn not_classic(why: &'static str) -> NotALogLine {
    NotALogLine { log: "the log of Azure Storage Analytics", why }
}

/// The most members of the object of a line that are of use here.
const MEMBERS: [&str; 6] = ["time", "operationName", "statusCode", "callerIpAddress", "correlationId", "uri"];

/// What a URL tells. An id counts only in a user delegation SAS, whose signature covers it; anybody could add one to another SAS.
fn traces(url: &str) -> Traces {
    Traces::read(url, "scid", Some("skoid"))
}

impl LogEntry {
    /// Reads a line of the resource logs of Azure Storage, as Azure Monitor writes them: one object of JSON.
    ///
    /// The id is `scid` of a user delegation SAS. The service shows no signature, so that what has no such id cannot be
    /// told from another use of the same resource. Members that say nothing here are passed over.
    ///
    /// # Errors
    /// [`NotALogLine`] for a line of more than 64 KiB, for what is not strict JSON, and without time, operation and URI.
    pub fn azure_resource(line: &str) -> Result<Self, NotALogLine> {
        if line.len() > LONGEST {
            return Err(not("it is longer than 64 KiB"));
        }
        let mut object =
            Value::parse(line).ok().and_then(Value::into_object).ok_or(not("it is no object of strict JSON"))?;
        let [time, operation, code, caller, id, uri] = MEMBERS.map(|name| {
            let at = object.iter().position(|(known, _)| known == name)?;
            match object.swap_remove(at).1 {
                // Some exports write the status as a text.
                Value::Text(text) => Some(text.into_string()),
                Value::Number(text) => Some(text),
                _ => None,
            }
        });
        let traces = traces(bounded(uri.as_deref()).ok_or(not("it has no URI, or too long a one"))?);
        Ok(Self {
            source: LogSource::AzureResource,
            at: time.as_deref().and_then(self::time).ok_or(not("its time cannot be read"))?,
            operation: operation.and_then(|it| said(&it, "")).ok_or(not("it names no operation"))?,
            status: code.as_deref().and_then(status),
            client_address: caller.as_deref().and_then(address),
            provider_id: id.and_then(|id| said(&id, "")),
            request_id: traces.request_id,
            fingerprint: traces.fingerprint,
            target: Some(traces.target),
        })
    }

    /// Reads a line of a log of Storage Analytics, version 1.0 or 2.0: fields between semicolons.
    ///
    /// # Errors
    /// [`NotALogLine`] for a line of more than 64 KiB, with a control character, of another version, with fewer fields, or with
    /// one that is not written as they are.
    pub fn azure_classic(line: &str) -> Result<Self, NotALogLine> {
        if line.len() > LONGEST {
            return Err(not_classic("it is longer than 64 KiB"));
        }
        if line.chars().any(char::is_control) {
            return Err(not_classic("it holds a control character"));
        }
        let fields = fields(line)?;
        let [version, at, operation, _, code, _, _, _, _, _, _, url, _, id, _, caller, ..] = fields.as_slice() else {
            return Err(not_classic("a field is missing"));
        };
        let least = match version.as_str() {
            "1.0" => 30,
            "2.0" => 38,
            _ => return Err(not_classic("its version is not known")),
        };
        if fields.len() < least {
            return Err(not_classic("a field is missing"));
        }
        let traces = traces(bounded(Some(url)).ok_or(not_classic("it has no URL, or too long a one"))?);
        Ok(Self {
            source: LogSource::AzureClassic,
            at: time(at).ok_or(not_classic("its time cannot be read"))?,
            operation: said(operation, "").ok_or(not_classic("it names no operation"))?,
            status: status(code),
            client_address: address(caller),
            provider_id: said(id, ""),
            request_id: traces.request_id,
            fingerprint: traces.fingerprint,
            target: Some(traces.target),
        })
    }
}

/// A time with up to seven digits of a second, or none.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::from_iso_extended(text, &(1..=9))
}

fn bounded(url: Option<&str>) -> Option<&str> {
    url.filter(|url| (1..=LONGEST_TARGET).contains(&url.len()))
}

/// The fields of a line, out of their quotes. Those that could hold a semicolon are in quotes, with entities of HTML.
fn fields(line: &str) -> Result<Vec<String>, NotALogLine> {
    /// More than any version has.
    const MOST: usize = 64;
    let (mut fields, mut rest) = (Vec::new(), Some(line));
    while let Some(left) = rest {
        if fields.len() >= MOST {
            return Err(not_classic("it has too many fields"));
        }
        let (field, behind) = match left.strip_prefix('"') {
            Some(quoted) => {
                let (field, behind) = quoted.split_once('"').ok_or(not_classic("a quote does not end"))?;
                let field = from_html(field).ok_or(not_classic("a field in quotes cannot be read"))?;
                match behind.strip_prefix(';') {
                    None if !behind.is_empty() => return Err(not_classic("a quote is followed by something else")),
                    behind => (field, behind),
                }
            }
            None => match left.split_once(';') {
                Some((field, behind)) => (String::from(field), Some(behind)),
                None => (String::from(left), None),
            },
        };
        fields.push(field);
        rest = behind;
    }
    Ok(fields)
}

/// Decodes the entities of HTML that stand for ASCII.
fn from_html(text: &str) -> Option<String> {
    let mut pieces = text.split('&');
    let mut decoded = String::from(pieces.next()?);
    for piece in pieces {
        let (name, behind) = piece.split_once(';')?;
        decoded.push(match name {
            "amp" => '&',
            "quot" => '"',
            "lt" => '<',
            "gt" => '>',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#')?;
                let (digits, radix) = number.strip_prefix(['x', 'X']).map_or((number, 10), |hex| (hex, 16));
                // The parser of numbers would take a sign.
                let is_number = digits.chars().all(|c| c.is_digit(radix));
                let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
                char::from_u32(code).filter(|c| !c.is_control())?
            }
        });
        decoded.push_str(behind);
    }
    Some(decoded)
}
