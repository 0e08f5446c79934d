//! The search for a secret in whatever prints itself: in either letter case, in hex, base64 and percent-encoding, and as the list
//! of numbers that bytes print as.

use base64ct::Encoding;
use std::{any::type_name_of_val, collections::BTreeSet, error::Error, fmt::Debug, sync::Mutex};

/// The names of all types that were searched in this process, with those inside of them.
static SEARCHED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What must never be seen, in lower case and in every spelling.
pub(crate) struct Planted(Vec<String>);

impl Planted {
    pub(crate) fn new(secrets: &[&str]) -> Self {
        secrets.iter().fold(Self(Vec::new()), |planted, secret| planted.and(secret))
    }

    /// A text, and what stands for it.
    pub(crate) fn and(mut self, text: &str) -> Self {
        assert!(text.len() >= 16, "too short to be looked for");
        let escaped: String = text
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        // A part that is long enough to be worth something is as bad as the whole.
        let (head, tail) = (&text[..16], &text[text.len() - 16..]);
        self.0.extend([text, &escaped, head, tail].map(str::to_ascii_lowercase));
        // The inner letters of its base64, wherever it begins within three bytes.
        let inner = (0..3).map(|from| base64ct::Base64::encode_string(&text.as_bytes()[from..from + 12]));
        self.0.extend(inner.map(|text| text.to_ascii_lowercase()));
        let hex = hex::decode(text).unwrap_or_default();
        let planted = self.and_bytes(text.as_bytes());
        if hex.len() >= 8 { planted.and_bytes(&hex) } else { planted }
    }

    pub(crate) fn and_bytes(mut self, bytes: &[u8]) -> Self {
        let numbers = |bytes: &[u8]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
        self.0.extend([hex::encode(bytes), numbers(bytes), numbers(&bytes[..8])]);
        self
    }

    pub(crate) fn is_in(&self, text: &str) -> Option<&str> {
        let text = text.to_ascii_lowercase();
        // `{:#?}` puts every number on a line of its own.
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shows = |planted: &&String| text.contains(*planted) || one_line.contains(*planted);
        self.0.iter().find(shows).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn is_not_in(&self, text: &str) {
        let found = self.is_in(text);
        assert!(found.is_none(), "{found:?} shows in {text}");
    }

    #[track_caller]
    pub(crate) fn is_hidden_by(&self, value: &impl Debug) {
        searched(value);
        self.is_not_in(&format!("{value:?}"));
        self.is_not_in(&format!("{value:#?}"));
    }

    #[track_caller]
    pub(crate) fn is_hidden_by_error(&self, error: &impl Error) {
        self.is_hidden_by(error);
        self.is_not_in(&error.to_string());
        self.is_not_in(&format!("{error:>400}"));
        let mut source = error.source();
        while let Some(cause) = source {
            self.is_not_in(&format!("{cause} {cause:?}"));
            source = cause.source();
        }
    }
}

fn searched<T>(value: &T) {
    let name = type_name_of_val(value);
    let parts = name.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let ours = parts.filter(|part| part.starts_with("valet_key::")).map(str::to_owned);
    SEARCHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(ours);
}

/// Everything that was searched until now.
#[allow(dead_code, reason = "not every folder of tests asks")]
pub(crate) fn all_searched() -> BTreeSet<String> {
    SEARCHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}
