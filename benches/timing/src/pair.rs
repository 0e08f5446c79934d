//! Two texts of one length, and how they are timed against each other.

use dudect_bencher::{BenchRng, Class, CtRunner, rand::RngExt};
use std::{hint::black_box, ops::Range};
use valet_key::error::VerifyError;

/// Why a text is refused, or that it is not.
type Verify = dyn Fn(&str) -> Option<VerifyError>;

/// Two texts that are refused, which must take the same time.
pub(crate) struct Pair {
    texts: [String; 2],
    verify: Box<Verify>,
    leaking: Box<Verify>,
}

impl Pair {
    /// From the text that is accepted, and the part of it that is compared with a secret: one text has the front half of that
    /// part right and nothing of the rest, the other the reverse.
    pub(crate) fn of_halves(
        accepted: &str,
        compared: Range<usize>,
        verdict: &VerifyError,
        verify: impl Fn(&str) -> Option<VerifyError> + Clone + 'static,
    ) -> Self {
        let middle = compared.start.midpoint(compared.end);
        let texts = [turned(accepted, middle..compared.end), turned(accepted, compared.start..middle)];
        assert_eq!(verify(accepted), None, "what is right must be accepted");
        Self::of_texts(accepted, compared, texts, [verdict, verdict], verify)
    }

    /// From two texts, of which one has more of that part right, seen from its start. The control compares the part once more,
    /// and stops at the first difference.
    pub(crate) fn of_texts(
        right: &str,
        compared: Range<usize>,
        texts: [String; 2],
        verdicts: [&VerifyError; 2],
        verify: impl Fn(&str) -> Option<VerifyError> + Clone + 'static,
    ) -> Self {
        let (part, again) = (right[compared.clone()].to_owned(), verify.clone());
        let leaking = move |text: &str| {
            black_box(is_equal_until_it_is_not(&text.as_bytes()[compared.clone()], part.as_bytes()));
            again(text)
        };
        Self::with_control(texts, verdicts, verify, leaking)
    }

    /// From two texts and a control of their own.
    pub(crate) fn with_control(
        texts: [String; 2],
        verdicts: [&VerifyError; 2],
        verify: impl Fn(&str) -> Option<VerifyError> + 'static,
        leaking: impl Fn(&str) -> Option<VerifyError> + 'static,
    ) -> Self {
        assert_eq!(texts[0].len(), texts[1].len());
        assert_ne!(texts[0], texts[1]);
        for (text, verdict) in texts.iter().zip(verdicts) {
            assert_eq!(verify(text).as_ref(), Some(verdict));
        }
        Self { texts, verify: Box::new(verify), leaking: Box::new(leaking) }
    }

    /// Times what the crate does.
    pub(crate) fn time(&self, runner: &mut CtRunner, rng: &mut BenchRng, samples: usize) {
        self.time_with(&self.verify, runner, rng, samples);
    }

    /// Times the same with its leak.
    pub(crate) fn time_control(&self, runner: &mut CtRunner, rng: &mut BenchRng, samples: usize) {
        self.time_with(&self.leaking, runner, rng, samples);
    }

    fn time_with(&self, verify: &Verify, runner: &mut CtRunner, rng: &mut BenchRng, samples: usize) {
        // Both texts are read from one place, where either was just written: nothing but their bytes differs.
        let mut text = String::with_capacity(self.texts[0].len());
        let mut put = |text: &mut String| {
            let is_second = rng.random::<bool>();
            text.clear();
            text.push_str(black_box(&self.texts[usize::from(is_second)]));
            if is_second { Class::Right } else { Class::Left }
        };
        for _ in 0..samples / 10 {
            put(&mut text);
            black_box(verify(&text));
        }
        for _ in 0..samples {
            let class = put(&mut text);
            runner.run_one(class, || verify(black_box(&text)));
        }
    }
}

/// The comparison that must not be used: it takes longer the more bytes are right.
#[inline(never)]
fn is_equal_until_it_is_not(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(one, other)| one == other)
}

/// The same text with another digit or letter in place of each in that range. A digit stays a digit and a letter a letter of its
/// case, so that whoever reads it takes the same way; what is percent-encoded stays as it is.
pub(crate) fn turned(text: &str, range: Range<usize>) -> String {
    let mut escaped = 0u8;
    let turned = text.bytes().enumerate().map(|(at, byte)| {
        let turn = |first: u8| first + ((byte - first) ^ 1);
        let is_escape = byte == b'%' || escaped > 0;
        escaped = if byte == b'%' { 2 } else { escaped.saturating_sub(1) };
        let turned = match byte {
            _ if is_escape || !range.contains(&at) => byte,
            b'0'..=b'9' => turn(b'0'),
            b'a'..=b'z' => turn(b'a'),
            b'A'..=b'Z' => turn(b'A'),
            _ => byte,
        };
        char::from(turned)
    });
    turned.collect()
}

/// Where the value of a parameter stands, up to the next one or the end.
pub(crate) fn value_of(text: &str, name: &str) -> Range<usize> {
    let start = text.find(name).unwrap() + name.len();
    let end = text[start..].find(['&', ',']).map_or(text.len(), |length| start + length);
    start..end
}
