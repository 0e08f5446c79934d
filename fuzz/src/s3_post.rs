//! Forms of S3 against a slow reading of form and policy.

use super::{DATE, goog::base64, now, signature_hex};
use std::{ops::RangeInclusive, sync::LazyLock};
use valet_key::aws::{ExpectForm, FormView, KeyRing, PresentedForm, S3Error, StaticKey};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const FILE_NAME: &str = "${filename}";

static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new().with(StaticKey::new(ID, SECRET).unwrap()));

/// A form of any shape: the bucket, the name of the file and the policy, each on a line, then `name=value` fields
/// beside those of the signer.
///
/// Law: a form that is signed is accepted exactly if the slow reading accepts it, as the same object with the same
/// bounds.
///
/// # Panics
/// If it does not hold.
pub fn s3_post_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.split('\n');
    let bucket = input.next().unwrap_or_default();
    let file_name = input.next().unwrap_or_default();
    let policy = input.next().unwrap_or_default();
    let encoded = base64(policy.as_bytes());
    let scope = [&DATE[..8], "eu-west-1", "s3", "aws4_request"];
    let credential = format!("{ID}/{}", scope.join("/"));
    let signature = signature_hex(format!("AWS4{SECRET}").as_bytes(), scope, encoded.as_bytes());
    let mut fields: Vec<(&str, &str)> = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", DATE),
        ("Policy", &encoded),
        ("x-amz-signature", &signature),
    ];
    fields.extend(input.filter_map(|line| line.split_once('=')));
    let view = FormView::new(bucket, &fields).file_name(file_name);
    let slow = SlowForm { bucket, file_name, policy, fields: &fields }.read();
    let presented = PresentedForm::parse(&view);
    match presented.and_then(|form| RING.verify_form(form, &ExpectForm::new("eu-west-1"), now())) {
        Ok(form) => {
            let found = Some((form.key().to_owned(), form.size().clone()));
            assert_eq!(found, slow, "ours and the slow reading");
            assert_eq!(form.bucket(), bucket);
        }
        Err(error) => {
            assert!(S3Error::from(&error).status >= 400);
            assert_eq!(slow, None, "refused here: {error}");
        }
    }
}

struct SlowForm<'f> {
    bucket: &'f str,
    file_name: &'f str,
    policy: &'f str,
    fields: &'f [(&'f str, &'f str)],
}

fn is_one_of(name: &str, all: &[&str]) -> bool {
    all.contains(&name.to_ascii_lowercase().as_str())
}

fn extends(name: &str, prefix: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let rest = name.strip_prefix(prefix).unwrap_or_default();
    !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Fields whose beginning a condition may ask for.
fn is_prefixed(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "acl",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-type",
        "expires",
        "key",
        "redirect",
        "success_action_redirect",
    ];
    is_one_of(name, &NAMES) || extends(name, "x-amz-meta-")
}

fn is_known(name: &str) -> bool {
    is_prefixed(name) || is_one_of(name, &["bucket", "success_action_status", "tagging"]) || extends(name, "x-amz-")
}

impl SlowForm<'_> {
    /// The key and the sizes, if the form is good.
    fn read(&self) -> Option<(String, RangeInclusive<u64>)> {
        self.has_shape().then_some(())?;
        let mut conditions = Vec::new();
        self.read_policy(&mut conditions)?;
        let base = self.file_name.rsplit(['/', '\\']).next()?;
        let mut seen: Vec<(String, String)> = vec![("bucket".to_owned(), self.bucket.to_owned())];
        for (name, value) in self.fields {
            let name = name.to_ascii_lowercase();
            if is_one_of(&name, &["policy", "x-amz-signature"]) || name.starts_with("x-ignore-") {
                continue;
            }
            if value.contains(FILE_NAME) {
                let times = value.split(FILE_NAME).count() - 1;
                let fits = base.len() <= 1024 && value.len() + times * base.len() <= 16 << 10;
                (fits && !base.contains(['\r', '\0'])).then_some(())?;
            }
            let value = value.split(FILE_NAME).collect::<Vec<_>>().join(base);
            if name == "bucket" {
                (value == self.bucket).then_some(())?;
            } else {
                seen.push((name.clone(), value));
            }
            conditions.iter().any(|condition| condition.names(&name)).then_some(())?;
        }
        let value = |name: &str| seen.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
        let mut size = 0..=5u64 << 30;
        let mut sizes = 0;
        for condition in &conditions {
            match condition {
                Slow::Equals(name, expected) => (value(name)? == *expected).then_some(())?,
                Slow::Begins(name, prefix) => {
                    let value = value(name)?;
                    let parts: Vec<&str> =
                        if name == "content-type" { value.split(',').collect() } else { vec![&value] };
                    parts.iter().all(|part| part.starts_with(prefix.as_str())).then_some(())?;
                }
                Slow::Size(least, most) => {
                    sizes += 1;
                    (sizes == 1 && least <= most).then_some(())?;
                    size = *least..=*size.end().min(most);
                }
            }
        }
        for fixed in ["bucket", "x-amz-algorithm", "x-amz-credential", "x-amz-date"] {
            let fixes = |condition: &Slow| matches!(condition, Slow::Equals(name, _) if name == fixed);
            conditions.iter().any(fixes).then_some(())?;
        }
        let key = value("key")?;
        let folded = key.split('/').any(|segment| segment == "." || segment == "..");
        (!key.is_empty() && key.len() <= 1024 && !folded).then_some(())?;
        if let Some(checksum) = value("x-amz-checksum-sha256") {
            is_digest(&checksum).then_some(())?;
        }
        Some((key, size))
    }

    fn has_shape(&self) -> bool {
        let mut names: Vec<String> = self.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let has = |name: &str| names.iter().any(|other| other == name);
        // Of another scheme, of a session that the key does not have, or not before the file.
        let foreign = ["awsaccesskeyid", "googleaccessid", "signature", "x-amz-security-token", "file"];
        if foreign.iter().any(|name| has(name)) || names.iter().any(|name| extends(name, "x-goog-")) || !has("key") {
            return false;
        }
        let total: usize = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        names.sort();
        let all = names.len();
        names.dedup();
        let broken = |text: &str| text.contains(['\r', '\0']);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        names.len() == all
            && all <= 100
            && total <= 20_480
            && !self.fields.iter().any(|(name, value)| broken(name) || broken(value))
            && (3..=255).contains(&self.bucket.len())
            && self.bucket.chars().all(plain)
            && self.bucket.chars().any(|c| c.is_ascii_alphanumeric())
    }

    fn read_policy(&self, out: &mut Vec<Slow>) -> Option<()> {
        let chars: Vec<char> = self.policy.chars().collect();
        let mut reader = Reader { chars: &chars, at: 0 };
        let document = reader.value(1)?;
        reader.blanks();
        (reader.at == chars.len()).then_some(())?;
        let Json::Object(members) = document else { return None };
        let member = |name: &str| members.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        let (Json::Text(end), Json::List(list)) = (member("expiration")?, member("conditions")?) else { return None };
        (members.len() == 2 && list.len() <= 128 && is_good_end(end)).then_some(())?;
        for condition in list {
            out.push(Slow::read(condition)?);
        }
        Some(())
    }
}

/// From the second after `DATE` to a week after it, which is all in the first days of one January.
fn is_good_end(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else { return false };
    let (text, fraction) = text.split_once('.').unwrap_or((text, "000"));
    let digits = |text: &str, most: u32| {
        text.len() == 2 && text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u32>().unwrap() <= most
    };
    let Some(rest) = text.strip_prefix("2026-01-") else { return false };
    let Some((day, time)) = rest.split_once('T') else { return false };
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts[..] else { return false };
    fraction.len() == 3
        && fraction.chars().all(|c| c.is_ascii_digit())
        && digits(day, 31)
        && digits(hour, 23)
        && digits(minute, 59)
        && digits(second, 59)
        && ("02T03:04:06"..="09T03:04:05").contains(&rest)
}

fn is_digest(text: &str) -> bool {
    text.len() == 44
        && text.ends_with('=')
        && text[..42].chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '/')
        && text.get(42..43).is_some_and(|last| "AEIMQUYcgkosw048".contains(last))
}

/// A condition, its name in lower case.
enum Slow {
    Equals(String, String),
    Begins(String, String),
    Size(u64, u64),
}

impl Slow {
    fn read(condition: &Json) -> Option<Self> {
        let number = |bound: &Json| {
            let (Json::Number(digits) | Json::Text(digits)) = bound else { return None };
            let plain = (1..=19).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
            plain.then(|| digits.parse().unwrap())
        };
        match condition {
            Json::Object(members) => {
                let [(name, Json::Text(value))] = &members[..] else { return None };
                is_known(name).then(|| Self::Equals(name.to_ascii_lowercase(), value.clone()))
            }
            Json::List(parts) => {
                let [Json::Text(operator), first, second] = &parts[..] else { return None };
                if operator == "content-length-range" {
                    return Some(Self::Size(number(first)?, number(second)?));
                }
                let (Json::Text(name), Json::Text(value)) = (first, second) else { return None };
                let name = name.strip_prefix('$')?;
                let (lower, value) = (name.to_ascii_lowercase(), value.clone());
                match operator.as_str() {
                    "eq" if is_known(name) => Some(Self::Equals(lower, value)),
                    "starts-with" if is_prefixed(name) => Some(Self::Begins(lower, value)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn names(&self, field: &str) -> bool {
        matches!(self, Self::Equals(name, _) | Self::Begins(name, _) if name == field)
    }
}

enum Json {
    /// `null`, `true` or `false`
    Word,
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// JSON, one character after the other.
struct Reader<'c> {
    chars: &'c [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.chars.get(self.at - 1).copied()
    }

    fn expect(&mut self, c: char) -> Option<()> {
        (self.next()? == c).then_some(())
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| " \t\r\n".contains(c)) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        (depth <= 8).then_some(())?;
        self.blanks();
        match self.peek()? {
            '"' => self.text().map(Json::Text),
            '[' => {
                let mut list = Vec::new();
                self.elements(']', |reader| {
                    list.push(reader.value(depth + 1)?);
                    Some(())
                })?;
                Some(Json::List(list))
            }
            '{' => {
                let mut members: Vec<(String, Json)> = Vec::new();
                self.elements('}', |reader| {
                    reader.blanks();
                    let name = reader.text()?;
                    reader.blanks();
                    reader.expect(':')?;
                    let value = reader.value(depth + 1)?;
                    members.iter().all(|(other, _)| *other != name).then_some(())?;
                    members.push((name, value));
                    Some(())
                })?;
                Some(Json::Object(members))
            }
            'n' | 't' | 'f' => {
                let rest: String = self.chars[self.at..].iter().take(5).collect();
                let word = ["null", "true", "false"].into_iter().find(|word| rest.starts_with(word))?;
                self.at += word.len();
                Some(Json::Word)
            }
            _ => self.number(),
        }
    }

    fn elements(&mut self, end: char, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.next()?;
        self.blanks();
        if self.peek()? == end {
            return self.expect(end);
        }
        loop {
            element(self)?;
            self.blanks();
            match self.next()? {
                ',' => {}
                c if c == end => return Some(()),
                _ => return None,
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<Json> {
        let from = self.at;
        if self.peek()? == '-' {
            self.at += 1;
        }
        if self.peek()? == '0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some('.') {
            self.at += 1;
            self.digits()?;
        }
        if self.peek().is_some_and(|c| "eE".contains(c)) {
            self.at += 1;
            if self.peek().is_some_and(|c| "+-".contains(c)) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Json::Number(self.chars[from..self.at].iter().collect()))
    }

    fn text(&mut self) -> Option<String> {
        self.expect('"')?;
        let mut units: Vec<u16> = Vec::new();
        loop {
            match self.next()? {
                '"' => return String::from_utf16(&units).ok(),
                '\\' => {
                    let c = match self.next()? {
                        c @ ('"' | '\\' | '/') => c,
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'u' => {
                            let mut unit = 0;
                            for _ in 0..4 {
                                unit = unit * 16 + u16::try_from(self.next()?.to_digit(16)?).unwrap();
                            }
                            units.push(unit);
                            continue;
                        }
                        _ => return None,
                    };
                    units.extend(c.encode_utf16(&mut [0; 2]).iter());
                }
                c if c < ' ' => return None,
                c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }
}
