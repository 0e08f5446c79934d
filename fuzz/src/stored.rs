//! Bounds and grants as they are stored, and what the bounds permit then.

use valet_key::aws::{Region, policy::SessionBounds};
use valet_key::clock::Timestamp;
use valet_key::gcs::AccessBoundary;
use valet_key::grant::Grant;
use valet_key::policy::Bounds;

/// What reads back is the same.
fn bounds(text: &[u8]) -> Option<Bounds> {
    let bounds: Bounds = serde_json::from_slice(text).ok()?;
    let written = serde_json::to_vec(&bounds).unwrap();
    assert_eq!(serde_json::from_slice::<Bounds>(&written).unwrap(), bounds);
    if let Ok(policy) = SessionBounds::new(&bounds, Region::new("eu-west-1").unwrap()).to_policy() {
        assert!(policy.as_str().is_ascii() && policy.as_str().len() <= 2048);
    }
    let now = Timestamp::from_unix(0).unwrap();
    if let Ok(boundary) = AccessBoundary::within(&bounds, now, now) {
        assert!(serde_json::from_str::<serde_json::Value>(&boundary.to_json()).is_ok());
    }
    Some(bounds)
}

fn grant(text: &[u8]) -> Option<Grant> {
    let grant: Grant = serde_json::from_slice(text).ok()?;
    let written = serde_json::to_string(&grant).unwrap();
    let back: Grant = serde_json::from_str(&written).unwrap();
    assert_eq!(format!("{back:?}"), format!("{grant:?}"));
    assert!(grant.actions().only().is_some() || grant.justification().is_some());
    Some(grant)
}

/// Three documents with a record separator between them: two bounds and a grant.
///
/// Whatever they are, what is read is written and read back the same, what is broader than one action says why, and two
/// bounds together permit exactly what both permit.
///
/// # Panics
/// If it does not hold.
pub fn bounds_and_grants(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0x1e);
    let mut next = || parts.next().unwrap_or_default();
    let (one, other, grant) = (bounds(next()), bounds(next()), grant(next()));
    let Some(one) = one else { return };
    assert_eq!(one.narrow(&one), one);
    let other = other.unwrap_or_default();
    let both = one.narrow(&other);
    let Some(grant) = grant else { return };
    let permitted = one.permits(&grant).is_allowed() && other.permits(&grant).is_allowed();
    assert_eq!(both.permits(&grant).is_allowed(), permitted);
    assert_eq!(other.narrow(&one).permits(&grant).is_allowed(), permitted);
    if let Err(why) = both.permits(&grant).into_result() {
        let text = why.to_string();
        assert!(!text.chars().any(char::is_control), "{text}");
    }
}
