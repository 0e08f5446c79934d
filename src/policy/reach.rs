//! Where what may be done: actions on names in containers.

use super::union::{Extent, Pattern};
use crate::grant::Actions;
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

/// For each container, which actions on which names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach(BTreeMap<String, BTreeMap<Pattern, Actions>>);

impl Reach {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn add(&mut self, container: String, names: Pattern, actions: Actions) {
        let areas = self.0.entry(container).or_default();
        areas.entry(names).and_modify(|all| *all = *all | actions).or_insert(actions);
    }

    /// Every action in every area that it has.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Pattern, Actions)> {
        self.0.iter().flat_map(|(container, areas)| {
            areas.iter().map(move |(names, actions)| (container.as_str(), names, *actions))
        })
    }

    pub(super) fn containers(&self) -> Vec<String> {
        self.0.keys().map(ToString::to_string).collect()
    }

    /// The names that are in reach in a container, or nothing if it is not itself.
    pub(super) fn names(&self, container: &str) -> Option<Vec<Pattern>> {
        self.0.get(container).map(|areas| areas.keys().cloned().collect())
    }

    /// All that may be done with these names.
    pub(super) fn actions(&self, container: &str, names: &Pattern) -> Option<Actions> {
        let areas = self.0.get(container)?.iter().filter(|(area, _)| area.covers(names));
        areas.map(|(_, actions)| *actions).reduce(|all, actions| all | actions)
    }

    /// What both reach.
    pub(super) fn meet(&self, other: &Self) -> Self {
        let mut both = Self::new();
        for (container, names, actions) in self.iter() {
            for (other_names, other_actions) in other.0.get(container).into_iter().flatten() {
                if let (Some(names), Some(actions)) = (names.meet(other_names), actions.common(*other_actions)) {
                    both.add(container.to_owned(), names, actions);
                }
            }
        }
        both
    }
}
