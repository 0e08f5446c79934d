//! Listings in the words of S3, which Cloud Storage took over.

use crate::grant::{Action, Listing, Place};
use alloc::string::{String, ToString};

/// What a request says of its listing.
pub(crate) struct Words {
    /// What makes it the listing that it is: empty if nothing does.
    pub(crate) kind: &'static [(&'static str, &'static str)],
    at_most: &'static str,
    takes_delimiter: bool,
}

/// The words of an action, or nothing if it lists nothing.
pub(crate) const fn words(action: Action) -> Option<Words> {
    let (kind, at_most, takes_delimiter): (&[_], _, _) = match action {
        Action::List => (&[("list-type", "2")], "max-keys", true),
        Action::ListVersions => (&[("versions", "")], "max-keys", true),
        Action::ListUploads => (&[("uploads", "")], "max-uploads", true),
        Action::ListParts => (&[], "max-parts", false),
        _ => return None,
    };
    Some(Words { kind, at_most, takes_delimiter })
}

/// The parameters of a listing, or why it cannot be asked for like this.
pub(crate) fn params(
    words: &Words,
    action: Action,
    listing: &Listing,
) -> Result<[Option<(&'static str, String)>; 5], &'static str> {
    let (delimiter, encoding) = (listing.delimiter.as_deref(), listing.url_encoded);
    if !words.takes_delimiter && (delimiter.is_some() || encoding) {
        return Err("a list of parts has no names to group or to encode");
    }
    if delimiter.is_some_and(str::is_empty) {
        return Err("an empty delimiter groups nothing");
    }
    if listing.at_most.is_some_and(|most| !(1..=1000).contains(&most)) {
        return Err("a page has 1 to 1000 entries");
    }
    let text =
        |text: &String| Some(text.clone()).filter(|text| !text.is_empty()).ok_or("the place to go on at is empty");
    let (first, second) = match (&listing.from, action) {
        (None, _) => (None, None),
        (Some(Place::Token(token)), Action::List) => (Some(("continuation-token", text(token)?)), None),
        (Some(Place::Name(name)), Action::List) => (Some(("start-after", text(name)?)), None),
        (Some(Place::Name(name)), Action::ListVersions | Action::ListUploads) => {
            (Some(("key-marker", text(name)?)), None)
        }
        (Some(Place::Version(name, version)), Action::ListVersions) => {
            (Some(("key-marker", text(name)?)), Some(("version-id-marker", text(version)?)))
        }
        (Some(Place::Part(number)), Action::ListParts) => (Some(("part-number-marker", number.to_string())), None),
        _ => return Err("this listing goes on at another kind of place"),
    };
    Ok([
        delimiter.map(|text| ("delimiter", text.to_string())),
        encoding.then(|| ("encoding-type", "url".to_string())),
        listing.at_most.map(|most| (words.at_most, most.to_string())),
        first,
        second,
    ])
}
