//! Bounds as they are stored, in any format of serde.
//!
//! What is read goes through the methods of [`Bounds`]; unknown and repeated members are refused. All members are written.

use super::{
    bounds::{Bounds, Cap},
    decision::Broad,
    union::{Pattern, Union},
};
use crate::grant::{Actions, Classification, Justification, Lifetime};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// The most areas.
const AREAS: usize = 1000;
/// The most addresses, and media types.
const LIST: usize = 256;
/// The most bytes of one text.
const TEXT: usize = 4096;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Bounds", deny_unknown_fields)]
struct Stored {
    reach: Vec<Area>,
    #[serde(default)]
    caps: Option<Caps>,
    #[serde(default = "least_sensitive")]
    at_least: Classification,
    #[serde(default)]
    client_addresses: Option<Vec<String>>,
    #[serde(default)]
    largest_upload: Option<u64>,
    #[serde(default)]
    content_types: Option<Vec<Media>>,
    #[serde(default)]
    plain_http: Option<Justification>,
    #[serde(default)]
    dot_segments: Option<Justification>,
    #[serde(default)]
    justify: Vec<Broad>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    container: String,
    names: Names,
    actions: Actions,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Names {
    All,
    Prefix(String),
    Exact(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Media {
    Prefix(String),
    Exact(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caps {
    public: Longest,
    internal: Longest,
    confidential: Longest,
    pii: Longest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Longest {
    seconds: Lifetime,
    #[serde(default)]
    because: Option<Justification>,
}

fn least_sensitive() -> Classification {
    Classification::Public
}

impl Serialize for Bounds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored::of(self);
        stored.check_limits().map_err(S::Error::custom)?;
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        stored.check_limits().map_err(D::Error::custom)?;
        stored.bounds().map_err(D::Error::custom)
    }
}

impl Stored {
    fn of(bounds: &Bounds) -> Self {
        // Every member by its name, so that a new one cannot be forgotten here.
        let Bounds {
            reach,
            caps,
            least,
            addresses,
            largest_upload,
            content_types,
            plain_http,
            dot_segments,
            justified,
        } = bounds;
        let longest = |class| {
            let Cap { longest, why } = caps.of(class).clone();
            Longest { seconds: longest, because: why }
        };
        let area = |(container, names, actions): (&str, &Pattern, Actions)| Area {
            container: container.to_string(),
            names: match names {
                Pattern::Prefix(prefix) if prefix.is_empty() => Names::All,
                Pattern::Prefix(prefix) => Names::Prefix(prefix.clone()),
                Pattern::Exact(name) => Names::Exact(name.clone()),
            },
            actions,
        };
        let media = |pattern: &Pattern| match pattern {
            Pattern::Prefix(text) => Media::Prefix(text.clone()),
            Pattern::Exact(text) => Media::Exact(text.clone()),
        };
        Self {
            reach: reach.iter().map(area).collect(),
            caps: Some(Caps {
                public: longest(Classification::Public),
                internal: longest(Classification::Internal),
                confidential: longest(Classification::Confidential),
                pii: longest(Classification::Pii),
            }),
            at_least: *least,
            client_addresses: addresses.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
            largest_upload: *largest_upload,
            content_types: content_types.as_ref().map(|all| all.iter().map(media).collect()),
            plain_http: plain_http.clone(),
            dot_segments: dot_segments.clone(),
            justify: Broad::ALL.iter().map(|(what, _)| *what).filter(|what| justified & *what as u16 != 0).collect(),
        }
    }

    fn bounds(self) -> Result<Bounds, String> {
        let mut bounds = Bounds::new().at_least(self.at_least);
        for Area { container, names, actions } in self.reach {
            let added = match names {
                Names::All => Ok(bounds.container(container, actions)),
                Names::Prefix(prefix) => bounds.under(container, prefix, actions),
                Names::Exact(name) => bounds.object(container, name, actions),
            };
            bounds = added.map_err(|why| why.to_string())?;
        }
        if let Some(caps) = self.caps {
            for (class, longest) in [
                (Classification::Public, caps.public),
                (Classification::Internal, caps.internal),
                (Classification::Confidential, caps.confidential),
                (Classification::Pii, caps.pii),
            ] {
                bounds = match longest {
                    Longest { seconds, because: Some(why) } => bounds.cap_because(class, seconds, why),
                    Longest { seconds, because: None } if seconds <= class.cap() => bounds.cap(class, seconds),
                    Longest { .. } => return Err("a cap beyond the default of its class says why".into()),
                };
            }
        }
        // A list of none allows nothing, as after two limits that have nothing in common.
        if let Some(addresses) = self.client_addresses {
            bounds.addresses = Some(Union::new());
            for addresses in addresses {
                bounds = bounds.client_address(&addresses).map_err(|why| why.to_string())?;
            }
        }
        if let Some(types) = self.content_types {
            bounds.content_types = Some(Union::new());
            for media in types {
                bounds = match media {
                    Media::Prefix(text) => bounds.content_type_prefix(text),
                    Media::Exact(text) => bounds.content_type(text),
                };
            }
        }
        bounds = self.largest_upload.into_iter().fold(bounds, Bounds::largest_upload);
        bounds = self.plain_http.into_iter().fold(bounds, Bounds::allow_plain_http);
        bounds = self.dot_segments.into_iter().fold(bounds, Bounds::allow_dot_segments);
        Ok(self.justify.into_iter().fold(bounds, Bounds::justify))
    }

    fn check_limits(&self) -> Result<(), &'static str> {
        let lists = [self.client_addresses.as_ref().map(Vec::len), self.content_types.as_ref().map(Vec::len)];
        if self.reach.len() > AREAS || lists.into_iter().flatten().any(|len| len > LIST) || self.justify.len() > LIST {
            return Err("bounds have at most 1000 areas, and 256 members in each other list");
        }
        let names = |names: &Names| match names {
            Names::All => 0,
            Names::Prefix(text) | Names::Exact(text) => text.len(),
        };
        let media = |media: &Media| match media {
            Media::Prefix(text) | Media::Exact(text) => text.len(),
        };
        let longest = self
            .reach
            .iter()
            .flat_map(|area| [area.container.len(), names(&area.names)])
            .chain(self.content_types.iter().flatten().map(media))
            .max();
        if longest.is_some_and(|bytes| bytes > TEXT) { Err("a text of bounds has at most 4096 bytes") } else { Ok(()) }
    }
}
