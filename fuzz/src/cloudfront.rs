//! CloudFront: policies and cookies against a slow reading.

use super::goog::base64;
use valet_key::{
    aws::cloudfront::{
        Carrier, CloudFrontError, Credential, Expect, PolicyDocument, PolicyToSign, Presented, SignedRequest,
    },
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
    view::{HeaderLine, RequestView},
};

const HOST: &str = "cdn.example";
const ID: &str = "K1";
/// 2026-01-02T03:04:05Z
const NOW: i64 = 1_767_323_045;
/// Stands for every right signature; what is right is decided by the law and not by arithmetic.
const SIGNATURE: [u8; 256] = [0x3f; 256];

fn encoded(bytes: &[u8]) -> String {
    base64(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

/// Reads the base64 of CloudFront digit by digit.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~";
    assert!(text.len().is_multiple_of(4));
    let digits = text.trim_end_matches('_');
    assert!(text.len() - digits.len() <= 2);
    let mut bits = Vec::new();
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit).expect("a sign that is none of the alphabet");
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let spare = bits.len() % 8;
    assert!(bits[bits.len() - spare..].iter().all(|bit| !bit), "spare bits");
    bits[..bits.len() - spare].chunks(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | u8::from(*bit))).collect()
}

/// The verdict on a request whose signature is right if it is [`SIGNATURE`].
fn verify<T>(
    view: &RequestView<'_>,
    expect: &Expect,
    f: impl FnOnce(&PolicyToSign, &Verified<SignedRequest<'_>>) -> T,
) -> Result<T, VerifyError> {
    let credential = Credential::rsa(ID).unwrap();
    let presented = Presented::parse(view)?;
    let pending = presented.check(&credential, expect, Timestamp::from_unix(NOW).unwrap())?;
    assert!(pending.clone().accept_by(|_, _| false).is_err(), "accepted with a wrong signature");
    let policy = pending.string_to_sign().clone();
    Ok(f(&policy, &pending.accept_by(|_, signature| signature == SIGNATURE)?))
}

/// A custom policy for one request: the address of the client or nothing, the URL that is asked for, and the policy, which
/// is all that is left.
///
/// Whatever is accepted is one statement of known members without repetition to a slow reader of JSON, is good now, is for
/// the URL by a slow matcher that knows the sections of a pattern in another way, and for the address bit by bit. What a
/// verifier can read is what a generator signs as given.
///
/// # Panics
/// If it does not hold.
pub fn cloudfront_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.splitn(3, '\n');
    let address = input.next().unwrap_or_default().parse().ok();
    let url = input.next().unwrap_or_default();
    let policy = input.next().unwrap_or_default();
    let Some((protocol, rest)) = url.split_once("://") else { return };
    let Some(asked) = rest.strip_prefix(HOST).filter(|asked| asked.starts_with('/')) else { return };
    let token = format!(
        "{asked}{}Policy={}&Signature={}&Key-Pair-Id={ID}&Hash-Algorithm=SHA256",
        if asked.contains('?') { '&' } else { '?' },
        encoded(policy.as_bytes()),
        encoded(&SIGNATURE),
    );
    let headers: [HeaderLine<'_>; 1] = [("host", HOST.as_bytes())];
    let mut view = RequestView::new("GET", &token, &headers);
    if protocol == "https" {
        view = view.over_https();
    }
    if let Some(address) = address {
        view = view.from_address(address);
    }
    let url = format!("{}://{HOST}{asked}", if protocol == "https" { "https" } else { "http" });
    let verdict = verify(&view, &Expect::new(HOST), |signed, verified| {
        assert_eq!(signed.as_bytes(), policy.as_bytes());
        assert_eq!((verified.url(), verified.carrier(), verified.is_canned()), (&url[..], Carrier::Url, false));
        let terms = Terms::of(&Node::read(policy));
        assert!(terms.from.is_none_or(|from| from <= NOW) && NOW < terms.until, "not good now");
        assert_eq!(verified.expires_at().unix() + 1, terms.until);
        assert_eq!(verified.not_before().map(Timestamp::unix), terms.from);
        assert_eq!(verified.resource(), terms.resource);
        assert!(is_for(&terms.resource, &url), "{} is not for {url}", terms.resource);
        if let Some(network) = &terms.network {
            assert!(is_in(network, address.expect("an address is needed")), "{address:?} is not in {network}");
        }
        assert_eq!(verified.network().is_some(), terms.network.is_some());
    });
    let is_read = PolicyDocument::parse(policy).is_ok();
    match verdict {
        Ok(()) => assert!(is_read, "verified, and not issued"),
        Err(VerifyError::Policy { .. }) => assert!(!is_read, "issued, and not verified"),
        Err(error) => assert!(CloudFrontError::from(&error).status >= 400),
    }
}

/// JSON, as slow as it gets.
#[derive(Debug)]
enum Node {
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn read(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let (node, end) = Self::at(&chars, 0);
        assert_eq!(skip(&chars, end), chars.len(), "something is behind the document");
        node
    }

    fn at(chars: &[char], start: usize) -> (Self, usize) {
        let start = skip(chars, start);
        match chars[start] {
            '"' => {
                let (text, end) = quoted(chars, start);
                (Self::Text(text), end)
            }
            '[' | '{' => {
                let is_list = chars[start] == '[';
                let close = if is_list { ']' } else { '}' };
                let (mut list, mut members): (Vec<Self>, Vec<(String, Self)>) = (Vec::new(), Vec::new());
                let mut at = skip(chars, start + 1);
                while chars[at] != close {
                    if !list.is_empty() || !members.is_empty() {
                        assert_eq!(chars[at], ',');
                        at = skip(chars, at + 1);
                    }
                    if is_list {
                        let (node, end) = Self::at(chars, at);
                        list.push(node);
                        at = skip(chars, end);
                    } else {
                        let (name, end) = quoted(chars, at);
                        assert!(members.iter().all(|(other, _)| *other != name), "{name} is there twice");
                        let colon = skip(chars, end);
                        assert_eq!(chars[colon], ':');
                        let (node, end) = Self::at(chars, colon + 1);
                        members.push((name, node));
                        at = skip(chars, end);
                    }
                }
                (if is_list { Self::List(list) } else { Self::Object(members) }, at + 1)
            }
            _ => {
                let length = chars[start..].iter().take_while(|c| c.is_ascii_digit()).count();
                assert!(length > 0, "neither text, list, object nor whole number");
                (Self::Number(chars[start..start + length].iter().collect()), start + length)
            }
        }
    }

    /// The values of an object that has no other names than these, of which the first so many are required.
    fn members<const N: usize>(&self, names: [&str; N], required: usize) -> [Option<&Self>; N] {
        let Self::Object(members) = self else { panic!("no object: {self:?}") };
        assert!(members.iter().all(|(name, _)| names.contains(&name.as_str())), "an unknown name");
        let values = names.map(|wanted| members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value));
        assert!(values.iter().take(required).all(Option::is_some), "a member is missing");
        values
    }

    fn text(&self) -> String {
        let Self::Text(text) = self else { panic!("no text: {self:?}") };
        text.clone()
    }

    fn time(&self) -> i64 {
        let [Some(Self::Number(digits))] = self.members(["AWS:EpochTime"], 1) else { panic!("no time: {self:?}") };
        assert!(!digits.starts_with('0') && digits.len() <= 10);
        let seconds = digits.parse().unwrap();
        assert!(seconds <= 2_147_483_647);
        seconds
    }
}

fn skip(chars: &[char], mut at: usize) -> usize {
    while chars.get(at).is_some_and(|c| " \t\r\n".contains(*c)) {
        at += 1;
    }
    at
}

fn quoted(chars: &[char], start: usize) -> (String, usize) {
    assert_eq!(chars[start], '"');
    let (mut units, mut at): (Vec<u16>, usize) = (Vec::new(), start + 1);
    while chars[at] != '"' {
        let c = chars[at];
        assert!(c >= ' ');
        at += 1;
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        let escape = chars[at];
        at += 1;
        if escape == 'u' {
            let digits: String = chars[at..at + 4].iter().collect();
            units.push(u16::from_str_radix(&digits, 16).unwrap());
            at += 4;
        } else {
            let meant = "\"\\/\u{8}\u{c}\n\r\t".chars().nth("\"\\/bfnrt".find(escape).unwrap()).unwrap();
            units.push(u16::try_from(u32::from(meant)).unwrap());
        }
    }
    (String::from_utf16(&units).unwrap(), at + 1)
}

struct Terms {
    resource: String,
    until: i64,
    from: Option<i64>,
    network: Option<String>,
}

impl Terms {
    fn of(document: &Node) -> Self {
        let [Some(Node::List(statements))] = document.members(["Statement"], 1) else { panic!("no list") };
        assert_eq!(statements.len(), 1);
        let [resource, condition] = statements[0].members(["Resource", "Condition"], 2);
        let [until, from, network] = condition.unwrap().members(["DateLessThan", "DateGreaterThan", "IpAddress"], 1);
        Self {
            resource: resource.unwrap().text(),
            until: until.unwrap().time(),
            from: from.map(Node::time),
            network: network.map(|network| network.members(["AWS:SourceIp"], 1)[0].unwrap().text()),
        }
    }
}

/// Whether every bit of the prefix is the same.
fn is_in(network: &str, address: std::net::IpAddr) -> bool {
    let (base, length) = network.split_once('/').unwrap_or((network, "32"));
    let bits = |octets: [u8; 4]| octets.map(|octet| format!("{octet:08b}")).concat();
    let own: Vec<u8> = base.split('.').map(|octet| octet.parse().unwrap()).collect();
    let address = match address {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address,
            None => return false,
        },
    };
    let (own, found) = (bits(own.try_into().unwrap()), bits(address.octets()));
    let length: usize = length.parse().unwrap();
    assert!(!own[length..].contains('1'), "an address and not a network");
    own[..length] == found[..length]
}

/// One step of a pattern: a run or one character that are none of these, or this one.
#[derive(Clone, Copy)]
enum Step {
    Run(&'static str),
    One(&'static str),
    Is(u8),
}

/// Whether a pattern is for a URL, over the whole of both: a wildcard cannot take what ends its section.
fn is_for(pattern: &str, url: &str) -> bool {
    if pattern == "*" || pattern == url {
        return true;
    }
    let (protocol, rest) = pattern.split_once("://").expect("a pattern without a protocol");
    let (domain, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (path, query) = match behind.split_once("\\?") {
        Some((path, query)) => (path, Some(query)),
        None => (behind, None),
    };
    // What the guide says that a pattern stands for.
    let mut whole: Vec<(&str, Option<&str>)> = Vec::new();
    match (path, query) {
        ("", None) if domain.ends_with('*') => whole.extend([("/*", None), ("/*", Some("*"))]),
        ("", None) => whole.push(("/", None)),
        (path, None) if path.ends_with('*') => whole.extend([(path, None), (path, Some("*"))]),
        (path, Some("*")) => whole.extend([(path, None), (path, Some("*"))]),
        other => whole.push(other),
    }
    whole.into_iter().any(|(path, query)| {
        let mut steps = steps_of(protocol, ":/?");
        steps.extend(b"://".map(Step::Is));
        steps.extend(steps_of(domain, "/?"));
        steps.extend(steps_of(path, "?"));
        if let Some(query) = query {
            steps.push(Step::Is(b'?'));
            steps.extend(steps_of(query, ""));
        }
        walk(&steps, url.as_bytes())
    })
}

fn steps_of(section: &str, ends: &'static str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut bytes = section.bytes();
    while let Some(byte) = bytes.next() {
        steps.push(match byte {
            b'*' => Step::Run(ends),
            b'?' => Step::One(ends),
            b'\\' => Step::Is(bytes.next().unwrap()),
            byte => Step::Is(byte),
        });
    }
    steps
}

/// Every place of the text that the steps so far can end at.
fn walk(steps: &[Step], text: &[u8]) -> bool {
    let mut places = vec![false; text.len() + 1];
    places[0] = true;
    for step in steps {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let reached_before = at > 0 && next[at - 1];
            let byte = |at: usize| char::from(text[at]);
            match step {
                Step::Run(ends) => {
                    next[at] = places[at] || (reached_before && !ends.contains(byte(at - 1)));
                }
                Step::One(ends) => next[at] = at > 0 && places[at - 1] && !ends.contains(byte(at - 1)),
                Step::Is(wanted) => next[at] = at > 0 && places[at - 1] && text[at - 1] == *wanted,
            }
        }
        places = next;
    }
    places[text.len()]
}

const COOKIES: [&str; 5] = [
    "CloudFront-Expires",
    "CloudFront-Policy",
    "CloudFront-Signature",
    "CloudFront-Key-Pair-Id",
    "CloudFront-Hash-Algorithm",
];
const PARAMETERS: [&str; 5] = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];

/// A request with cookies: `first` or nothing, its target, and its `Cookie` lines, in which `@S` stands for a signature and
/// `@P` for a policy.
///
/// Whatever is accepted has each cookie of CloudFront's once (or takes the first, if it is asked to), spelled exactly, in
/// values that a slow reading of the lines finds too; either an end or a policy; nothing of a token in its query; and what is
/// said to be signed is what those values say.
///
/// # Panics
/// If it does not hold.
pub fn cloudfront_cookie(data: &[u8]) {
    const POLICY: &str = "{\"Statement\":[{\"Resource\":\"http://cdn.example/a/*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":1767323046}}}]}";
    let mut input = data.split(|byte| *byte == b'\n');
    let first_counts = input.next() == Some(b"first");
    let Ok(target) = std::str::from_utf8(input.next().unwrap_or_default()) else { return };
    let filled = |line: &[u8]| {
        let mut filled = Vec::new();
        let mut rest = line;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            match (byte, behind.first()) {
                (b'@', Some(b'S')) => filled.extend(encoded(&SIGNATURE).bytes()),
                (b'@', Some(b'P')) => filled.extend(encoded(POLICY.as_bytes()).bytes()),
                _ => {
                    filled.push(byte);
                    continue;
                }
            }
            rest = &behind[1..];
        }
        filled
    };
    let lines: Vec<Vec<u8>> = input.take(100).map(filled).collect();
    let mut headers: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
    headers.extend(lines.iter().map(|line| ("Cookie", line.as_slice())));
    let view = RequestView::new("GET", target, &headers);
    let expect = if first_counts { Expect::new(HOST).first_cookie_counts() } else { Expect::new(HOST) };

    // The cookies of CloudFront, by name in any letter case, with what stands there.
    let mut found: Vec<(usize, String, String)> = Vec::new();
    for cookie in lines.iter().flat_map(|line| line.split(|byte| *byte == b';')) {
        let cookie = String::from_utf8_lossy(cookie);
        let cookie = cookie.trim_matches([' ', '\t']);
        let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
        let plain = name.trim_matches([' ', '\t']);
        if let Some(at) = COOKIES.iter().position(|known| known.eq_ignore_ascii_case(plain)) {
            found.push((at, name.to_owned(), value.to_owned()));
        }
    }
    let values = |at: usize| found.iter().filter(move |(other, _, _)| *other == at).map(|(_, _, value)| value.as_str());
    let verdict = verify(&view, &expect, |signed, verified| {
        if verified.carrier() == Carrier::Url {
            assert!(found.is_empty(), "a token in the URL beside cookies");
            return;
        }
        let query = target.split_once('?').map_or("", |(_, query)| query);
        for param in query.split('&') {
            let name = param.split('=').next().unwrap();
            assert!(PARAMETERS.iter().all(|known| !known.eq_ignore_ascii_case(name)), "{name} in the query");
        }
        assert!(found.iter().all(|(at, name, _)| name == COOKIES[*at]), "a name in another spelling");
        let counts: Vec<usize> = (0..COOKIES.len()).map(|at| values(at).count()).collect();
        assert!(first_counts || counts.iter().all(|count| *count <= 1), "a cookie is there twice");
        assert!(counts[2] > 0 && counts[3] > 0 && counts[4] > 0, "a cookie is missing");
        assert!((counts[0] == 0) != (counts[1] == 0), "neither or both of an end and a policy");
        assert_eq!(decoded(values(2).next().unwrap()), SIGNATURE);
        assert_eq!((values(3).next(), values(4).next()), (Some(ID), Some("SHA256")));
        assert_eq!(verified.is_canned(), counts[0] > 0);
        let expected = match (values(0).next(), values(1).next()) {
            (Some(end), _) => {
                assert!(end.parse::<i64>().unwrap() > NOW);
                let url = verified.url();
                format!(
                    "{{\"Statement\":[{{\"Resource\":\"{url}\",\"Condition\":{{\"DateLessThan\":{{\"AWS:EpochTime\":{end}}}}}}}]}}"
                )
            }
            (None, policy) => String::from_utf8(decoded(policy.unwrap())).unwrap(),
        };
        assert_eq!(signed.as_str(), expected);
        let target = target.strip_prefix("http://cdn.example").unwrap_or(target);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        assert_eq!(verified.url(), format!("http://{HOST}{target}"));
    });
    if let Err(error) = verdict {
        assert!(CloudFrontError::from(&error).status >= 400);
    }
}
