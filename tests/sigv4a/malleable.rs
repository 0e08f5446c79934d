//! An ECDSA signature is malleable: of `(r, s)` anybody makes `(r, n - s)`, which is as good.
//!
//! AWS takes both, and half of what its libraries sign has the larger `s`. So both are accepted, and what tells one request
//! from another is not the signature.

use super::Arriving;
use valet_key::token::Fingerprint;

/// The order of P-256, FIPS 186-4 D.1.2.3.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// The two numbers of a signature, without the zeros before them.
fn numbers(der: &[u8]) -> [Vec<u8>; 2] {
    let r_end = 4 + usize::from(der[3]);
    let plain = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    [plain(&der[4..r_end]), plain(&der[r_end + 2..])]
}

fn der(numbers: [Vec<u8>; 2]) -> Vec<u8> {
    let mut body = Vec::new();
    for mut number in numbers {
        if number[0] >= 0x80 {
            number.insert(0, 0);
        }
        body.extend([2, u8::try_from(number.len()).unwrap()]);
        body.extend(number);
    }
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// `n - s`, byte by byte.
fn negated(number: &[u8]) -> Vec<u8> {
    let mut result = hex::decode(ORDER).unwrap();
    let mut borrow = 0;
    for (at, byte) in result.iter_mut().rev().enumerate() {
        let take = number.len().checked_sub(at + 1).map_or(0, |at| i16::from(number[at]));
        let difference = i16::from(*byte) - take - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    result.into_iter().skip_while(|byte| *byte == 0).collect()
}

#[test]
fn both_signatures_are_accepted_and_are_one_request_to_replay_protection() {
    for sent in [Arriving::presigned("*"), Arriving::header_signed("*")] {
        let ours = hex::decode(sent.signature()).unwrap();
        let [r, s] = numbers(&ours);
        assert_eq!(der([r.clone(), s.clone()]), ours);
        let other = hex::encode(der([r.clone(), negated(&s)]));
        assert_ne!(other, sent.signature());
        let fingerprint = |signature: &str| Fingerprint::of(&format!("X-Amz-Signature={signature}"));
        assert!(fingerprint(&other).is_some() && fingerprint(&other) == fingerprint(sent.signature()));
        assert_eq!(sent.with_signature(&other).verify(), sent.verify());
        assert!(sent.verify().is_ok());
        // The other number has no such twin.
        for wrong in [der([negated(&r), s.clone()]), der([s, r])] {
            assert!(sent.with_signature(&hex::encode(wrong)).verify().is_err());
        }
    }
}
