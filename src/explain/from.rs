//! What was signed, from what the providers prepare.

use super::Signed;

macro_rules! requests {
    ($(#[$gate:meta] $prepared:ty),+ $(,)?) => {$(
        #[$gate]
        impl<'a> From<&'a $prepared> for Signed<'a> {
            fn from(prepared: &'a $prepared) -> Self {
                Self::request(prepared.canonical_request(), prepared.string_to_sign().as_bytes())
            }
        }
    )+};
}

macro_rules! lines {
    ($(#[$gate:meta] $prepared:ty),+ $(,)?) => {$(
        #[$gate]
        impl<'a> From<&'a $prepared> for Signed<'a> {
            fn from(prepared: &'a $prepared) -> Self {
                Self::lines(prepared.string_to_sign().as_bytes())
            }
        }
    )+};
}

requests! {
    #[cfg(feature = "aws")] crate::aws::Prepared,
    #[cfg(feature = "aws")] crate::aws::PreparedHeaders,
    #[cfg(feature = "gcs")] crate::gcs::Prepared,
}

lines! {
    #[cfg(feature = "azure")] crate::azure::Prepared,
    #[cfg(feature = "azure")] crate::azure::PreparedAccountSas,
    #[cfg(feature = "azure")] crate::azure::PreparedRequest,
}
