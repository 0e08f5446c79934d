//! Shared access signatures of Service Bus, Event Hubs, Relay, IoT Hub and Event Grid.
//!
//! ```text
//! issue    MessagingEntity, Right ──▶ TokenRequest ──prepare(rule, now)──▶ PreparedToken ──finish(signature)──▶ BearerToken
//! verify   text ──service_bus, iot_hub, event_grid──▶ PresentedToken ──check(rule, expect, now)──▶ PendingToken ──accept(signature)──▶ Verified<SignedToken>
//! ```
//!
//! An [`AccessRule`] is the public half of a key: its name, where it is defined and what it may do. A token
//! names the rule and the resource and says nothing of rights.
//!
//! | | signed | key | end | rule |
//! |---|---|---|---|---|
//! | [`ServiceBusKey`] | `R`, newline, `E` | its text | seconds since 1970 | required |
//! | [`IotHubKey`] | `R`, newline, `E` | base64, decoded | seconds since 1970 | absent for a device's own key |
//! | [`EventGridKey`] | `r=R&e=E` | base64, decoded | a date and a time | none |
//!
//! Source: Service Bus documentation, "Access control with Shared Access Signatures"; Event Hubs
//! documentation, "Authenticate with SAS"; Relay documentation, "Hybrid Connections protocol guide"; IoT Hub
//! documentation, "Control access to IoT Hub with shared access signatures"; Event Grid documentation,
//! "Authenticate clients with SAS token".

mod answer;
mod canonical;
mod carrier;
mod entity;
mod expiry;
mod fields;
mod grant;
mod key;
mod level;
mod rights;
mod ring;
mod sign;
mod uri;
mod verify;

pub use self::{
    answer::MessagingError,
    canonical::TokenToSign,
    carrier::{PutToken, TokenCarrier, relay_token},
    entity::MessagingEntity,
    key::{AccessRule, EventGridKey, IotHubKey, RuleKey, ServiceBusKey, TokenSignature},
    level::EntityLevel,
    rights::{MessagingOperation, Right, Rights},
    ring::RuleRing,
    sign::{PreparedToken, TokenRequest},
    verify::{ExpectToken, PendingToken, PresentedToken, SignedToken},
};

use crate::{
    clock::Timestamp,
    error::{IssueError, KeyError, VerifyError},
    token::{BearerToken, Verified},
};
use alloc::{boxed::Box, sync::Arc};
use core::fmt::Debug;

/// The services, by how their tokens are written and their keys read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessagingFamily {
    /// Service Bus, Event Hubs and Relay.
    ServiceBus,
    /// IoT Hub.
    IotHub,
    /// Event Grid topics.
    EventGrid,
}

/// A holder of a key of a messaging service.
///
/// Two methods are required; the rest is the same for every holder. `&T`, `Box<T>` and `Arc<T>` of a holder
/// are holders, and so is `Box<dyn MessagingSas>`. A key that lives elsewhere uses the two halves
/// ([`TokenRequest::prepare`] and [`PreparedToken::finish`]) without the trait.
pub trait MessagingSas: Debug + Send + Sync {
    /// The public half: the rule that a token names, never its key.
    fn rule(&self) -> &AccessRule;

    /// Signs `message` with HMAC-SHA256.
    ///
    /// # Errors
    /// [`KeyError`] if the message is of another service, or this holder failed.
    fn sign(&self, message: &TokenToSign) -> Result<TokenSignature, KeyError>;

    /// Makes a token, good from `now`.
    ///
    /// # Errors
    /// Those of [`TokenRequest::prepare`], and [`IssueError::Key`].
    fn token(&self, request: &TokenRequest, now: Timestamp) -> Result<BearerToken, IssueError> {
        let prepared = request.prepare(self.rule(), now)?;
        let signature = self.sign(prepared.string_to_sign())?;
        Ok(prepared.finish(&signature))
    }

    /// Checks a token against this key alone. See [`RuleRing`] for several.
    ///
    /// # Errors
    /// [`VerifyError`], see [`PresentedToken::check`] and [`PendingToken::accept`].
    fn verify(
        &self,
        presented: PresentedToken<'_>,
        expect: &ExpectToken,
        now: Timestamp,
    ) -> Result<Verified<SignedToken>, VerifyError> {
        let pending = presented.check(self.rule(), expect, now)?;
        let expected = self.sign(pending.string_to_sign())?;
        pending.accept(&expected)
    }
}

macro_rules! holders_behind_a_pointer {
    ($($pointer:ty),*) => {$(
        impl<T: MessagingSas + ?Sized> MessagingSas for $pointer {
            fn rule(&self) -> &AccessRule {
                (**self).rule()
            }

            fn sign(&self, message: &TokenToSign) -> Result<TokenSignature, KeyError> {
                (**self).sign(message)
            }
        }
    )*};
}

holders_behind_a_pointer!(&T, Box<T>, Arc<T>);
