//! What all describes share: ids, filters and a page, read once and applied once.

use crate::error::ApiError;
use crate::wire::filter::{Filterable, Filters};
use crate::wire::ids::{self, WireId};
use crate::wire::page::{Cut, Page, USUAL};
use crate::wire::params::Params;
use std::collections::BTreeMap;
use std::fmt::Display;

/// What a describe asks for.
#[derive(Debug)]
pub(super) struct Query<K> {
    pub(super) ids: Vec<K>,
    pub(super) filters: Filters,
    pub(super) page: Page,
}

impl<K: WireId + Ord + Display + Clone> Query<K> {
    /// Reads ids under the given name, filters and the page.
    pub(super) fn parse<F: Filterable>(params: &mut Params, name: &str) -> Result<Self, ApiError> {
        let mut ids: Vec<K> = ids::list(params, name)?;
        ids.sort();
        ids.dedup();
        let filters = Filters::parse::<F>(params)?;
        let request = format!("{name}?{}", filters.fingerprint());
        let page = Page::parse(params, &USUAL, !ids.is_empty(), &request)?;
        Ok(Self { ids, filters, page })
    }

    /// The page of what is asked for; an id that is not there is an error.
    pub(super) fn select<'w, V: Filterable>(
        &self,
        all: &'w BTreeMap<K, V>,
        find: impl Fn(&K) -> Result<&'w V, ApiError>,
    ) -> Result<Cut<&'w V>, ApiError> {
        if self.ids.is_empty() {
            return Ok(self.cut(all.iter()));
        }
        let found: Vec<(&K, &V)> = self
            .ids
            .iter()
            .map(|id| Ok((id, find(id)?)))
            .collect::<Result<_, ApiError>>()?;
        Ok(self.cut(found.into_iter()))
    }

    /// Filters what an index or the ids found, and cuts the page.
    pub(super) fn cut<'k, 'w, V: Filterable>(&self, found: impl Iterator<Item = (&'k K, &'w V)>) -> Cut<&'w V>
    where
        K: 'k,
    {
        let accepted = found.filter(|(_, item)| self.filters.accept(*item));
        self.page.cut(accepted.map(|(id, item)| (id.to_string(), item)))
    }
}
