//! The AWS query protocol: an action and its parameters, in a query or in a form.

use super::Request;
use crate::encode;
use alloc::{borrow::Cow, string::String, vec::Vec};

pub(super) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// An action with its parameters, in the order in which they are written.
#[derive(Clone)]
pub(super) struct Params(Vec<(Cow<'static, str>, String)>);

impl Params {
    pub(super) fn new(action: &str, version: &str) -> Self {
        Self(Vec::from([("Action".into(), action.into()), ("Version".into(), version.into())]))
    }

    pub(super) fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Puts them into the query of a request.
    pub(super) fn into_query(self, request: Request) -> Request {
        self.0.into_iter().fold(request, |request, (name, value)| request.query(name, value))
    }

    /// Writes them as a form: a blank is `%20`.
    pub(super) fn into_form(self) -> String {
        let mut form = String::new();
        for (name, value) in &self.0 {
            if !form.is_empty() {
                form.push('&');
            }
            form.extend(encode::component(name.as_bytes()));
            form.push('=');
            form.extend(encode::component(value.as_bytes()));
        }
        form
    }
}
