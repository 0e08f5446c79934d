//! AWS: every token is told by the request that it signs, whether that is sent, handed over as a password or kept in
//! cookies, and comes with the verifiers that are its own.

#[path = "aws/parts.rs"]
mod parts;
#[path = "aws/tokens.rs"]
mod tokens;
#[path = "aws/verifiers.rs"]
mod verifiers;

use super::{Check, GOOGLE, GOOGLE_VIRTUAL, ID, METHODS, S3_HOST, SECRET, now};
use sha2::{Digest, Sha256};
use std::cell::OnceCell;
use tokens::tokens;
use valet_key::{
    aws::{
        Credential, Endpoint, LegacyUrlRequest, Region, Request, StaticKey, UrlRequest,
        auth_token::{DsqlRole, Login},
        cloudfront,
        sqs::Queue,
        sts::StsEndpoint,
    },
    grant::Justification,
    view::RequestView,
};
use verifiers::{Writing, every_login, verifiers};

const REGION: &str = "eu-west-1";
const ELSEWHERE: &str = "us-east-1";
const OTHER_ID: &str = "AKIAOTHEREXAMPLE";
const OTHER_SECRET: &str = "another";
/// The same for a session of the Security Token Service and one of S3 Express One Zone.
const SESSION: &str = "session/token+of=ours";
const ZONAL_BUCKET: &str = "photos--euw1-az1--x-s3";
const ZONAL_HOST: &str = "photos--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com";
const CDN: &str = "d111111abcdef8.cloudfront.net";
const STS_HOST: &str = "sts.eu-west-1.amazonaws.com";
const ACCOUNT: &str = "123456789012";
/// A database, a cache, a broker and an endpoint of MQTT that have the same name.
const SERVER: &str = "photos";
const USER: &str = "web";

const CAT: &str = "/cat.jpg";
const PHOTOS_CAT: &str = "/photos/cat.jpg";
const PHOTOS_CAT_LARGE: &str = "/photos/cat.jpg?size=large";
const PHOTOS_DOG: &str = "/photos/dog.jpg";
const CAT_ESCAPED: &str = "/%63at.jpg";
const CAT_BEHIND_TWO: &str = "//cat.jpg";
const NOTHING_BEHIND_TWO: &str = "//";
const PLACES: [&str; 13] = [
    CAT,
    PHOTOS_CAT,
    PHOTOS_CAT_LARGE,
    PHOTOS_DOG,
    CAT_ESCAPED,
    CAT_BEHIND_TWO,
    NOTHING_BEHIND_TWO,
    "/",
    "/invoices/cat.jpg",
    "/cat.jpg?acl",
    "/?Action=connect",
    "/mqtt",
    "/123456789012/photos",
];
const HOSTS: [&str; 7] = [S3_HOST, ZONAL_HOST, CDN, SERVER, STS_HOST, GOOGLE, GOOGLE_VIRTUAL];
const READ: &[&str] = &["GET", "HEAD"];

/// Verifiers that nothing is for, beside those with another key or for another place.
const REFUSERS: &[&str] = &[
    "login, Kafka broker, session",
    "s3, zonal session",
    "sts, zonal session",
    "SigV4a, S3 Express",
    "SigV4a, session",
    "SigV4a, us-east-1",
];

/// Verifiers, methods and places.
type Cells = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// The request that is signed, with the cells in which it is accepted.
#[derive(Clone)]
struct Token {
    name: String,
    method: String,
    host: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The verifiers that accept it as it is.
    own: Vec<String>,
    /// What is accepted beside that, at its own host.
    more: Vec<Cells>,
}

impl Token {
    fn from_url(name: &str, method: &str, url: &str, own: &[&str]) -> Self {
        let (host, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            name: name.to_owned(),
            method: method.to_owned(),
            host: host.to_owned(),
            path: format!("/{path}"),
            query: query.to_owned(),
            headers: vec![],
            body: vec![],
            own: own.iter().map(|verifier| (*verifier).to_owned()).collect(),
            more: vec![],
        }
    }

    fn with_headers<N: Into<String>, V: Into<String>>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Self {
        self.headers.extend(headers.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    fn with_body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    fn and(mut self, more: &[Cells]) -> Self {
        self.more.extend(more);
        self
    }

    fn has(&self, verifier: &str) -> bool {
        self.own.iter().any(|own| own == verifier) || self.more.iter().any(|cell| cell.0.contains(&verifier))
    }

    fn target(&self, place: &str) -> String {
        let separator = if place.contains('?') { "&" } else { "?" };
        if self.query.is_empty() { place.to_owned() } else { format!("{place}{separator}{}", self.query) }
    }

    fn is_own(&self, verifier: &str, method: &str, host: &str, place: &str) -> bool {
        // A password does not say with which method it was signed.
        let same_method = method == self.method || verifier.starts_with("login");
        let is_itself =
            same_method && is_same(verifier, place, &self.path) && self.own.iter().any(|own| own == verifier);
        let mut more = self.more.iter();
        let is_more =
            more.any(|cell| cell.0.contains(&verifier) && cell.1.contains(&method) && cell.2.contains(&place));
        // Version 2 signs the bucket, and not the host that serves it.
        let home = if verifier == "Version 2 at another host" { GOOGLE_VIRTUAL } else { self.host.as_str() };
        host == home && (is_itself || is_more)
    }
}

/// Whether two places are one to a verifier.
fn is_same(verifier: &str, place: &str, path: &str) -> bool {
    match verifier.split(',').next().unwrap() {
        // Its JSON says neither path nor query.
        "login" if verifier.starts_with("login, Kafka broker") => true,
        // Amazon's services sign a path without its empty segments, S3 excepted.
        "sts" | "sqs" | "queue" | "rds-db" | "dsql" | "elasticache" | "memorydb" | "kafka-cluster"
        | "iotdevicegateway" => place.replace("//", "/") == path,
        "SigV4a" if verifier == "SigV4a, SQS" => place.replace("//", "/") == path,
        _ => place == path,
    }
}

/// A request as it arrives, and what it would be as a password: written once for all who look at it.
struct Arrival<'r> {
    view: RequestView<'r>,
    texts: [OnceCell<String>; Writing::ALL.len()],
}

impl Arrival<'_> {
    fn text(&self, writing: Writing) -> &str {
        self.texts[writing as usize].get_or_init(|| writing.text(&self.view))
    }
}

type Look = Box<dyn Fn(&Arrival<'_>) -> bool>;

fn arrives<R>(token: &Token, method: &str, host: &str, target: &str, look: impl FnOnce(&Arrival<'_>) -> R) -> R {
    let mut lines: Vec<(&str, &[u8])> = vec![("host", host.as_bytes())];
    lines.extend(token.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let view = RequestView::new(method, target, &lines).over_https();
    let view = view.body_sha256(Sha256::digest(&token.body).into());
    look(&Arrival { view, texts: Default::default() })
}

/// Every method, at every place of its own host and at its own place of every other host.
fn attempts(token: &Token) -> Vec<(&str, &str, &str)> {
    let (own_method, own_host, own_place) = (token.method.as_str(), token.host.as_str(), token.path.as_str());
    let mut places = vec![(own_host, own_place)];
    places.extend(PLACES.iter().filter(|place| **place != own_place).map(|place| (own_host, *place)));
    places.extend(HOSTS.iter().filter(|host| **host != own_host).map(|host| (*host, own_place)));
    let methods = METHODS.iter().filter(|method| **method != own_method).chain([&own_method]);
    methods.flat_map(|method| places.iter().map(move |(host, place)| (*method, *host, *place))).collect()
}

/// With one thing changed at a time, which is plenty for who knows nothing of the token.
fn is_near(token: &Token, (method, host, place): (&str, &str, &str)) -> bool {
    method == token.method || (host == token.host && place == token.path)
}

#[test]
fn a_token_of_aws_is_accepted_in_its_own_cells_alone() {
    let (tokens, verifiers) = (tokens(), verifiers());
    let (mut accepted, mut cells, mut surprises) = (0, 0, vec![]);
    for token in &tokens {
        let mut own = 0;
        for (method, host, place) in attempts(token) {
            let is_near = is_near(token, (method, host, place));
            arrives(token, method, host, &token.target(place), |arrival| {
                for (verifier, look) in verifiers.iter().filter(|(verifier, _)| is_near || token.has(verifier)) {
                    let expected = token.is_own(verifier, method, host, place);
                    if look(arrival) != expected {
                        let verdict = if expected { "is refused" } else { "is accepted" };
                        surprises.push(format!("{} {verdict} at {verifier}: {method} {place} of {host}", token.name));
                    }
                    (own, cells) = (own + usize::from(expected), cells + 1);
                }
            });
        }
        assert!(own > 0, "{} has no cell of its own", token.name);
        accepted += own;
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let refusing = |name: &str| name.contains("another") || name.contains("elsewhere") || REFUSERS.contains(&name);
    for (verifier, _) in &verifiers {
        let has_own = tokens.iter().any(|token| token.has(verifier));
        assert!(has_own || refusing(verifier), "nothing is for {verifier}");
    }
    assert!(cells > 100_000 && accepted < cells / 100, "{accepted} of {cells}");
}

/// Whether only one of two tokens is there to a verifier, and is its own.
fn is_one(token: &Token, other: &Token, verifier: &str) -> bool {
    let is_own = |of: &Token| of.is_own(verifier, &of.method, &token.host, &token.path);
    let has_query = |of: &Token| match verifier {
        // Its JSON says nothing of other parameters.
        _ if verifier.starts_with("login, Kafka broker") => of.query.contains("X-Amz-"),
        _ => !of.query.is_empty(),
    };
    if verifier.starts_with("login") {
        // A password has no headers.
        return (!has_query(other) && is_own(token)) || (!has_query(token) && is_own(other));
    }
    // Cookies come with every request to a site, whoever else is to read it.
    other.name.starts_with("CloudFront cookies") && !verifier.starts_with("CloudFront") && is_own(token)
}

#[test]
fn two_tokens_of_aws_in_one_request_are_refused() {
    let (tokens, verifiers) = (tokens(), verifiers());
    let mut surprises = vec![];
    for token in &tokens {
        for other in tokens.iter().filter(|other| other.name != token.name) {
            let mut both = token.clone();
            both.headers.extend(other.headers.iter().cloned());
            let queries = [(&token.query, &other.query), (&other.query, &token.query)];
            for (at, (first, second)) in queries.into_iter().enumerate() {
                both.query = [first.as_str(), second]
                    .into_iter()
                    .filter(|query| !query.is_empty())
                    .collect::<Vec<_>>()
                    .join("&");
                arrives(&both, &token.method, &token.host, &both.target(&token.path), |arrival| {
                    for (verifier, look) in verifiers.iter().filter(|(name, _)| token.has(name) || other.has(name)) {
                        let expected = is_one(token, other, verifier);
                        if look(arrival) != expected {
                            let verdict = if expected { "is refused" } else { "is accepted" };
                            surprises
                                .push(format!("{} with {} {verdict} at {verifier} ({at})", token.name, other.name));
                        }
                    }
                });
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

#[test]
fn no_token_of_aws_is_accepted_in_another_cloud() {
    // Those of the neighbouring table that are of AWS are looked at here already.
    let is_foreign = |name: &str| ["HMAC", "RSA", "V2"].iter().any(|scheme| name.starts_with(scheme));
    let mut foreign: Vec<(String, Check)> = vec![];
    foreign.extend(super::verifiers().into_iter().map(|(name, _, check)| (name.to_owned(), check)));
    foreign.retain(|(name, _)| is_foreign(name));
    let mut strangers: Vec<Token> = vec![];
    for token in super::tokens().into_iter().filter(|token| is_foreign(token.name)) {
        let url = format!("https://{}{}", token.host, token.target);
        let text = |value: Vec<u8>| String::from_utf8(value).unwrap();
        let headers = token.headers.into_iter().map(|(name, value)| (name, text(value)));
        strangers.push(Token::from_url(token.name, &token.method, &url, &[]).with_headers(headers));
    }
    #[cfg(feature = "azure")]
    {
        foreign.extend(super::azure::verifiers().into_iter().map(|(name, check)| (name.to_owned(), check)));
        for token in super::azure::tokens() {
            let url = format!("https://{S3_HOST}{PHOTOS_CAT}?{}", token.query);
            strangers.push(Token::from_url(token.name, "GET", &url, &[]).with_headers(token.headers));
        }
    }
    let mut cells = 0;
    for token in tokens() {
        for (method, host, place) in attempts(&token).into_iter().filter(|attempt| is_near(&token, *attempt)) {
            arrives(&token, method, host, &token.target(place), |arrival| {
                for (verifier, check) in &foreign {
                    assert!(!check(&arrival.view), "{} at {verifier}: {method} {place} of {host}", token.name);
                    cells += 1;
                }
            });
        }
    }
    let verifiers = verifiers();
    for token in strangers {
        for (method, host, place) in attempts(&token).into_iter().filter(|attempt| is_near(&token, *attempt)) {
            arrives(&token, method, host, &token.target(place), |arrival| {
                for (verifier, look) in &verifiers {
                    assert!(!look(arrival), "{} at {verifier}: {method} {place} of {host}", token.name);
                    cells += 1;
                }
            });
        }
    }
    assert!(cells > 50_000, "{cells}");
}
