//! Keys: the private half derived from a secret, the public half, and what the former makes.

use super::Presented;
use crate::{
    aws::{
        BearerUrl, Credential, Expect, Request, SignedHeaders, SignedRequest, StringToSign, UrlRequest,
        canonical::Algorithm,
    },
    clock::Timestamp,
    error::{IssueError, KeyError, VerifyError},
    mac::{HmacKey, Sha256, Sink},
    secret::Secret,
    token::Verified,
};
use alloc::string::String;
use core::fmt;
use p256::ecdsa::{
    self, SigningKey, VerifyingKey,
    signature::hazmat::{PrehashSigner, PrehashVerifier},
};

/// The longest signature in DER: two numbers of 33 bytes, and the six bytes around them.
const MAX_DER: usize = 72;

/// Says at compile time that a key of the library wipes itself.
const fn wipes<T: zeroize::ZeroizeOnDrop>() {}
const _: () = wipes::<SigningKey>();

/// A private key in this process's memory, derived from a secret access key, with an optional session token.
///
/// It signs as RFC 6979 says, so that the same request is signed the same way twice, and without a source of random numbers.
///
/// ```
/// use valet_key::aws::v4a::StaticKey;
///
/// // The known answer of the AWS Common Runtime.
/// let key = StaticKey::new("AKISORANDOMAASORANDOM", "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom")?;
/// let public = key.public_key().to_uncompressed();
/// assert_eq!(public[..5], [0x04, 0x15, 0xd2, 0x42, 0xce]);
/// assert!(!format!("{key:?}").contains("Random"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct StaticKey {
    credential: Credential,
    // INVARIANT: it wipes its scalar on drop.
    key: SigningKey,
}

impl StaticKey {
    /// The key of a long-term secret.
    ///
    /// # Errors
    /// [`KeyError::Invalid`], see [`Credential::new`], or if the secret is empty or longer than 1 KiB.
    pub fn new(access_key_id: impl Into<String>, secret: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        Self::from_credential(Credential::new(access_key_id)?, secret)
    }

    /// The key of a secret with a session token or an end.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the secret is empty or longer than 1 KiB.
    pub fn from_credential(credential: Credential, secret: impl Into<Secret<String>>) -> Result<Self, KeyError> {
        let secret = secret.into();
        crate::aws::key::check_secret(&secret)?;
        let key = derive(credential.access_key_id(), &secret)?;
        Ok(Self { credential, key })
    }

    /// The public half: what a token names, never the secret.
    #[must_use]
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The public key, which is all that a verifier needs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*self.key.verifying_key())
    }

    /// Signs a text that [`Prepared`](super::Prepared) or [`Pending`](super::Pending) tells.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if the text is to be signed by Signature Version 4.
    pub fn sign(&self, message: &StringToSign) -> Result<Signature, KeyError> {
        if message.algorithm() != Algorithm::EcdsaP256Sha256 {
            return Err(KeyError::Invalid { what: "string to sign", why: "it is not one of SigV4a" });
        }
        let failed = |_| KeyError::Holder("ECDSA signing failed".into());
        self.key.sign_prehash(&Sha256::digest(message.as_bytes())).map(Signature).map_err(failed)
    }

    /// Makes a presigned URL, good from `now`.
    ///
    /// # Errors
    /// Those of [`UrlRequest::prepare_v4a`], and [`IssueError::Key`].
    pub fn presign(&self, request: &UrlRequest, now: Timestamp) -> Result<BearerUrl, IssueError> {
        let prepared = request.prepare_v4a(&self.credential, now)?;
        let signature = self.sign(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Makes the headers that sign a request sent at `now`.
    ///
    /// # Errors
    /// Those of [`Request::prepare_headers_v4a`], and [`IssueError::Key`].
    pub fn sign_headers(&self, request: &Request, now: Timestamp) -> Result<SignedHeaders, IssueError> {
        let prepared = request.prepare_headers_v4a(&self.credential, now)?;
        let signature = self.sign(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Checks a request against this key. A verifier that needs not sign keeps the public half alone, in a
    /// [`KeyRing`](super::KeyRing).
    ///
    /// # Errors
    /// Those of [`Presented::check`] and [`Pending::accept_public`](super::Pending::accept_public).
    pub fn verify<'r>(
        &self,
        presented: Presented<'r>,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<SignedRequest<'r>>, VerifyError> {
        if presented.access_key_id() != self.credential.access_key_id() {
            return Err(VerifyError::OtherKey);
        }
        let Presented(presented) = presented;
        let finding = presented.examine(expect, now)?;
        let public = self.public_key();
        let string_to_sign = presented.string_to_sign(&finding);
        let is_right = |message: &StringToSign, signature: &[u8]| public.check(message, signature);
        presented.judge_public(&string_to_sign, &self.credential, now, is_right)?;
        Ok(presented.verified(finding, |_| None))
    }
}

impl fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKey").field("credential", &self.credential).finish_non_exhaustive()
    }
}

/// Derives the private key of a secret.
///
/// SPEC: NIST SP 800-108 in counter mode with one block of HMAC-SHA256, over a label, the access key id and a counter of
/// attempts. Of the first output `k` of at most `n - 2`, the key is `k + 1`, where `n` is the order of P-256.
fn derive(access_key_id: &str, secret: &Secret<String>) -> Result<SigningKey, KeyError> {
    let prefixed = Secret::new([b"AWS4A", secret.expose().as_bytes()].concat());
    let keyed = HmacKey::new(prefixed.expose());
    (1..=254u8)
        .find_map(|attempt| {
            let candidate = Secret::new(keyed.mac_of(|input| {
                input.put(&1u32.to_be_bytes());
                input.put(Algorithm::EcdsaP256Sha256.as_str().as_bytes());
                input.put_byte(0);
                input.put(access_key_id.as_bytes());
                input.put_byte(attempt);
                input.put(&256u32.to_be_bytes());
            }));
            // Of `k + 1` in 32 bytes, zero and `n` and what is above stand for every `k` above `n - 2`, and are no private
            // key. So nothing but whether there is another attempt depends on the secret.
            let scalar = Secret::new(plus_one(candidate.expose()));
            SigningKey::from_slice(scalar.expose()).ok()
        })
        .ok_or(KeyError::Invalid { what: "secret access key", why: "no key can be derived from it" })
}

/// The big-endian number above, which is zero above the largest; without a branch.
fn plus_one(number: &[u8; 32]) -> [u8; 32] {
    let mut sum = *number;
    let mut carry = 1;
    for byte in sum.iter_mut().rev() {
        let wide = u16::from(*byte) + carry;
        [_, *byte] = wide.to_be_bytes();
        carry = wide >> 8;
    }
    sum
}

/// The public half of a key pair: a point on P-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a point in SEC 1 form: 65 bytes beginning with 4, or 33 beginning with 2 or 3.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for anything else, and for what is no point on the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
        VerifyingKey::from_sec1_bytes(bytes)
            .map(Self)
            .map_err(|_| KeyError::Invalid { what: "public key", why: "it must be a point on P-256 in SEC 1 form" })
    }

    /// The point in SEC 1 form: a 4, and both coordinates.
    #[must_use]
    pub fn to_uncompressed(self) -> [u8; 65] {
        let point = self.0.to_sec1_point(false);
        point.as_bytes().first_chunk().copied().unwrap_or([0; 65])
    }

    /// Checks the signature of a text, in hex of DER. Whatever is wrong with it is a mismatch.
    pub(super) fn check(&self, message: &StringToSign, hex_der: &[u8]) -> Result<(), VerifyError> {
        let mut der = [0; MAX_DER];
        let der = der.get_mut(..hex_der.len() / 2).ok_or(VerifyError::SignatureMismatch)?;
        hex::decode_to_slice(hex_der, der).map_err(|_| VerifyError::SignatureMismatch)?;
        let signature = ecdsa::Signature::from_der(der).map_err(|_| VerifyError::SignatureMismatch)?;
        let digest = Sha256::digest(message.as_bytes());
        self.0.verify_prehash(&digest, &signature).map_err(|_| VerifyError::SignatureMismatch)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.to_uncompressed()))
    }
}

/// A `SigV4a` signature: two numbers, in DER and lower-case hex on the wire.
///
/// It prints as `[redacted]`, since it is the secret part of a token.
#[derive(Clone)]
pub struct Signature(ecdsa::Signature);

impl Signature {
    /// A signature that a remote holder made, in DER: what key management services return.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for anything but the one encoding of two numbers of P-256.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        ecdsa::Signature::from_der(der)
            .map(Self)
            .map_err(|_| KeyError::Invalid { what: "signature", why: "it must be an ECDSA signature on P-256 in DER" })
    }

    /// The same as two numbers of 32 bytes, one behind the other.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for numbers that no signature has.
    pub fn from_fixed(bytes: &[u8; 64]) -> Result<Self, KeyError> {
        ecdsa::Signature::from_slice(bytes)
            .map(Self)
            .map_err(|_| KeyError::Invalid { what: "signature", why: "its numbers must be below the order of P-256" })
    }

    pub(super) fn hex(&self) -> String {
        hex::encode(self.0.to_der().as_bytes())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_derivations() {
        for (id, secret, private, x, y) in [
            (
                "AKISORANDOMAASORANDOM",
                "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom",
                "7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd",
                "15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb",
                "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0",
            ),
            (
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                "7efc8c0e65a324242818c5a50c891c6060b6a00717b7ba3cbe3c5d765be9259c",
                "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1",
                "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518",
            ),
        ] {
            let key = StaticKey::new(id, secret).unwrap();
            assert_eq!(hex::encode(key.key.to_bytes()), private);
            assert_eq!(hex::encode(key.public_key().to_uncompressed()), alloc::format!("04{x}{y}"));
            assert_eq!(PublicKey::from_sec1(&key.public_key().to_uncompressed()), Ok(key.public_key()));
        }
    }

    #[test]
    fn only_outputs_of_at_most_the_order_less_two_make_a_key() {
        // The order of P-256, FIPS 186-4 D.1.2.3.
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255";
        let number = |last: &str| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(alloc::format!("{order}{last}"), &mut bytes).unwrap();
            bytes
        };
        let key = |output: [u8; 32]| SigningKey::from_slice(&plus_one(&output)).ok().map(|key| key.to_bytes());
        // It ends in 1.
        assert_eq!(key(number("0")), None, "n - 1");
        let below = {
            let mut bytes = number("0");
            bytes[31] = 0x4f;
            bytes
        };
        assert_eq!(key(below).map(<[u8; 32]>::from), Some(number("0")), "n - 2");
        assert_eq!(key(number("1")), None, "n");
        assert_eq!(key([0xff; 32]), None, "the largest");
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(key([0; 32]).map(<[u8; 32]>::from), Some(one), "zero");
        let mut carried = [0; 32];
        carried[29] = 1;
        let mut full = [0; 32];
        full[30..].fill(0xff);
        assert_eq!(plus_one(&full), carried);
    }

    #[test]
    fn der_has_one_spelling() {
        let number = |first: u8| {
            let mut bytes = alloc::vec![first];
            bytes.extend([0x11; 31]);
            bytes
        };
        let encode = |r: &[u8], s: &[u8]| {
            let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
            let mut der = alloc::vec![0x30, length(r) + length(s) + 4, 2, length(r)];
            der.extend(r);
            der.extend([2, length(s)]);
            der.extend(s);
            der
        };
        let (r, s) = (number(0x11), number(0x22));
        assert!(Signature::from_der(&encode(&r, &s)).is_ok());
        let mut good = encode(&r, &s);
        for wrong in [
            encode(&[&[0], &r[..]].concat(), &s),
            encode(&r, &[&[0], &s[..]].concat()),
            encode(&number(0x81), &s),
            encode(&[0], &s),
            encode(&r, &[0]),
            encode(&[], &s),
            // A number of 33 bytes that is above the order.
            encode(&r, &[&[0], &[0xff; 32][..]].concat()),
            good.split_last().unwrap().1.to_vec(),
            [&good[..], &[0]].concat(),
            {
                // A length in two bytes where one is enough.
                let mut long = good.clone();
                long.splice(1..2, [0x81, good[1]]);
                long
            },
            {
                // A length without end.
                let mut indefinite = good.clone();
                indefinite[1] = 0x80;
                indefinite.extend([0, 0]);
                indefinite
            },
            {
                good[0] = 0x31;
                good.clone()
            },
        ] {
            assert!(Signature::from_der(&wrong).is_err(), "{}", hex::encode(&wrong));
        }
    }
}
