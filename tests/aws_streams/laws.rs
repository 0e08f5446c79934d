//! What holds for every body, every cut of it into chunks, and every split of its arrival.

use crate::{Arriving, body, key, lenient, now};
use proptest::{prelude::*, sample::Index};
use valet_key::{
    aws::{Checksum, Stream, StreamMode},
    error::VerifyError,
    view::Limits,
};

fn any_checksum() -> impl Strategy<Value = Checksum> {
    prop::sample::select(vec![
        Checksum::Sha256,
        #[cfg(feature = "checksums")]
        Checksum::Crc32,
        #[cfg(feature = "checksums")]
        Checksum::Crc32c,
        #[cfg(feature = "checksums")]
        Checksum::Crc64Nvme,
        #[cfg(feature = "legacy")]
        Checksum::Sha1,
    ])
}

/// A body of up to four chunks, and how it is announced.
fn any_stream() -> impl Strategy<Value = (Stream, Vec<u8>)> {
    let length = prop_oneof![Just(0usize), 1usize..300, 8_180usize..8_200, 1usize..33_000];
    (length, 8_192u64..12_000, any_checksum(), 0..3).prop_map(|(length, chunk, checksum, mode)| {
        let stream = match mode {
            0 => Stream::signed(length as u64),
            1 => Stream::signed(length as u64).trailer(checksum),
            _ => Stream::unsigned(length as u64, checksum),
        };
        (stream.chunk_size(chunk).unwrap(), body(length))
    })
}

/// What was handed out in that split, and the verdict.
fn read_split(arriving: &Arriving, framed: &[u8], cuts: &[Index]) -> (Vec<u8>, Result<(), VerifyError>) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(framed.len() + 1)).collect();
    cuts.push(framed.len());
    cuts.sort_unstable();
    let mut reader = arriving.chunks(&key(), &lenient(), &Limits::DEFAULT, now()).unwrap();
    let mut from = 0;
    let mut verdict = Ok(());
    for cut in cuts {
        verdict = verdict.and_then(|()| reader.take(&framed[from..cut]));
        from = cut;
    }
    let finished = reader.chunks.clone().finish();
    assert!(verdict.is_ok() || finished.is_err(), "refused, and whole all the same");
    (reader.read, verdict.and(finished))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_verifies_in_any_split_and_has_the_length_that_was_told(
        (stream, body) in any_stream(),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let arriving = Arriving::of(stream, &body);
        prop_assert_eq!(arriving.framed.len() as u64, stream.framed_length());
        let (read, verdict) = read_split(&arriving, &arriving.framed, &cuts);
        prop_assert_eq!(verdict, Ok(()));
        prop_assert!(read == body);
    }

    #[test]
    fn one_changed_byte_is_refused_and_what_was_handed_out_before_was_signed(
        (stream, body) in any_stream(),
        at in any::<Index>(),
        with in any::<u8>(),
        near_the_end in any::<bool>(),
        cuts in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let arriving = Arriving::of(stream, &body);
        let mut changed = arriving.framed.clone();
        let from = if near_the_end { changed.len().saturating_sub(400) } else { 0 };
        let at = from + at.index(changed.len() - from);
        prop_assume!(changed[at] != with);
        // A digit of a size has two cases, and clients write both.
        let is_case = changed[at].eq_ignore_ascii_case(&with) && with.is_ascii_hexdigit();
        changed[at] = with;
        let (read, verdict) = read_split(&arriving, &changed, &cuts);
        if verdict.is_ok() {
            prop_assert!(is_case && read == body, "accepted with another byte at {}", at);
        } else if stream.mode() != StreamMode::UnsignedTrailer {
            prop_assert!(body.starts_with(&read), "handed out what was not signed");
        }
    }

    #[test]
    fn a_body_that_lost_or_gained_bytes_is_refused(
        (stream, body) in any_stream(),
        at in any::<Index>(),
        count in 1usize..100,
        gained in any::<bool>(),
    ) {
        let arriving = Arriving::of(stream, &body);
        let at = at.index(arriving.framed.len());
        let end = (at + count).min(arriving.framed.len());
        let (head, lost, tail) = (&arriving.framed[..at], &arriving.framed[at..end], &arriving.framed[end..]);
        let changed = if gained { [head, lost, lost, tail].concat() } else { [head, tail].concat() };
        let (read, verdict) = read_split(&arriving, &changed, &[]);
        prop_assert!(verdict.is_err());
        if stream.mode() != StreamMode::UnsignedTrailer {
            prop_assert!(body.starts_with(&read));
        }
    }

    #[test]
    fn chunks_of_a_signed_stream_in_any_other_order_are_refused(length in 16_385usize..40_000, order in Just(vec![0, 1, 2]).prop_shuffle()) {
        let body = body(length);
        let stream = Stream::signed(length as u64).chunk_size(8_192).unwrap();
        let arriving = Arriving::of(stream, &body);
        // A chunk with its line: `2000;chunk-signature=` and the signature, the data, and what ends both.
        let whole = 4 + 17 + 64 + 2 + 8_192 + 2;
        let parts: Vec<&[u8]> = vec![&arriving.framed[..whole], &arriving.framed[whole..2 * whole], &arriving.framed[2 * whole..]];
        let changed = order.iter().flat_map(|at| parts[*at].to_vec()).collect::<Vec<u8>>();
        let (read, verdict) = read_split(&arriving, &changed, &[]);
        prop_assert_eq!(verdict.is_ok(), order == [0, 1, 2]);
        prop_assert!(body.starts_with(&read));
    }
}
