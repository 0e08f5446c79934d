//! Values that must not be seen: wiped on drop, redacted in `Debug`, without `Display` or `==`.

use core::fmt;
use zeroize::Zeroize;

/// A secret value.
///
/// It is wiped from memory when dropped, prints as `[redacted]`, and can neither be compared nor
/// displayed. [`Secret::expose`] is the one way to its content, so that a search for that word finds
/// every place that reads a secret.
///
/// ```
/// use valet_key::secret::Secret;
///
/// let secret = Secret::new(String::from("hunter2"));
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret<T: Wipe>(T);

impl<T: Wipe> Secret<T> {
    /// Takes the value in.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Do not log it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl From<&str> for Secret<alloc::string::String> {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<alloc::string::String> for Secret<alloc::string::String> {
    fn from(text: alloc::string::String) -> Self {
        Self(text)
    }
}

/// What a [`Secret`] can hold. Implemented for `String`, `Vec<u8>` and byte arrays.
pub trait Wipe: sealed::Sealed {
    /// Overwrites the content with zeros.
    fn wipe(&mut self);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for alloc::string::String {}
    impl Sealed for alloc::vec::Vec<u8> {}
    impl<const N: usize> Sealed for [u8; N] {}
}

impl Wipe for alloc::string::String {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for alloc::vec::Vec<u8> {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl<const N: usize> Wipe for [u8; N] {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_leaves_nothing() {
        let mut text = alloc::string::String::from("secret");
        text.wipe();
        assert!(text.is_empty());
        let mut bytes = [1u8; 4];
        bytes.wipe();
        assert_eq!(bytes, [0; 4]);
    }
}
