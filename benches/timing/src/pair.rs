//! Texts that know a secret in part, and how they are timed against texts that do not.

use dudect_bencher::{BenchRng, Class, CtRunner, rand::RngExt};
use std::{hint::black_box, ops::Range};
use valet_key::error::VerifyError;

/// Why a text is refused, or that it is not.
pub(crate) type Verify = Box<dyn Fn(&str) -> Option<VerifyError>>;

/// Two verifiers that differ in their secret alone, and for each a text that has something of its secret right.
///
/// The classes are not the texts: in the first each verifier reads its own text, in the second the other's. So each class has the
/// same texts and the same verifiers equally often, and whatever one of them costs by itself, for the digits in a text or for
/// where a verifier stands in memory, is the same in both. What is left is whether a text agrees with a secret.
pub(crate) struct Pair {
    texts: [String; 2],
    verifiers: [Verify; 2],
    leaking: [Verify; 2],
}

impl Pair {
    /// From the texts, two sets of verifiers, of which the second leaks, and what is said to a text of one's own and to another.
    pub(crate) fn new(
        texts: [String; 2],
        verifiers: [Verify; 2],
        leaking: [Verify; 2],
        verdicts: [&VerifyError; 2],
    ) -> Self {
        assert_eq!(texts[0].len(), texts[1].len());
        for verifiers in [&verifiers, &leaking] {
            for (at, verify) in verifiers.iter().enumerate() {
                for (of, text) in texts.iter().enumerate() {
                    assert_eq!(verify(text).as_ref(), Some(verdicts[usize::from(at != of)]));
                }
            }
        }
        Self { texts, verifiers, leaking }
    }

    /// For a signature of that many digits that begins there: from the two secrets of [`secrets`], the text that each of them
    /// makes, and the verifier that knows it. Each text keeps the front half of its signature.
    pub(crate) fn of_signature(
        begins: impl Fn(&str) -> usize,
        length: usize,
        text_of: impl Fn(&str) -> String,
        verifier: impl Fn(&str) -> Verify,
    ) -> Self {
        let secrets = secrets(&begins, length, &text_of);
        let accepted = [0, 1].map(|at| text_of(&secrets[at]));
        let start = begins(&accepted[0]);
        let (middle, end) = (start + length / 2, start + length);
        let texts = [0, 1].map(|at| {
            assert_eq!(verifier(&secrets[at])(&accepted[at]), None, "what is right must be accepted");
            // The same behind the half that is right, so that neither is a bit nearer to the other's.
            [&accepted[at][..middle], &turned(&accepted[0][middle..end]), &accepted[0][end..]].concat()
        });
        let verifiers = [0, 1].map(|at| verifier(&secrets[at]));
        let leaking = [0, 1].map(|at| stopping_early(verifier(&secrets[at]), &accepted[at], start..end));
        Self::new(texts, verifiers, leaking, [&VerifyError::SignatureMismatch; 2])
    }

    /// Times what the crate does.
    pub(crate) fn time(&self, runner: &mut CtRunner, rng: &mut BenchRng, samples: usize) {
        self.time_with(&self.verifiers, runner, rng, samples);
    }

    /// Times the same with its leak.
    pub(crate) fn time_control(&self, runner: &mut CtRunner, rng: &mut BenchRng, samples: usize) {
        self.time_with(&self.leaking, runner, rng, samples);
    }

    fn time_with(&self, verifiers: &[Verify; 2], runner: &mut CtRunner, rng: &mut BenchRng, samples: usize) {
        let mut text = String::with_capacity(self.texts[0].len());
        // The first tenth is there for caches and branch predictors.
        for round in 0..samples + samples / 10 {
            let [at, of] = [rng.random::<bool>(), rng.random::<bool>()];
            // Both texts are read from one place, where either was just written.
            text.clear();
            text.push_str(black_box(&self.texts[usize::from(of)]));
            let verify = black_box(&verifiers[usize::from(at)]);
            if round < samples / 10 {
                black_box(verify(&text));
                continue;
            }
            let class = if at == of { Class::Left } else { Class::Right };
            runner.run_one(class, || verify(black_box(&text)));
        }
    }
}

/// A verifier that also compares that part of a text with the right one, and stops at the first difference.
pub(crate) fn stopping_early(verify: Verify, right: &str, part: Range<usize>) -> Verify {
    let right = right[part.clone()].to_owned();
    Box::new(move |text| {
        black_box(is_equal_until_it_is_not(&text.as_bytes()[part.clone()], right.as_bytes()));
        verify(text)
    })
}

/// Where the text behind `marker` begins.
pub(crate) fn behind(marker: &str) -> impl Fn(&str) -> usize {
    move |text| text.find(marker).unwrap() + marker.len()
}

/// Two secrets whose signatures differ in the first digit and are written without an escape, so that the texts have one length.
/// They are base64 as well, which some keys must be.
pub(crate) fn secrets(begins: impl Fn(&str) -> usize, length: usize, text_of: impl Fn(&str) -> String) -> [String; 2] {
    let signature = |secret: &str| {
        let text = text_of(secret);
        let start = begins(&text);
        text[start..start + length].to_owned()
    };
    let mut plain = (0..1000).map(|number| format!("secret{number:06}")).filter_map(|secret| {
        let found = signature(&secret);
        found.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some((secret, found))
    });
    let (one, of_one) = plain.next().unwrap();
    let (other, _) = plain.find(|(_, found)| found.as_bytes()[0] != of_one.as_bytes()[0]).unwrap();
    [one, other]
}

/// The comparison that must not be used: it takes longer the more bytes are right.
#[inline(never)]
fn is_equal_until_it_is_not(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(one, other)| one == other)
}

/// Another text of the same form: a digit for each digit and a letter of its case for each letter.
pub(crate) fn turned(text: &str) -> String {
    let turn = |byte: u8, first: u8| char::from(first + ((byte - first) ^ 1));
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => turn(byte, b'0'),
            b'a'..=b'z' => turn(byte, b'a'),
            b'A'..=b'Z' => turn(byte, b'A'),
            other => char::from(other),
        })
        .collect()
}
