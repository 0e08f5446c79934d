//! No signature, secret or session token shows in what operations print.

use crate::{BUCKET, Sent, endpoint, key, now};
use valet_key::{
    aws::{Credential, Presigner, S3Error, SigV4, StaticKey, UrlRequest},
    error::VerifyError,
    grant::Grant,
};

const TOKEN: &str = "PLANTEDtoken/PLANTEDtoken+PLANTEDtoken=";
const UPLOAD: &str = "PLANTEDuploadPLANTEDupload";

#[test]
fn what_is_read_shows_what_it_is_about_and_no_more() {
    let url =
        key().presign(&UrlRequest::at(&endpoint(), &Grant::abort(BUCKET, "a.bin", UPLOAD)).unwrap(), now()).unwrap();
    let signature = &url.expose()[url.expose().len() - 64..];
    let sent = Sent::with(&url);
    let shown = sent.read(|request| format!("{request:?}")).unwrap();
    assert!(shown.contains("AbortMultipartUpload") && shown.contains("a.bin"), "{shown}");
    assert!(!shown.contains(signature) && !shown.contains(UPLOAD), "{shown}");
    // Neither do the errors about it, nor the answers.
    let error = sent.covered_by(&Grant::read(BUCKET, "b.bin")).unwrap_err();
    let other = sent.covered_by(&Grant::abort(BUCKET, "a.bin", "other")).unwrap_err();
    for error in [error, other, VerifyError::Operation { why: "any" }] {
        let text = format!("{error} {error:?} {}", S3Error::from(&error).to_xml("1"));
        assert!(!text.contains(signature) && !text.contains(UPLOAD) && !text.contains("a.bin"), "{text}");
    }
}

#[test]
fn part_urls_show_their_numbers_and_no_more() {
    let credential = Credential::new(crate::ID).unwrap().with_session_token(TOKEN).unwrap();
    let holder = StaticKey::from_credential(credential, crate::SECRET).unwrap();
    let grant = Grant::upload_part(BUCKET, "any", "any", 1).any_size();
    let mut presigner = Presigner::new(holder, &endpoint(), &grant).unwrap();
    let mut urls = presigner.part_urls("a.bin", UPLOAD, 3..=5, now()).unwrap();
    let url = urls.next().unwrap().unwrap();
    let signature = &url.expose()[url.expose().len() - 64..];
    let shown = format!("{urls:?} {url:?}");
    drop(urls);
    let shown = format!("{shown} {presigner:?}");
    assert!(shown.contains("4..=5"), "{shown}");
    for planted in [crate::SECRET, TOKEN, UPLOAD, signature] {
        assert!(!shown.contains(planted), "{shown}");
    }
}
