//! User delegation keys: the request for one and its answer, as data, and a place to keep it.
//!
//! Source: Azure Storage REST reference, "Get User Delegation Key".

use super::{
    Sas,
    endpoint::Endpoint,
    key::{Delegation, UserDelegationKey, WEEK, is_account, is_guid},
    resource::Service,
    time::{self, Moment},
    version::Version,
};
use crate::{clock::Timestamp, encode, error::KeyError, grant::Lifetime, secret::Secret, xml};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

/// The largest answer that is read. A real one has less than 1 KiB, and an element with very many attributes costs the
/// square of their number.
const MAX_ANSWER: usize = 16 << 10;
/// The most nodes of an answer. A real one has less than 20.
const MAX_NODES: u32 = 128;
/// The longest `Value` in bytes.
const MAX_VALUE: usize = 64;

/// One call of Get User Delegation Key: where to post what, and how to read the answer.
///
/// The caller posts it with a bearer token of Entra ID for `https://storage.azure.com/`, whose owner has the action
/// `Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey` or that of another service. Shared Key does
/// not do.
///
/// ```
/// use valet_key::azure::{KeyRequest, Sas, Service, UrlRequest};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let call = KeyRequest::new("myaccount", Service::Blob, now, now.saturating_add(3600))?;
/// assert_eq!(call.url(), "https://myaccount.blob.core.windows.net/?restype=service&comp=userdelegationkey");
/// assert_eq!(call.headers(), [("content-type", "application/xml"), ("x-ms-version", "2020-12-06")]);
/// assert_eq!(
///     call.body(),
///     "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>2023-11-14T22:13:20Z</Start>\
///      <Expiry>2023-11-14T23:13:20Z</Expiry></KeyInfo>"
/// );
/// // ... the caller sends it with `Authorization: Bearer ...`, and hands the answer over:
/// # let answer = "<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>\
/// #     <SignedOid>11111111-1111-1111-1111-111111111111</SignedOid><SignedTid>22222222-2222-2222-2222-222222222222</SignedTid>\
/// #     <SignedStart>2023-11-14T22:13:20Z</SignedStart><SignedExpiry>2023-11-14T23:13:20Z</SignedExpiry>\
/// #     <SignedService>b</SignedService><SignedVersion>2020-12-06</SignedVersion>\
/// #     <Value>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</Value></UserDelegationKey>";
/// let key = call.read_answer(answer)?;
/// let url = key.issue(&UrlRequest::storage(&Grant::read("photos", "cat.jpg"))?, now)?;
/// assert!(url.expose().contains("&skoid=11111111-1111-1111-1111-111111111111&"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyRequest {
    account: String,
    service: Service,
    endpoint: Endpoint,
    start: Timestamp,
    expiry: Timestamp,
    version: Version,
    delegated_user_tid: Option<String>,
}

fn invalid(what: &'static str, why: &'static str) -> KeyError {
    KeyError::Invalid { what, why }
}

impl KeyRequest {
    /// A key of this account that is good from `start` to `expiry`. One for Data Lake Storage is asked for at the blob
    /// service.
    ///
    /// A start some minutes in the past is good against clocks that differ, as in [`DelegationKeyCache`].
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an account name that is none, an expiry that is not after the start or more than seven days
    /// after it, and for tables, which have no user delegation.
    pub fn new(
        account: impl Into<String>,
        service: Service,
        start: Timestamp,
        expiry: Timestamp,
    ) -> Result<Self, KeyError> {
        let account = account.into();
        if !is_account(&account) {
            return Err(invalid("account name", "it must be 3 to 24 letters and digits"));
        }
        if !(1..=i64::from(WEEK)).contains(&expiry.seconds_since(start)) {
            return Err(invalid("user delegation key", "it must live for more than no time and at most seven days"));
        }
        let version = match service {
            Service::Blob | Service::DataLake => Version::V2020_12_06,
            Service::File | Service::Queue => Version::V2025_07_05,
            Service::Table => return Err(invalid("user delegation key", "there is none for tables")),
        };
        let endpoint = Endpoint::azure();
        Ok(Self { account, service, endpoint, start, expiry, version, delegated_user_tid: None })
    }

    /// At another endpoint than Azure's public one.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if it is not reached over HTTPS: a bearer token goes there and a key comes back.
    pub fn endpoint(mut self, endpoint: &Endpoint) -> Result<Self, KeyError> {
        self.endpoint = https(endpoint)?;
        Ok(self)
    }

    /// A key whose tokens can be tied to a user of this tenant (`DelegatedUserTid`), from version 2025-07-05 on.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] unless it is a GUID.
    pub fn for_users_of(mut self, tid: &str) -> Result<Self, KeyError> {
        self.delegated_user_tid = Some(guid(tid)?);
        self.version = self.version.max(Version::V2025_07_05);
        Ok(self)
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// Where to post.
    #[must_use]
    pub fn url(&self) -> String {
        let service = if self.service == Service::DataLake { Service::Blob } else { self.service };
        let base = self.endpoint.base(&self.account, service);
        format!("{base}/?restype=service&comp=userdelegationkey")
    }

    /// The headers to send beside `Authorization: Bearer ...`.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &'static str); 2] {
        [("content-type", "application/xml"), ("x-ms-version", self.version.as_str())]
    }

    /// What to post.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo>");
        let times = [("Start", Some(time::write(self.start))), ("Expiry", Some(time::write(self.expiry)))];
        for (name, text) in times.into_iter().chain([("DelegatedUserTid", self.delegated_user_tid.clone())]) {
            // INVARIANT: times and GUIDs, so that nothing needs an escape.
            if let Some(text) = text {
                body.extend(["<", name, ">", &text, "</", name, ">"]);
            }
        }
        body.push_str("</KeyInfo>");
        body
    }

    /// Reads the answer. It holds the key, so do not log it, and wipe it when you are done.
    ///
    /// Every element that is known must be there once, as plain text without escapes, and without attributes or
    /// namespaces. Elements that are not known are passed over, since newer versions of the service may add some. There is
    /// no document type, no more than 128 nodes, and no more than 16 KiB.
    ///
    /// # Errors
    /// [`KeyError::Holder`] if it is no such answer, or not the answer to this request: another service, another tenant, or a
    /// longer life. What it says is not quoted.
    pub fn read_answer(&self, answer: &str) -> Result<UserDelegationKey, KeyError> {
        let failed = |why: &str| KeyError::Holder(format!("the answer of Get User Delegation Key {why}"));
        let fields = read_fields(answer).map_err(failed)?;
        let [oid, tid, start, expiry, service, version, value, user_tid] = fields;
        if service != self.service.letter() {
            return Err(failed("is for another service"));
        }
        let same_tenant = |asked: &String| user_tid.eq_ignore_ascii_case(asked);
        if !self.delegated_user_tid.as_ref().map_or(user_tid.is_empty(), same_tenant) {
            return Err(failed("is for the users of another tenant"));
        }
        let delegation = Delegation::new([oid, tid], [start, expiry], service, version);
        let delegation = match self.delegated_user_tid {
            Some(_) => delegation.and_then(|delegation| delegation.for_users_of(user_tid)),
            None => delegation,
        };
        let delegation = delegation.map_err(|_| failed("describes no key that can exist"))?;
        if Moment::parse(expiry.as_bytes()).is_none_or(|end| end.ceil() > self.expiry) {
            return Err(failed("is a key that lives longer than was asked for"));
        }
        let bytes = encode::from_base64(value).map(Secret::<Vec<u8>>::new);
        if !bytes.is_some_and(|bytes| (1..=MAX_VALUE).contains(&bytes.expose().len())) {
            return Err(failed("must have `Value` in padded base64 of 1 to 64 bytes"));
        }
        UserDelegationKey::new(self.account.as_str(), delegation, value).map_err(|_| failed("describes no key"))
    }
}

/// The elements of an answer, the last of which may be missing.
const ELEMENTS: [&str; 8] = [
    "SignedOid",
    "SignedTid",
    "SignedStart",
    "SignedExpiry",
    "SignedService",
    "SignedVersion",
    "Value",
    "SignedDelegatedUserTid",
];

fn read_fields(answer: &str) -> Result<[&str; ELEMENTS.len()], &'static str> {
    if answer.len() > MAX_ANSWER {
        return Err("is larger than 16 KiB");
    }
    let document = xml::parse(answer, MAX_NODES).ok_or("is not plain XML")?;
    let root = document.root_element();
    if !xml::is_plain(root, "UserDelegationKey", None) {
        return Err("is not a `UserDelegationKey`");
    }
    let mut fields = [""; ELEMENTS.len()];
    for child in root.children() {
        if xml::is_stray_text(child) {
            return Err("holds text between its elements");
        }
        let known = ELEMENTS.iter().zip(&mut fields).find(|(name, _)| child.tag_name().name() == **name);
        let Some((name, slot)) = known else { continue };
        let text = xml::plain_text(child, name, None).ok_or("has an element that is not plain text")?;
        if !core::mem::replace(slot, text).is_empty() {
            return Err("repeats an element");
        }
    }
    match fields {
        [required @ .., _] if required.iter().any(|text| text.is_empty()) => Err("lacks an element"),
        fields => Ok(fields),
    }
}

fn guid(text: &str) -> Result<String, KeyError> {
    let is_good = is_guid(text).then(|| text.to_owned());
    is_good.ok_or(invalid("tenant", "it must be a GUID"))
}

fn https(endpoint: &Endpoint) -> Result<Endpoint, KeyError> {
    let is_good = endpoint.is_https().then(|| endpoint.clone());
    is_good.ok_or(invalid("endpoint", "it must be reached over HTTPS"))
}

/// How far back a key is made to begin, since clocks differ.
const BACK: u32 = 15 * 60;
/// The longest life of a key from now on.
const LONGEST: u32 = WEEK - BACK;
const DAY: u32 = 24 * 60 * 60;

/// Keeps a user delegation key, and says when to ask for the next one.
///
/// It does no I/O and has no clock and no lock: whoever holds it decides how a request is sent, and that only one is on its
/// way.
///
/// ```
/// use valet_key::azure::{DelegationKeyCache, Service};
/// use valet_key::{clock::Timestamp, grant::Lifetime};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let tokens = Lifetime::minutes(15)?;
/// let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, tokens)?;
///
/// let call = cache.needs(now, tokens)?.expect("there is no key yet");
/// // ... the caller posts `call.body()` to `call.url()` and reads the answer.
/// # let answer = "<UserDelegationKey>\
/// #     <SignedOid>11111111-1111-1111-1111-111111111111</SignedOid><SignedTid>22222222-2222-2222-2222-222222222222</SignedTid>\
/// #     <SignedStart>2023-11-14T21:58:20Z</SignedStart><SignedExpiry>2023-11-15T22:13:20Z</SignedExpiry>\
/// #     <SignedService>b</SignedService><SignedVersion>2020-12-06</SignedVersion>\
/// #     <Value>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</Value></UserDelegationKey>";
/// cache.keep(call.read_answer(answer)?, now)?;
/// assert!(cache.needs(now, tokens)?.is_none());
/// assert!(cache.key(now, tokens).is_some());
///
/// // After 80 % of its life the next one is asked for, while this one is still good.
/// let later = now.saturating_add(20 * 60 * 60);
/// assert!(cache.needs(later, tokens)?.is_some() && cache.key(later, tokens).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DelegationKeyCache {
    account: String,
    service: Service,
    endpoint: Endpoint,
    delegated_user_tid: Option<String>,
    tokens: Lifetime,
    life: u32,
    key: Option<UserDelegationKey>,
}

impl DelegationKeyCache {
    /// For a service of an account, and tokens that live this long at most. Keys live for a day, or twice as long as the
    /// tokens if that is longer, and a week less fifteen minutes at most.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for an account name that is none, for tables, and for tokens that outlive every key.
    pub fn new(account: impl Into<String>, service: Service, tokens: Lifetime) -> Result<Self, KeyError> {
        if tokens.seconds() > LONGEST {
            return Err(invalid("lifetime of tokens", "it must be a week less fifteen minutes at most"));
        }
        let life = DAY.max(tokens.seconds().saturating_mul(2)).min(LONGEST);
        let (account, endpoint) = (account.into(), Endpoint::azure());
        let cache = Self { account, service, endpoint, delegated_user_tid: None, tokens, life, key: None };
        // Whatever is wrong with the request is wrong now.
        cache.request(Timestamp::EPOCH).map(|_| cache)
    }

    /// At another endpoint than Azure's public one.
    ///
    /// # Errors
    /// As [`KeyRequest::endpoint`].
    pub fn endpoint(mut self, endpoint: &Endpoint) -> Result<Self, KeyError> {
        self.endpoint = https(endpoint)?;
        Ok(self)
    }

    /// Keys whose tokens can be tied to a user of this tenant.
    ///
    /// # Errors
    /// As [`KeyRequest::for_users_of`].
    pub fn for_users_of(mut self, tid: &str) -> Result<Self, KeyError> {
        self.delegated_user_tid = Some(guid(tid)?);
        Ok(self)
    }

    /// Keys that live this long from the time of asking on.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if that is less than the tokens live, or more than a week less fifteen minutes.
    pub fn keys_live(mut self, lifetime: Lifetime) -> Result<Self, KeyError> {
        if !(self.tokens.seconds()..=LONGEST).contains(&lifetime.seconds()) {
            let why = "it must be that of the tokens at least and a week less fifteen minutes at most";
            return Err(invalid("lifetime of keys", why));
        }
        self.life = lifetime.seconds();
        Ok(self)
    }

    /// The request to send before a token of that lifetime is made, or in advance: if there is no key, if the key ends
    /// before the token would, or if 80 % of its life is over. In the last case [`key`](Self::key) still has one.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a lifetime beyond that of the tokens that this cache is for, and at the end of the year
    /// 9999.
    pub fn needs(&self, now: Timestamp, lifetime: Lifetime) -> Result<Option<KeyRequest>, KeyError> {
        if lifetime > self.tokens {
            return Err(invalid("lifetime of the token", "it must be that of the tokens of this cache at most"));
        }
        match self.key(now, lifetime) {
            Some(key) if !is_worn(key, now) => Ok(None),
            _ => self.request(now).map(Some),
        }
    }

    fn request(&self, now: Timestamp) -> Result<KeyRequest, KeyError> {
        let request = KeyRequest::new(
            self.account.as_str(),
            self.service,
            now.saturating_sub(BACK),
            now.saturating_add(self.life),
        )?;
        let request = request.endpoint(&self.endpoint)?;
        match &self.delegated_user_tid {
            Some(tid) => request.for_users_of(tid),
            None => Ok(request),
        }
    }

    /// Keeps a key, unless the one that is here ends later.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a key of another account, service or tenant of users, one that is not good yet, and one that
    /// ends before a token that is made now and lives as long as tokens may.
    pub fn keep(&mut self, key: UserDelegationKey, now: Timestamp) -> Result<(), KeyError> {
        let refuse = |why| Err(invalid("user delegation key", why));
        let credential = key.credential();
        let Some(delegation) = credential.delegation() else { return refuse("it is none") };
        if credential.account_name() != self.account {
            return refuse("it is one of another account");
        }
        if delegation.service != self.service.letter() {
            return refuse("it is for another service");
        }
        let tenant = |tid: &Option<String>| tid.as_deref().map(str::to_ascii_lowercase);
        if tenant(&delegation.delegated_user_tid) != tenant(&self.delegated_user_tid) {
            return refuse("it is for the users of another tenant");
        }
        if !covers(&key, now, self.tokens) {
            return refuse("it is not good now, or not as long as the tokens that it is for");
        }
        let ends = |key: &UserDelegationKey| key.credential().expires_at();
        if self.key.as_ref().is_none_or(|held| ends(held) <= ends(&key)) {
            self.key = Some(key);
        }
        Ok(())
    }

    /// The key, if it is good from now on for as long as the token is to live.
    #[must_use]
    pub fn key(&self, now: Timestamp, lifetime: Lifetime) -> Option<&UserDelegationKey> {
        self.key.as_ref().filter(|key| covers(key, now, lifetime))
    }

    /// Drops the key, as after the service has refused its tokens.
    pub fn forget(&mut self) {
        self.key = None;
    }
}

fn covers(key: &UserDelegationKey, now: Timestamp, lifetime: Lifetime) -> bool {
    let end = now.checked_add(lifetime.seconds());
    key.credential().delegation().zip(end).is_some_and(|(key, end)| key.starts_at() <= now && end <= key.expires_at())
}

/// Whether 80 % of its life is over.
fn is_worn(key: &UserDelegationKey, now: Timestamp) -> bool {
    key.credential().delegation().is_none_or(|key| {
        let life = key.expires_at().seconds_since(key.starts_at());
        // Both are far below 2^60.
        now.seconds_since(key.starts_at()).saturating_mul(5) >= life.saturating_mul(4)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const VALUE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OID: &str = "11111111-1111-1111-1111-111111111111";
    const TID: &str = "22222222-2222-2222-2222-222222222222";
    const NOW: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(NOW + seconds).unwrap()
    }

    fn call() -> KeyRequest {
        KeyRequest::new("myaccount", Service::Blob, at(0), at(3600)).unwrap()
    }

    fn minutes(minutes: u16) -> Lifetime {
        Lifetime::minutes(minutes).unwrap()
    }

    fn key_of(account: &str, service: &str, start: i64, end: i64) -> UserDelegationKey {
        let (start, end) = (at(start).to_string(), at(end).to_string());
        let delegation = Delegation::new([OID, TID], [&start, &end], service, "2020-12-06").unwrap();
        UserDelegationKey::new(account, delegation, VALUE).unwrap()
    }

    #[test]
    fn requests_go_where_their_service_is() {
        let at_service = |service| KeyRequest::new("myaccount", service, at(0), at(60)).unwrap();
        for (service, host, version) in [
            (Service::Blob, "myaccount.blob", "2020-12-06"),
            (Service::DataLake, "myaccount.blob", "2020-12-06"),
            (Service::File, "myaccount.file", "2025-07-05"),
            (Service::Queue, "myaccount.queue", "2025-07-05"),
        ] {
            let call = at_service(service);
            let url = format!("https://{host}.core.windows.net/?restype=service&comp=userdelegationkey");
            assert_eq!((call.method(), call.url()), ("POST", url));
            assert_eq!(call.headers()[1], ("x-ms-version", version));
        }
        let call = at_service(Service::Blob).for_users_of(TID).unwrap();
        assert_eq!(call.headers()[1].1, "2025-07-05");
        assert!(call.body().ends_with(&format!("</Expiry><DelegatedUserTid>{TID}</DelegatedUserTid></KeyInfo>")));
        let sovereign = Endpoint::cloud("core.usgovcloudapi.net").unwrap();
        assert!(
            call.endpoint(&sovereign).unwrap().url().starts_with("https://myaccount.blob.core.usgovcloudapi.net/?")
        );
    }

    #[test]
    fn requests_that_no_service_takes_are_not_made() {
        let (start, week) = (at(0), i64::from(WEEK));
        assert!(KeyRequest::new("myaccount", Service::Blob, start, at(week)).is_ok());
        for (account, service, end) in [
            ("myaccount", Service::Blob, at(week + 1)),
            ("myaccount", Service::Blob, at(0)),
            ("myaccount", Service::Blob, at(-1)),
            ("my-account", Service::Blob, at(60)),
            ("myaccount", Service::Table, at(60)),
        ] {
            assert!(KeyRequest::new(account, service, start, end).is_err());
        }
        assert!(call().for_users_of("tenant").is_err());
        assert!(call().endpoint(&Endpoint::emulator("http://127.0.0.1:10000").unwrap()).is_err());
    }

    #[test]
    fn a_cache_asks_when_it_has_to() {
        let tokens = minutes(60);
        let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, tokens).unwrap();
        assert!(cache.key(at(0), tokens).is_none() && cache.needs(at(0), tokens).unwrap().is_some());

        let life = 10 * 3600;
        cache.keep(key_of("myaccount", "b", 0, life), at(0)).unwrap();
        for (now, lifetime, is_there, asks) in [
            (-1, 60, false, true),
            (0, 60, true, false),
            (life * 8 / 10 - 1, 60, true, false),
            (life * 8 / 10, 60, true, true),
            (life - 3600, 60, true, true),
            (life - 3600 + 1, 60, false, true),
            (life - 60, 1, true, true),
            (life, 1, false, true),
        ] {
            let (now, lifetime) = (at(now), minutes(lifetime));
            assert_eq!(cache.key(now, lifetime).is_some(), is_there, "{now}");
            assert_eq!(cache.needs(now, lifetime).unwrap().is_some(), asks, "{now}");
        }
        assert!(cache.needs(at(0), minutes(61)).is_err());
        cache.forget();
        assert!(cache.key(at(0), tokens).is_none());
    }

    #[test]
    fn a_short_key_is_asked_for_again_before_it_is_worn() {
        let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, minutes(60)).unwrap();
        cache.keep(key_of("myaccount", "b", 0, 2 * 3600), at(0)).unwrap();
        assert!(cache.needs(at(3600), minutes(60)).unwrap().is_none());
        assert!(cache.needs(at(3601), minutes(60)).unwrap().is_some());
    }

    #[test]
    fn a_cache_keeps_what_it_is_for() {
        let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, minutes(60)).unwrap();
        for key in [
            key_of("otheraccount", "b", 0, 7200),
            key_of("myaccount", "q", 0, 7200),
            key_of("myaccount", "b", 0, 3599),
            key_of("myaccount", "b", 1, 7200),
        ] {
            assert!(matches!(cache.keep(key, at(0)), Err(KeyError::Invalid { .. })));
        }
        assert!(cache.key.is_none());
        cache.keep(key_of("myaccount", "b", 0, 7200), at(0)).unwrap();
        // An answer that was late does not replace a better one.
        cache.keep(key_of("myaccount", "b", -60, 7100), at(0)).unwrap();
        assert_eq!(cache.key.as_ref().unwrap().credential().expires_at(), Some(at(7200)));
        let mut tied =
            DelegationKeyCache::new("myaccount", Service::Blob, minutes(1)).unwrap().for_users_of(TID).unwrap();
        assert!(tied.keep(key_of("myaccount", "b", 0, 7200), at(0)).is_err());
    }

    #[test]
    fn a_cache_asks_for_keys_that_the_service_gives_and_that_it_keeps() {
        for (tokens, life) in [(1, DAY), (24 * 60, 2 * DAY), (6 * 24 * 60, LONGEST)] {
            let cache = DelegationKeyCache::new("myaccount", Service::Blob, minutes(tokens)).unwrap();
            let call = cache.needs(at(0), minutes(1)).unwrap().unwrap();
            assert_eq!((call.start, call.expiry), (at(-900), at(i64::from(life))));
        }
        let new = |tokens| DelegationKeyCache::new("myaccount", Service::Blob, tokens);
        assert!(new(Lifetime::WEEK).is_err());
        assert!(DelegationKeyCache::new("myaccount", Service::Table, minutes(1)).is_err());
        assert!(new(minutes(60)).unwrap().keys_live(minutes(59)).is_err());
        assert!(new(minutes(60)).unwrap().keys_live(Lifetime::WEEK).is_err());
        let hourly = new(minutes(30)).unwrap().keys_live(minutes(60)).unwrap();
        assert_eq!(hourly.needs(at(0), minutes(30)).unwrap().unwrap().expiry, at(3600));
        // Near the end of time there is no key, and no panic.
        let end = Timestamp::from_unix(253_402_300_799).unwrap();
        assert!(hourly.key(end, minutes(1)).is_none() && hourly.needs(end, minutes(1)).is_ok());
    }
}
