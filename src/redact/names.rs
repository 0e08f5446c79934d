//! What the values of secrets are called, and how the scheme of a credential begins.

/// How much of a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of it.
    Always,
    /// All of it; but in running text (`signature: expected ...`) only what is long enough to be a secret.
    OutsideProse,
    /// Only what is long enough to be a secret.
    IfLong,
    /// A scheme, then what the scheme says.
    Authorization,
    /// All of the line.
    Line,
}

use Kind::{Always, Authorization, IfLong, Line, OutsideProse};

/// Where in a name the words stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    End,
    Whole,
}

/// Lower case. A `-` stands for itself or `_`; without one a name is found with `-` and `_` at any place.
const NAMES: [(&[u8], At, Kind); 34] = [
    (b"signature", At::End, OutsideProse),
    (b"sig", At::End, OutsideProse),
    (b"signatureprovided", At::End, Always),
    // Both hold the request as hexadecimal digits, with its session token.
    (b"canonicalrequestbytes", At::End, Always),
    (b"stringtosignbytes", At::End, Always),
    (b"policy", At::Whole, OutsideProse),
    (b"cloudfrontpolicy", At::End, Always),
    (b"securitytoken", At::End, Always),
    (b"sessiontoken", At::End, Always),
    (b"secretaccesskey", At::End, Always),
    (b"secretkey", At::End, Always),
    (b"accountkey", At::End, Always),
    (b"sharedaccesskey", At::End, Always),
    (b"accesstoken", At::End, Always),
    (b"refreshtoken", At::End, Always),
    (b"identitytoken", At::End, Always),
    (b"subjecttoken", At::End, Always),
    (b"authtoken", At::End, Always),
    (b"id-token", At::End, Always),
    (b"token", At::Whole, OutsideProse),
    (b"assertion", At::End, Always),
    (b"clientsecret", At::End, Always),
    (b"privatekey", At::End, Always),
    (b"customerkey", At::End, Always),
    (b"encryptionkey", At::End, Always),
    (b"aegsaskey", At::End, Always),
    (b"aegsastoken", At::End, Line),
    (b"sbhctoken", At::End, Line),
    (b"password", At::End, Always),
    (b"authorization", At::End, Authorization),
    // That of S3 is `uploadId`, and says nothing to whom it does not already know.
    (b"upload-id", At::End, Always),
    (b"guploaderuploadid", At::End, Always),
    (b"pgpassword", At::End, Always),
    (b"s", At::Whole, IfLong),
];

/// What the credential of a scheme consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Fields with names.
    Fields,
    /// `id:signature`.
    IdAndSignature,
    /// One text.
    Opaque,
}

const SCHEMES: [(&[u8], Scheme); 21] = [
    (b"aws4hmacsha256", Scheme::Fields),
    (b"aws4hmacsha256payload", Scheme::Fields),
    (b"aws4ecdsap256sha256", Scheme::Fields),
    (b"goog4hmacsha256", Scheme::Fields),
    (b"goog4rsasha256", Scheme::Fields),
    (b"sharedaccesssignature", Scheme::Fields),
    (b"sharedaccesssig", Scheme::Fields),
    (b"aws", Scheme::IdAndSignature),
    (b"goog1", Scheme::IdAndSignature),
    (b"sharedkey", Scheme::IdAndSignature),
    (b"sharedkeylite", Scheme::IdAndSignature),
    (b"bearer", Scheme::Opaque),
    (b"basic", Scheme::Opaque),
    (b"token", Scheme::Opaque),
    (b"apikey", Scheme::Opaque),
    (b"negotiate", Scheme::Opaque),
    (b"ntlm", Scheme::Opaque),
    (b"oauth", Scheme::Opaque),
    (b"jwt", Scheme::Opaque),
    (b"gsskey", Scheme::Opaque),
    (b"splunk", Scheme::Opaque),
];

/// How texts begin that are secret by themselves, with the length from which on they are taken for such: base64
/// of `{"` (policies and web tokens) and of `https://` (logins of EKS and MSK), session tokens of AWS, and grant tickets and
/// second checks of this crate.
const BEGINNINGS: [(&[u8], usize); 6] =
    [(b"eyJ", 8), (b"aHR0cHM6Ly", 10), (b"FwoGZXIvYXdz", 12), (b"IQoJb3JpZ2luX2Vj", 14), (b"vkt1_", 5), (b"vks1_", 5)];

const SIZE: usize = 64;

/// The end of the last word of a text: letters, digits, `-` and `_`.
#[derive(Clone, Debug)]
pub(super) struct Word {
    ring: [u8; SIZE],
    len: usize,
}

impl Word {
    pub(super) const fn new() -> Self {
        Self { ring: [0; SIZE], len: 0 }
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, byte: u8) {
        if let Some(place) = self.ring.get_mut(self.len % SIZE) {
            *place = byte;
        }
        self.len = self.len.saturating_add(1);
    }

    /// From the last byte to the first, as far back as is remembered.
    fn backwards(&self) -> impl Iterator<Item = u8> + '_ {
        let oldest = self.len.saturating_sub(SIZE);
        (oldest..self.len).rev().map(|at| self.ring.get(at % SIZE).copied().unwrap_or_default())
    }

    /// Letter by letter.
    pub(super) fn ends_with(&self, text: &[u8]) -> bool {
        self.len >= text.len()
            && self.backwards().zip(text.iter().rev()).all(|(found, asked)| found.eq_ignore_ascii_case(asked))
    }

    /// As names are compared.
    fn is_named(&self, name: &[u8], at: At) -> bool {
        let mut found = self.backwards().map(|byte| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
        for asked in name.iter().rev() {
            let next = if *asked == b'-' { found.next() } else { found.find(|byte| *byte != b'-') };
            if next != Some(*asked) {
                return false;
            }
        }
        at == At::End || (self.len <= SIZE && found.all(|byte| byte == b'-'))
    }

    pub(super) fn is(&self, name: &[u8]) -> bool {
        self.is_named(name, At::Whole)
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        NAMES.iter().find(|(name, at, _)| self.is_named(name, *at)).map(|(_, _, kind)| *kind)
    }

    pub(super) fn scheme(&self) -> Option<Scheme> {
        SCHEMES.iter().find(|(name, _)| self.is(name)).map(|(_, scheme)| *scheme)
    }

    /// Whether this letter, the last, makes it the beginning of a secret. Letter case matters.
    pub(super) fn begins_a_secret(&self) -> bool {
        let begins = |text: &[u8]| self.ring.iter().zip(text).take(self.len).all(|(found, asked)| found == asked);
        BEGINNINGS.iter().any(|(text, from)| self.len == *from && begins(text))
    }
}
