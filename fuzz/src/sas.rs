//! Shared access signatures of Azure Storage against the slow reading in `sas/`.

mod operations;
mod reference;
mod verdict;

use self::reference::{ACCOUNT, Asked, HOST, KEY, NOW};
use super::goog::base64;
use hmac::{Hmac, KeyInit, Mac};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::LazyLock,
};
use valet_key::{
    azure::{
        AccountKey, ContainerPermissions, Delegation, Expect, KeyRing, Plus, Presented, QueuePermissions, Service,
        SharePermissions, SignedRequest, StorageError, StoredPolicy, TablePermissions, UserDelegationKey, Version,
    },
    clock::Timestamp,
    error::VerifyError,
    token::Verified,
    view::{HeaderLine, RequestView},
};

const ACCOUNT_SECRET: &[u8] = b"the key of the account";
const DELEGATED_SECRET: &[u8] = b"the value of a delegation key";

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let mut ring = KeyRing::new();
    ring.insert(AccountKey::new(ACCOUNT, base64(ACCOUNT_SECRET)).unwrap()).unwrap();
    let [oid, tid, start, end, version] = KEY;
    for service in ["b", "q", "f"] {
        let delegation = Delegation::new([oid, tid], [start, end], service, version).unwrap();
        let key = UserDelegationKey::new(ACCOUNT, delegation, base64(DELEGATED_SECRET)).unwrap();
        ring.insert_delegated(key, now()).unwrap();
    }
    ring
});

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn sign(is_delegated: bool, text: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(if is_delegated { DELEGATED_SECRET } else { ACCOUNT_SECRET });
    let mac = mac.as_mut().unwrap();
    mac.update(text);
    base64(&mac.clone().finalize().into_bytes())
}

fn stored(service: Service, id: &str) -> Option<StoredPolicy> {
    let (letters, start, end) = reference::policy(service, id)?;
    let time = |text: &str| {
        let seconds: i64 = text.rsplit(':').next()?.strip_suffix('Z')?.parse().ok()?;
        let minutes: i64 = text.split(':').nth(1)?.parse().ok()?;
        let hours: i64 = text.split(['T', ':']).nth(1)?.parse().ok()?;
        // 2026-01-02
        Timestamp::from_unix(NOW - NOW % 86_400 + hours * 3600 + minutes * 60 + seconds).ok()
    };
    let mut policy = StoredPolicy::new(id).unwrap();
    if let Some(letters) = letters {
        policy = match service {
            Service::File => policy.permissions(SharePermissions::parse(letters).unwrap()),
            Service::Queue => policy.permissions(QueuePermissions::parse(letters).unwrap()),
            Service::Table => policy.permissions(TablePermissions::parse(letters).unwrap()),
            _ => policy.permissions(ContainerPermissions::parse(letters).unwrap()),
        };
    }
    if let Some(start) = start.and_then(time) {
        policy = policy.start(start);
    }
    if let Some(end) = end.and_then(time) {
        policy = policy.expiry(end);
    }
    Some(policy)
}

/// A request without its target.
struct Case<'r> {
    asked: Asked,
    expect: Expect,
    method: &'r str,
    lines: Vec<HeaderLine<'r>>,
}

impl<'r> Case<'r> {
    /// Each letter of the first is the service or an option.
    fn new(options: &str, method: &'r str, lines: Vec<HeaderLine<'r>>) -> Self {
        let has = |letter: char| options.contains(letter);
        let services = [('d', Service::DataLake), ('f', Service::File), ('q', Service::Queue), ('t', Service::Table)];
        let service = services.into_iter().find(|(letter, _)| has(*letter)).map_or(Service::Blob, |(_, it)| it);
        let asked = Asked {
            service,
            is_https: !has('h'),
            address: has('i').then_some(7),
            account_in_path: has('e'),
            dot_segments: has('.'),
            escaped_slashes: has('/'),
            identities_are_checked: has('u'),
            old_versions: has('o'),
            plus: [' ', '+'].into_iter().find(|letter| has(*letter)),
        };
        let mut expect = Expect::new(ACCOUNT, service).unwrap().host(HOST);
        if asked.account_in_path {
            expect = expect.account_in_path();
        }
        if asked.dot_segments {
            expect = expect.allow_dot_segments();
        }
        if asked.escaped_slashes {
            expect = expect.escaped_slashes();
        }
        if asked.identities_are_checked {
            expect = expect.identities_are_checked();
        }
        if asked.old_versions {
            expect = expect.oldest(Version::V2015_04_05);
        }
        expect = match asked.plus {
            None => expect,
            Some(' ') => expect.plus(Plus::Blank),
            Some(_) => expect.plus(Plus::Literal),
        };
        Self { asked, expect, method, lines }
    }

    fn view<'v>(&'v self, target: &'v str) -> RequestView<'v> {
        let mut view = RequestView::new(self.method, target, &self.lines);
        if self.asked.is_https {
            view = view.over_https();
        }
        match self.asked.address {
            Some(last) => view.from_address(IpAddr::V4(Ipv4Addr::new(203, 0, 113, last))),
            None => view,
        }
    }

    fn verify<'v>(&'v self, target: &'v str) -> Result<Verified<SignedRequest<'v>>, VerifyError> {
        let mut presented = Presented::parse(&self.view(target))?;
        if let Some(id) = presented.policy_id()? {
            presented = presented.with_policy(stored(self.asked.service, &id));
        }
        RING.verify(presented, &self.expect, now())
    }

    /// Whatever is accepted, the slow reading accepts, and both read the same in it.
    fn judge(&self, target: &str) {
        let verified = match self.verify(target) {
            Ok(verified) => verified,
            Err(error) => return assert!(StorageError::from(&error).status >= 400),
        };
        let reading = match reference::read(&self.asked, self.method, target, &self.lines) {
            Ok(reading) => reading,
            Err(why) => panic!("accepted: {why}"),
        };
        assert_eq!(reading.signature, sign(reading.is_delegated, &reading.text), "accepted with another signature");
        let facts = reading.verdict.unwrap_or_else(|why| panic!("accepted: {why}"));
        let found = reference::Facts {
            container: verified.container().unwrap(),
            name: verified.name().unwrap(),
            letters: verified.permissions().chars().collect(),
            expires_at: verified.expires_at().unix(),
            must_not_overwrite: verified.must_not_overwrite(),
        };
        assert_eq!(found, facts);
        assert_eq!(verified.is_delegated(), reading.is_delegated);
    }
}

/// A request of any shape: letters for the service and the options of the verifier, the method, the target without a
/// signature, and where to change a byte, each on a line; then `name:value` lines.
///
/// What is signed is what the slow reading signs. Once it carries the right signature, whatever is accepted is
/// accepted by the slow reading too, and both find the same in it; and so after a change of one byte. A wrong
/// signature is never accepted, and what is built of a request is not much longer than the request.
///
/// # Panics
/// If it does not hold.
pub fn sas_verify(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.split('\n');
    let (options, method) = (input.next().unwrap_or_default(), input.next().unwrap_or_default());
    let target = input.next().unwrap_or_default();
    let change = input.next().unwrap_or_default().bytes().fold(0usize, |at, byte| at * 31 % 65_536 + usize::from(byte));
    let mut lines: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
    lines.extend(input.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.as_bytes())));
    let case = Case::new(options, method, lines);

    // The request as it is, with a signature of its own or none.
    case.judge(target);
    let with = |signature: &str| {
        let separator = if target.contains('?') { '&' } else { '?' };
        let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("{target}{separator}sig={escaped}")
    };
    let unsigned = with(&base64(&[0; 32]));
    assert!(case.verify(&unsigned).is_err(), "accepted with a wrong signature");
    let Ok(presented) = Presented::parse(&case.view(&unsigned)) else { return };
    let Ok(found) = presented.string_to_sign(&case.expect) else { return };
    let read = reference::read(&case.asked, method, &unsigned, &case.lines);
    if let Ok(reading) = read {
        assert_eq!(String::from_utf8_lossy(found.as_bytes()), String::from_utf8_lossy(&reading.text));
        assert!(found.as_bytes() == reading.text, "they differ in bytes that are not UTF-8");
    }
    let sent: usize = case.lines.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(found.as_bytes().len() <= 3 * (unsigned.len() + sent) + 64, "{} bytes", found.as_bytes().len());

    let signed = with(&sign(!presented.is_of_account_key(), found.as_bytes()));
    case.judge(&signed);
    let mut bytes = signed.into_bytes();
    let at = change % bytes.len();
    bytes[at] = if bytes[at] == b'~' { b'!' } else { bytes[at] + 1 };
    case.judge(&String::from_utf8_lossy(&bytes));
}
