//! Azure: a token covers more than one cell, so that each comes with the cells that are its own.

use super::{GOOGLE, GOOGLE_VIRTUAL, ID, METHODS, S3_HOST, SECRET, now};
use valet_key::azure::{
    AccessRule, AccountKey, AccountPermissions, AccountRequest, BlobPermissions, ContainerPermissions, Delegation,
    DirectoryPermissions, Expect, ExpectSharedKey, ExpectToken, FilePermissions, Inline, KeyRange, KeyRing,
    MessagingEntity, MessagingOperation, MessagingSas, PresentedRequest, PresentedToken, QueuePermissions,
    ResourceTypes, Right, Rights, RuleRing, Sas, Service, ServiceBusKey, Services, SharePermissions, SharedKeyRequest,
    TablePermissions, TokenRequest, UrlRequest, UserDelegationKey, Verifier,
};
use valet_key::grant::Justification;
use valet_key::view::RequestView;

/// The same account, and secrets whose text is the same in all three clouds.
const ACCOUNT: &str = ID;
const OTHER_ACCOUNT: &str = "otheraccount";
const OTHER_SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const BUS: &str = "ns.example";

// Everything has the same name in every service.
const CAT: &str = "/photos/cat.jpg";
const CAT_AS_FILE: &str = "/photos/cat.jpg?resource=file";
const DOG: &str = "/photos/dog.jpg";
const ELSEWHERE: &str = "/invoices/cat.jpg";
const BELOW: &str = "/photos/a/b/c.jpg";
const BESIDE: &str = "/photos/a/x.jpg";
const LIST: &str = "/photos?restype=container&comp=list";
const LIST_DIRECTORY: &str = "/photos?resource=filesystem&directory=a%2Fb";
const LIST_SHARE: &str = "/photos?restype=directory&comp=list";
const LIST_ALL: &str = "/?comp=list";
const MESSAGES: &str = "/photos/messages";
const MESSAGE: &str = "/photos/messages/id";
const TABLE: &str = "/photos()";
const OTHER_TABLE: &str = "/invoices()";
const ENTITY: &str = "/photos(PartitionKey='b',RowKey='1')";
const FAR_ENTITY: &str = "/photos(PartitionKey='z',RowKey='1')";
const PLACES: [&str; 16] = [
    CAT,
    CAT_AS_FILE,
    DOG,
    ELSEWHERE,
    BELOW,
    BESIDE,
    LIST,
    LIST_DIRECTORY,
    LIST_SHARE,
    LIST_ALL,
    MESSAGES,
    MESSAGE,
    TABLE,
    OTHER_TABLE,
    ENTITY,
    FAR_ENTITY,
];
/// What is in the container or share, in a reading without `resource`.
const IN_PHOTOS: &[&str] = &[CAT, DOG, BELOW, BESIDE, MESSAGES, MESSAGE];
const READ: &[&str] = &["GET", "HEAD"];

/// Verifiers, methods and places.
type Cells = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// A query or a header, with the cells in which it is accepted.
pub(super) struct Token {
    pub(super) name: &'static str,
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
    cells: Vec<Cells>,
}

impl Token {
    fn in_url(name: &'static str, holder: &dyn Sas, request: &UrlRequest, cells: &[Cells]) -> Self {
        let request = request.clone().because(why());
        let url = holder.issue(&request, now()).unwrap();
        Self { name, query: url.expose_query().to_owned(), headers: vec![], cells: cells.to_vec() }
    }

    fn target(&self, place: &str) -> String {
        let separator = if place.contains('?') { "&" } else { "?" };
        if self.query.is_empty() { place.to_owned() } else { format!("{place}{separator}{}", self.query) }
    }

    fn is_own(&self, verifier: &str, method: &str, place: &str) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|cell| cell.0.contains(&verifier) && cell.1.contains(&method) && cell.2.contains(&place))
    }
}

fn why() -> Justification {
    Justification::new("a test").unwrap()
}

fn account_key(account: &str, secret: &str) -> AccountKey {
    AccountKey::new(account, secret).unwrap()
}

fn delegated(account: &str, service: &str, secret: &str) -> UserDelegationKey {
    let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    let window = ["2023-11-14T22:00:00Z", "2023-11-14T23:00:00Z"];
    let delegation = Delegation::new(ids, window, service, "2025-07-05").unwrap();
    UserDelegationKey::new(account, delegation, secret).unwrap()
}

fn queue() -> MessagingEntity {
    MessagingEntity::namespace(BUS).unwrap().queue("photos").unwrap()
}

fn bus_key(secret: &str) -> ServiceBusKey {
    ServiceBusKey::new(AccessRule::service_bus(&queue(), "sender", Right::Send).unwrap(), secret).unwrap()
}

fn blob(letters: &str) -> UrlRequest {
    UrlRequest::blob("photos", "cat.jpg", Inline::new(BlobPermissions::parse(letters).unwrap())).unwrap()
}

fn container() -> UrlRequest {
    let terms = Inline::new(ContainerPermissions::READ | ContainerPermissions::LIST);
    UrlRequest::container("photos", terms).unwrap()
}

fn directory() -> UrlRequest {
    let terms = Inline::new(DirectoryPermissions::READ | DirectoryPermissions::LIST);
    UrlRequest::directory("photos", "a/b", terms).unwrap()
}

fn file() -> UrlRequest {
    UrlRequest::file("photos", "cat.jpg", Inline::new(FilePermissions::READ)).unwrap()
}

fn queue_add() -> UrlRequest {
    UrlRequest::queue("photos", Inline::new(QueuePermissions::ADD)).unwrap()
}

pub(super) fn tokens() -> Vec<Token> {
    let mut tokens = of_the_account_key();
    tokens.extend(of_delegation_keys());
    tokens.extend(of_whole_services());
    tokens.extend(in_headers());
    tokens
}

fn of_the_account_key() -> Vec<Token> {
    let key = account_key(ACCOUNT, SECRET);
    let share = UrlRequest::share("photos", Inline::new(SharePermissions::READ | SharePermissions::LIST)).unwrap();
    let range = KeyRange::new().from("a").to("c");
    let table = UrlRequest::table("photos", range, Inline::new(TablePermissions::READ)).unwrap();
    let blob_read: &[Cells] = &[
        (&["blob", "dfs", "blob, account keys"], READ, &[CAT]),
        (&["blob", "blob, account keys"], READ, &[CAT_AS_FILE]),
    ];
    vec![
        Token::in_url("blob read", &key, &blob("r"), blob_read),
        Token::in_url(
            "blob upload",
            &key,
            &blob("cw"),
            &[(&["blob", "blob, account keys"], &["PUT"], &[CAT, CAT_AS_FILE]), (&["dfs"], &["PUT"], &[CAT_AS_FILE])],
        ),
        Token::in_url(
            "container",
            &key,
            &container(),
            &[
                (&["blob", "dfs", "blob, account keys"], READ, IN_PHOTOS),
                (&["blob", "blob, account keys"], READ, &[CAT_AS_FILE]),
                (&["blob", "blob, account keys"], &["GET"], &[LIST]),
                (&["dfs"], &["GET"], &[LIST_DIRECTORY]),
            ],
        ),
        Token::in_url(
            "directory",
            &key,
            &directory(),
            &[(&["blob", "dfs", "blob, account keys"], READ, &[BELOW]), (&["dfs"], &["GET"], &[LIST_DIRECTORY])],
        ),
        Token::in_url("file", &key, &file(), &[(&["file"], READ, &[CAT, CAT_AS_FILE])]),
        Token::in_url(
            "share",
            &key,
            &share,
            &[(&["file"], READ, IN_PHOTOS), (&["file"], READ, &[CAT_AS_FILE]), (&["file"], &["GET"], &[LIST_SHARE])],
        ),
        Token::in_url("queue", &key, &queue_add(), &[(&["queue"], &["POST"], &[MESSAGES])]),
        // A table does not know what `resource` is.
        Token::in_url(
            "table",
            &key,
            &table,
            &[(&["table"], &["GET"], &[TABLE, LIST_DIRECTORY]), (&["table"], READ, &[ENTITY])],
        ),
    ]
}

fn of_delegation_keys() -> Vec<Token> {
    let by_user = |service| delegated(ACCOUNT, service, SECRET);
    let blob_read_by_user: &[Cells] = &[
        (&["blob", "dfs", "blob, delegation keys"], READ, &[CAT]),
        (&["blob", "blob, delegation keys"], READ, &[CAT_AS_FILE]),
    ];
    vec![
        Token::in_url("blob read by a user", &by_user("b"), &blob("r"), blob_read_by_user),
        Token::in_url(
            "container by a user",
            &by_user("b"),
            &container(),
            &[
                (&["blob", "dfs", "blob, delegation keys"], READ, IN_PHOTOS),
                (&["blob", "blob, delegation keys"], READ, &[CAT_AS_FILE]),
                (&["blob", "blob, delegation keys"], &["GET"], &[LIST]),
                (&["dfs"], &["GET"], &[LIST_DIRECTORY]),
            ],
        ),
        Token::in_url(
            "directory by a user",
            &by_user("b"),
            &directory(),
            &[(&["blob", "dfs", "blob, delegation keys"], READ, &[BELOW]), (&["dfs"], &["GET"], &[LIST_DIRECTORY])],
        ),
        Token::in_url("file by a user", &by_user("f"), &file(), &[(&["file"], READ, &[CAT, CAT_AS_FILE])]),
        Token::in_url("queue by a user", &by_user("q"), &queue_add(), &[(&["queue"], &["POST"], &[MESSAGES])]),
    ]
}

fn of_whole_services() -> Vec<Token> {
    let key = account_key(ACCOUNT, SECRET);
    let account_sas = |services, types, letters: &str| {
        let request = AccountRequest::new(services, types, AccountPermissions::parse(letters).unwrap(), why());
        request.issue(&key, now()).unwrap().expose().to_owned()
    };
    vec![
        Token {
            name: "account SAS for objects",
            query: account_sas(Services::BLOB, ResourceTypes::OBJECT, "r"),
            headers: vec![],
            cells: vec![
                (&["blob", "dfs", "blob, account keys"], READ, IN_PHOTOS),
                (&["blob", "dfs", "blob, account keys"], READ, &[ELSEWHERE]),
                // What has one segment is a blob in the root container.
                (
                    &["blob", "blob, account keys"],
                    READ,
                    &[CAT_AS_FILE, LIST_DIRECTORY, TABLE, OTHER_TABLE, ENTITY, FAR_ENTITY],
                ),
            ],
        },
        Token {
            name: "account SAS for lists",
            query: account_sas(Services::BLOB | Services::FILE, ResourceTypes::SERVICE | ResourceTypes::CONTAINER, "l"),
            headers: vec![],
            cells: vec![
                (&["blob", "blob, account keys"], &["GET"], &[LIST, LIST_ALL]),
                (&["dfs"], &["GET"], &[LIST_DIRECTORY]),
                (&["file"], &["GET"], &[LIST_SHARE, LIST_ALL]),
            ],
        },
    ]
}

fn in_headers() -> Vec<Token> {
    let key = account_key(ACCOUNT, SECRET);
    let request = SharedKeyRequest::new("GET", Service::Blob, CAT).unwrap().because(why());
    let signed = key.authorize(&request, now()).unwrap();
    let mut headers = signed.headers().to_vec();
    headers.push(("authorization".to_owned(), signed.expose_authorization().to_owned()));
    let cells: Vec<Cells> = vec![(&["Shared Key"], &["GET"], &[CAT])];
    let shared_key = Token { name: "Shared Key", query: String::new(), headers, cells };
    let token = bus_key(SECRET).token(&TokenRequest::new(&queue(), Right::Send), now()).unwrap();
    let headers = vec![("authorization".to_owned(), token.expose().to_owned())];
    // A token has the rights that its rule has at the verifier.
    let cells: Vec<Cells> =
        vec![(&["Service Bus"], &["POST"], &[MESSAGES]), (&["Service Bus, to listen"], &["DELETE"], &[MESSAGES])];
    vec![shared_key, Token { name: "Service Bus", query: String::new(), headers, cells }]
}

pub(super) fn verifiers() -> Vec<(&'static str, super::Check)> {
    let ring = |account: &str, secret: &str, by_account: bool, by_user: bool| {
        let mut ring = KeyRing::new();
        if by_account {
            ring.insert(account_key(account, secret)).unwrap();
        }
        for service in ["b", "q", "f"].into_iter().filter(|_| by_user) {
            ring.insert_delegated(delegated(account, service, secret), now()).unwrap();
        }
        ring
    };
    let storage = |ring: KeyRing, account: &str, service| -> super::Check {
        let verifier = Verifier::new(ring, Expect::new(account, service).unwrap());
        Box::new(move |view| verifier.verify(&view.over_https(), now()).is_ok())
    };
    let own = |service| storage(ring(ACCOUNT, SECRET, true, true), ACCOUNT, service);
    let shared_key = |account: &'static str, secret: &str, service| -> super::Check {
        let (key, expect) = (account_key(account, secret), ExpectSharedKey::new(account, service).unwrap());
        Box::new(move |view| {
            PresentedRequest::parse(view).and_then(|presented| key.verify_request(presented, &expect, now())).is_ok()
        })
    };
    let bus = |host: &'static str, rights: Rights, secret: &str| -> super::Check {
        let queue = MessagingEntity::namespace(host).unwrap().queue("photos").unwrap();
        let key = ServiceBusKey::new(AccessRule::service_bus(&queue, "sender", rights).unwrap(), secret).unwrap();
        let ring = RuleRing::new().with(key).unwrap();
        Box::new(move |view| {
            let text = view.headers().iter().find(|(name, _)| *name == "authorization");
            let text = text.and_then(|(_, value)| std::str::from_utf8(value).ok()).unwrap_or_default();
            let path = view.target().split('?').next().unwrap();
            let name = path.strip_prefix('/').and_then(|path| path.strip_suffix("/messages"));
            let operation = match view.method() {
                "POST" => MessagingOperation::Send,
                "DELETE" => MessagingOperation::Receive,
                _ => return false,
            };
            let Some(entity) = name.and_then(|name| MessagingEntity::namespace(host).unwrap().queue(name).ok()) else {
                return false;
            };
            let presented = PresentedToken::service_bus(text);
            presented.and_then(|it| ring.verify(it, &ExpectToken::new(&entity, operation), now())).is_ok()
        })
    };
    let blob = |ring, account| storage(ring, account, Service::Blob);
    vec![
        ("blob", own(Service::Blob)),
        ("dfs", own(Service::DataLake)),
        ("file", own(Service::File)),
        ("queue", own(Service::Queue)),
        ("table", own(Service::Table)),
        ("blob, account keys", blob(ring(ACCOUNT, SECRET, true, false), ACCOUNT)),
        ("blob, delegation keys", blob(ring(ACCOUNT, SECRET, false, true), ACCOUNT)),
        ("blob, other keys", blob(ring(ACCOUNT, OTHER_SECRET, true, true), ACCOUNT)),
        ("blob, another account", blob(ring(OTHER_ACCOUNT, SECRET, true, true), OTHER_ACCOUNT)),
        ("blob, keys of another account", blob(ring(OTHER_ACCOUNT, SECRET, true, true), ACCOUNT)),
        ("queue, other keys", storage(ring(ACCOUNT, OTHER_SECRET, true, true), ACCOUNT, Service::Queue)),
        ("table, another account", storage(ring(OTHER_ACCOUNT, SECRET, true, true), OTHER_ACCOUNT, Service::Table)),
        ("Shared Key", shared_key(ACCOUNT, SECRET, Service::Blob)),
        ("Shared Key for tables", shared_key(ACCOUNT, SECRET, Service::Table)),
        ("Shared Key, another key", shared_key(ACCOUNT, OTHER_SECRET, Service::Blob)),
        ("Shared Key, another account", shared_key(OTHER_ACCOUNT, SECRET, Service::Blob)),
        ("Service Bus", bus(BUS, Right::Send.into(), SECRET)),
        ("Service Bus, another key", bus(BUS, Right::Send.into(), OTHER_SECRET)),
        ("Service Bus, another namespace", bus("other.example", Right::Send.into(), SECRET)),
        ("Service Bus, to listen", bus(BUS, Right::Listen.into(), SECRET)),
    ]
}

fn sees(check: &super::Check, token: &Token, method: &str, host: &str, target: &str) -> bool {
    let mut lines: Vec<(&str, &[u8])> = vec![("host", host.as_bytes())];
    lines.extend(token.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    check(&RequestView::new(method, target, &lines))
}

#[test]
fn a_token_of_azure_is_accepted_in_its_own_cells_alone() {
    let (tokens, verifiers) = (tokens(), verifiers());
    let (mut accepted, mut cells) = (0, 0);
    for token in &tokens {
        let mut own = 0;
        for (verifier, check) in &verifiers {
            for method in METHODS.into_iter().chain(["MERGE"]) {
                for place in PLACES {
                    let expected = token.is_own(verifier, method, place);
                    let found = sees(check, token, method, "host.example", &token.target(place));
                    assert_eq!(found, expected, "{} at {verifier}: {method} {place}", token.name);
                    (own, cells) = (own + usize::from(expected), cells + 1);
                }
            }
        }
        assert!(own > 0, "{} has no cell of its own", token.name);
        accepted += own;
    }
    assert!(cells > 40_000 && accepted < cells / 100, "{accepted} of {cells}");
}

#[test]
fn no_token_of_one_cloud_is_accepted_in_another() {
    let (tokens, verifiers) = (tokens(), verifiers());
    for token in &tokens {
        for (verifier, _, check) in super::verifiers() {
            for method in METHODS {
                for place in PLACES {
                    for host in [S3_HOST, GOOGLE, GOOGLE_VIRTUAL] {
                        let is_seen = sees(&check, token, method, host, &token.target(place));
                        assert!(!is_seen, "{} at {verifier}: {method} {place} of {host}", token.name);
                    }
                }
            }
        }
    }
    for foreign in super::tokens() {
        for (verifier, check) in &verifiers {
            for method in METHODS.into_iter().chain(["MERGE"]) {
                for place in PLACES.into_iter().chain([foreign.target.split('?').next().unwrap()]) {
                    let query = foreign.target.split_once('?').map_or("", |(_, query)| query);
                    let separator = if place.contains('?') { '&' } else { '?' };
                    let target = format!("{place}{separator}{query}");
                    let used = super::Token { method: method.to_owned(), target, ..foreign.clone() };
                    assert!(!super::sees(check, &used), "{} at {verifier}: {method} {place}", foreign.name);
                }
            }
        }
    }
}

#[test]
fn a_token_of_azure_is_of_no_use_beside_another_token() {
    let (tokens, verifiers) = (tokens(), verifiers());
    let foreign = super::tokens();
    let queries = |at: usize| {
        let others = tokens.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, it)| it.query.clone());
        let foreign = foreign.iter().filter_map(|it| Some(it.target.split_once('?')?.1.to_owned()));
        others.chain(foreign).filter(|query| !query.is_empty())
    };
    for (at, token) in tokens.iter().enumerate() {
        for other in queries(at) {
            for &(own, methods, places) in &token.cells {
                for (verifier, check) in verifiers.iter().filter(|(verifier, _)| own.contains(verifier)) {
                    // The name of the queue is all that a token of Service Bus meets of a request.
                    let is_header = verifier.starts_with("Service Bus");
                    let (method, place) = (methods[0], places[0]);
                    let first = token.target(place);
                    let separator = if first.contains('?') { '&' } else { '?' };
                    let mut targets = vec![format!("{first}{separator}{other}")];
                    if !token.query.is_empty() {
                        let separator = if place.contains('?') { '&' } else { '?' };
                        targets.push(format!("{place}{separator}{other}&{}", token.query));
                    }
                    for target in targets {
                        let is_seen = sees(check, token, method, "host.example", &target);
                        assert_eq!(is_seen, is_header, "{} at {verifier} with {other}", token.name);
                    }
                }
            }
        }
    }
    // Two headers, or a header beside a query.
    let by = |name: &str| tokens.iter().find(|token| token.name == name).unwrap();
    let (shared_key, bus) = (by("Shared Key"), by("Service Bus"));
    for token in tokens.iter().filter(|token| !token.query.is_empty()) {
        for header in [shared_key, bus] {
            let both =
                Token { headers: header.headers.clone(), query: token.query.clone(), name: "both", cells: vec![] };
            for (verifier, check) in verifiers.iter().filter(|(verifier, _)| !verifier.starts_with("Service Bus")) {
                for method in METHODS {
                    for place in PLACES {
                        let is_seen = sees(check, &both, method, "host.example", &both.target(place));
                        assert!(!is_seen, "{} with {} at {verifier}", token.name, header.name);
                    }
                }
            }
        }
    }
}
