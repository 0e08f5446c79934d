//! Every byte that is signed, and the alphabet that carries it.
//!
//! ```text
//! {"Statement":[{"Resource":"<url>","Condition":{"DateLessThan":{"AWS:EpochTime":<seconds>}}}]}
//! ```
//!
//! Source: CloudFront Developer Guide, "Create a signed URL using a canned policy" and "… a custom policy".

use super::{Network, policy::Statement};
use crate::{encode, json::push_text};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// The policy that a signature is over: what to hash and sign.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyToSign(String);

impl PolicyToSign {
    /// The canned policy, which is never sent: whoever checks it writes it again from the URL of the request.
    pub(super) fn canned(url: &str, until: u32) -> Self {
        Self(written(url, until, None, None))
    }

    pub(super) fn custom(statement: &Statement) -> Self {
        let Statement { resource, until, from, network } = statement;
        Self(written(resource.as_str(), *until, *from, *network))
    }

    /// INVARIANT: of a document that was read by [`Statement::read`], as it is written.
    pub(super) const fn given(text: String) -> Self {
        Self(text)
    }

    /// The bytes to sign.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The same as text, which is JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who holds the signature too holds the token, so it is not shown.
impl fmt::Debug for PolicyToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyToSign").field("bytes", &self.0.len()).finish_non_exhaustive()
    }
}

/// INVARIANT: with nothing but a resource and an end this is the canned policy, to the byte.
fn written(resource: &str, until: u32, from: Option<u32>, network: Option<Network>) -> String {
    let quoted = |text: &str| {
        let mut json = String::new();
        push_text(&mut json, text);
        json
    };
    let resource = quoted(resource);
    let from = from.map(|from| format!(",\"DateGreaterThan\":{{\"AWS:EpochTime\":{from}}}")).unwrap_or_default();
    let network = network.map(|network| quoted(&network.to_string()));
    let network = network.map(|network| format!(",\"IpAddress\":{{\"AWS:SourceIp\":{network}}}")).unwrap_or_default();
    let condition = format!("{{\"DateLessThan\":{{\"AWS:EpochTime\":{until}}}{from}{network}}}");
    format!("{{\"Statement\":[{{\"Resource\":{resource},\"Condition\":{condition}}}]}}")
}

/// Base64 with `-`, `_` and `~` for `+`, `=` and `/`, so that it needs no further escape.
pub(super) fn encoded(bytes: &[u8]) -> String {
    let spelled = |c| match c {
        '+' => '-',
        '=' => '_',
        '/' => '~',
        c => c,
    };
    encode::base64(bytes).chars().map(spelled).collect()
}

/// The same backwards, in its one spelling: padded to a multiple of four, and no `+`, `=` or `/`.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let spelled = |c| match c {
        '-' => Some('+'),
        '_' => Some('='),
        '~' => Some('/'),
        c if c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    };
    let base64: Option<String> = text.chars().map(spelled).collect();
    encode::from_base64(&base64.filter(|base64| base64.len() % 4 == 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::cloudfront::Pattern;
    use proptest::prelude::*;

    #[test]
    fn the_policy_of_a_url_is_the_documented_one() {
        let url = "https://d111111abcdef8.cloudfront.net/images/image.jpg?size=large";
        let expected = "{\"Statement\":[{\"Resource\":\"https://d111111abcdef8.cloudfront.net/images/image.jpg?size=large\",\
            \"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":1767290400}}}]}";
        assert_eq!(PolicyToSign::canned(url, 1_767_290_400).as_str(), expected);
    }

    #[test]
    fn a_custom_policy_is_encoded_as_documented() {
        let statement = Statement {
            resource: Pattern::parse("https://d111111abcdef8.cloudfront.net/game_download.zip").unwrap(),
            until: 1_767_290_400,
            from: None,
            network: Some("192.0.2.0/24".parse().unwrap()),
        };
        let policy = PolicyToSign::custom(&statement);
        assert_eq!(
            encoded(policy.as_bytes()),
            "eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaHR0cHM6Ly9kMTExMTExYWJjZGVmOC5jbG91ZGZyb250Lm5ldC9nYW1lX2Rvd25sb2Fk\
             LnppcCIsIkNvbmRpdGlvbiI6eyJEYXRlTGVzc1RoYW4iOnsiQVdTOkVwb2NoVGltZSI6MTc2NzI5MDQwMH0sIklwQWRkcmVzcyI6eyJB\
             V1M6U291cmNlSXAiOiIxOTIuMC4yLjAvMjQifX19XX0_"
        );
        assert_eq!(Statement::read(policy.as_str()).unwrap(), statement);
        let all = Statement { from: Some(1), ..statement };
        assert_eq!(Statement::read(PolicyToSign::custom(&all).as_str()).unwrap(), all);
    }

    #[test]
    fn one_text_has_one_spelling() {
        assert_eq!(encoded(&[0xfb, 0xff, 0xfe, 0]), "-~~-AA__");
        assert_eq!(decoded("-~~-AA__"), Some([0xfb, 0xff, 0xfe, 0].to_vec()));
        for text in
            ["+~~-AA__", "-//-AA__", "-~~-AA==", "-~~-AA", "-~~-AB__", "-~~-A___", "-~~-AA__ ", "%2D", "_", "\u{e9}"]
        {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(bytes in any::<Vec<u8>>()) {
            let text = encoded(&bytes);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte)));
            prop_assert_eq!(decoded(&text), Some(bytes));
        }
    }
}
