//! Every byte that is signed: nothing else makes a [`TokenToSign`], and nothing else writes a field.

use super::MessagingFamily;
use crate::{encode, mac::Sink};
use alloc::string::String;
use core::fmt;

/// What stands before the parameters of a token in an `Authorization` header.
pub(super) const PREFIX: &str = "SharedAccessSignature ";

/// What is signed: the encoded resource and the expiry, exactly as they stand in the token.
///
/// `R` newline `E` for the Service Bus family and IoT Hub, `r=R&e=E` for Event Grid.
///
/// Source: Service Bus documentation, "Access control with Shared Access Signatures", by its samples: the
/// prose speaks of CRLF and of SHA-256, the samples and every client write one LF and use HMAC-SHA256.
#[derive(Clone)]
pub struct TokenToSign {
    family: MessagingFamily,
    text: String,
}

/// The parts of a token that are signed, as they stand in it: both percent-encoded, so that neither holds a newline or `&`.
#[derive(Clone, Copy)]
pub(super) struct Signed<'t> {
    pub(super) family: MessagingFamily,
    pub(super) resource: &'t str,
    pub(super) expiry: &'t str,
}

impl Signed<'_> {
    /// What is signed, in pieces.
    const fn pieces(&self) -> [&str; 4] {
        let [before, between] = match self.family {
            MessagingFamily::ServiceBus | MessagingFamily::IotHub => ["", "\n"],
            MessagingFamily::EventGrid => ["r=", "&e="],
        };
        [before, self.resource, between, self.expiry]
    }

    /// Writes what is signed.
    pub(super) fn put(&self, sink: &mut impl Sink) {
        for piece in self.pieces() {
            sink.put(piece.as_bytes());
        }
    }

    pub(super) fn to_sign(self) -> TokenToSign {
        TokenToSign { family: self.family, text: self.pieces().concat() }
    }
}

impl TokenToSign {
    /// The service that the token is for, which decides how its key is read.
    #[must_use]
    pub const fn family(&self) -> MessagingFamily {
        self.family
    }

    /// The bytes to sign with HMAC-SHA256.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Debug for TokenToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenToSign([redacted])")
    }
}

/// Percent-encodes one field, once, with upper-case digits.
pub(super) fn encoded(text: &str) -> String {
    // Few bytes of a field become three.
    let mut encoded = String::with_capacity(text.len().saturating_add(16));
    encoded.extend(encode::component(text.as_bytes()));
    encoded
}

/// The same with lower-case digits, as .NET writes them.
pub(super) fn encoded_in_lower_case(text: &str) -> String {
    let mut digits_left = 0u8;
    let lower = |letter: char| {
        if letter == '%' {
            digits_left = 2;
            return letter;
        }
        let is_digit = digits_left > 0;
        digits_left = digits_left.saturating_sub(1);
        if is_digit { letter.to_ascii_lowercase() } else { letter }
    };
    encoded(text).chars().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_joins_its_fields_in_its_own_way() {
        let text = |family| {
            let signed = Signed { family, resource: "R%2F", expiry: "1" };
            let mut put = alloc::vec::Vec::new();
            signed.put(&mut put);
            let text = signed.to_sign().text;
            assert_eq!(put, text.as_bytes());
            text
        };
        assert_eq!(text(MessagingFamily::ServiceBus), "R%2F\n1");
        assert_eq!(text(MessagingFamily::IotHub), "R%2F\n1");
        assert_eq!(text(MessagingFamily::EventGrid), "r=R%2F&e=1");
    }

    #[test]
    fn only_the_digits_of_an_escape_change_case() {
        assert_eq!(encoded("SB://Ns/~A"), "SB%3A%2F%2FNs%2F~A");
        assert_eq!(encoded_in_lower_case("SB://Ns/~A"), "SB%3a%2f%2fNs%2f~A");
        assert_eq!(encoded_in_lower_case("+AB/FF"), "%2bAB%2fFF");
    }
}
