//! What SQS takes of a message and of a request.

use super::message::{MessageRequest, What};
use crate::error::IssueError;

/// The longest message in bytes.
const MAX_BODY: usize = 1 << 20;
/// The longest receipt handle in bytes.
const MAX_HANDLE: usize = 8 << 10;
/// The most attributes of a message.
const MAX_ATTRIBUTES: usize = 10;

fn invalid(what: &'static str, why: &'static str) -> IssueError {
    IssueError::Invalid { what, why }
}

impl MessageRequest {
    /// Whether SQS would take it.
    pub(super) fn check(&self) -> Result<(), IssueError> {
        let within = |what, number: Option<u32>, least, most, why| match number {
            Some(number) if !(least..=most).contains(&number) => Err(invalid(what, why)),
            _ => Ok(()),
        };
        match &self.what {
            What::Send { body, delay, group, deduplication, attributes } => {
                let is_text =
                    |c: char| matches!(c, '\t' | '\n' | '\r') || !(c < ' ' || ('\u{fffe}'..='\u{ffff}').contains(&c));
                if body.is_empty() || body.len() > MAX_BODY || !body.chars().all(is_text) {
                    return Err(invalid(
                        "message body",
                        "it must be 1 byte to 1 MiB of text without control characters but tab and line ends",
                    ));
                }
                within("delay", *delay, 0, 900, "it must be 0 to 900 s")?;
                match (self.queue.is_fifo(), group, deduplication, delay) {
                    (true, None, ..) => return Err(invalid("group", "a `.fifo` queue needs one")),
                    (true, .., Some(_)) => return Err(invalid("delay", "a `.fifo` queue has none by message")),
                    (false, _, Some(_), _) => return Err(invalid("deduplication id", "only a `.fifo` queue has one")),
                    _ => {}
                }
                for id in [group, deduplication].into_iter().flatten() {
                    if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                        return Err(invalid("message id", "it must be 1 to 128 visible ASCII characters"));
                    }
                }
                if attributes.len() > MAX_ATTRIBUTES {
                    return Err(invalid("attributes", "there can be ten at most"));
                }
                for (at, (name, value)) in attributes.iter().enumerate() {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                    let reserved = ["aws.", "amazon."].iter().any(|own| name.to_ascii_lowercase().starts_with(own));
                    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
                    if name.is_empty() || name.len() > 256 || !name.bytes().all(plain) || reserved || dots {
                        return Err(invalid(
                            "attribute name",
                            "it must be 1 to 256 letters, digits, `-`, `_` or single inner `.`, and not AWS's own",
                        ));
                    }
                    if value.is_empty() || !value.chars().all(is_text) {
                        return Err(invalid("attribute value", "it must be text, and not empty"));
                    }
                    if attributes.iter().take(at).any(|(other, _)| other == name) {
                        return Err(invalid("attributes", "two have the same name"));
                    }
                }
            }
            What::Receive { max, wait, visibility, .. } => {
                within("number of messages", *max, 1, 10, "it must be 1 to 10")?;
                within("wait", *wait, 0, 20, "it must be 0 to 20 s")?;
                within("visibility timeout", *visibility, 0, 43_200, "it must be 0 to 43200 s")?;
            }
            What::Delete { receipt_handle } => {
                let visible = receipt_handle.bytes().all(|byte| byte.is_ascii_graphic());
                if receipt_handle.is_empty() || receipt_handle.len() > MAX_HANDLE || !visible {
                    return Err(invalid("receipt handle", "it must be 1 to 8192 visible ASCII characters"));
                }
            }
        }
        Ok(())
    }
}
