//! The parameters of a Query request. Reading takes them out; what is left at the end was not understood, and is an
//! error: nothing is accepted and ignored.

use super::unmodelled;
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Parameters by name, or those of one structure in a list, with the prefix they came under.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    prefix: String,
    values: BTreeMap<String, String>,
}

impl Params {
    pub(crate) fn parse(body: &[u8]) -> Self {
        let values = form_urlencoded::parse(body).into_owned().collect();
        Self {
            prefix: String::new(),
            values,
        }
    }

    /// All of them in one text: what a client token is compared by.
    pub(crate) fn fingerprint(&self) -> String {
        self.values
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "ClientToken" | "DryRun"))
            .fold(String::new(), |text, (name, value)| {
                text + name + "=" + value + "&"
            })
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// Looks without taking.
    pub(crate) fn peek(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// How many begin with this.
    pub(crate) fn count_under(&self, beginning: &str) -> usize {
        self.values
            .range(beginning.to_owned()..)
            .take_while(|(name, _)| name.starts_with(beginning))
            .count()
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::missing(&self.full(name)))
    }

    /// A value of a type that reads itself; the message is AWS's for a value of the wrong form.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        let parsed = value.parse().map_err(|_| {
            ApiError::value(format!(
                "Value ({value}) for parameter {} is invalid.",
                self.full(name)
            ))
        })?;
        Ok(Some(parsed))
    }

    pub(crate) fn required_parsed<T: FromStr>(&mut self, name: &str) -> Result<T, ApiError> {
        self.parsed(name)?
            .ok_or_else(|| ApiError::missing(&self.full(name)))
    }

    /// `Name.1`, `Name.2` and so on, in the order of the numbers.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        self.split(name)
            .into_values()
            .filter_map(|mut item| item.text(""))
            .collect()
    }

    /// `Name.1.Field`: each structure is read whole.
    pub(crate) fn structures<T>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Self) -> Result<T, ApiError>,
    ) -> Result<Vec<T>, ApiError> {
        self.split(name)
            .into_values()
            .map(|mut item| {
                let value = read(&mut item)?;
                item.finish()?;
                Ok(value)
            })
            .collect()
    }

    /// `Name.Field`: one structure, or none where no field of it is given.
    pub(crate) fn structure<T>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Self) -> Result<T, ApiError>,
    ) -> Result<Option<T>, ApiError> {
        let dotted = format!("{name}.");
        let values = self.remove_under(&dotted);
        if values.is_empty() {
            return Ok(None);
        }
        let mut inner = Self {
            prefix: self.full(&dotted),
            values,
        };
        let value = read(&mut inner)?;
        inner.finish()?;
        Ok(Some(value))
    }

    /// What nobody asked for is refused.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let Some(name) = self.values.keys().next() else {
            return Ok(());
        };
        let full = self.full(name);
        Err(if unmodelled::parameter(&full) {
            ApiError::new(
                Code::UnsupportedOperation,
                format!("The sandbox does not model the parameter {full}"),
            )
        } else {
            ApiError::new(
                Code::UnknownParameter,
                format!("The parameter {full} is not recognized"),
            )
        })
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn remove_under(&mut self, dotted: &str) -> BTreeMap<String, String> {
        let names: Vec<String> = self
            .values
            .range(dotted.to_owned()..)
            .map(|(name, _)| name.clone())
            .take_while(|name| name.starts_with(dotted))
            .collect();
        names
            .into_iter()
            .filter_map(|name| {
                let value = self.values.remove(&name)?;
                Some((name.get(dotted.len()..)?.to_owned(), value))
            })
            .collect()
    }

    /// The items of a list by number. What is not numbered stays, and `finish` refuses it.
    fn split(&mut self, name: &str) -> BTreeMap<u32, Self> {
        let dotted = format!("{name}.");
        let mut items: BTreeMap<u32, Self> = BTreeMap::new();
        for (rest, value) in self.remove_under(&dotted) {
            let (number, field) = rest.split_once('.').unwrap_or((rest.as_str(), ""));
            let Ok(index) = number.parse::<u32>() else {
                self.values.insert(format!("{dotted}{rest}"), value);
                continue;
            };
            items
                .entry(index)
                .or_insert_with(|| Self {
                    prefix: format!("{}{dotted}{number}.", self.prefix),
                    values: BTreeMap::new(),
                })
                .values
                .insert(field.to_owned(), value);
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_numeric_order() {
        let mut params = Params::parse(b"Id.10=k&Id.2=b&Id.1=a");
        assert_eq!(params.list("Id"), ["a", "b", "k"]);
        assert!(params.finish().is_ok());
    }

    #[test]
    fn what_was_not_read_is_refused() {
        let error = |body: &[u8]| {
            let mut params = Params::parse(body);
            params
                .structures("Filter", |filter| filter.required("Name"))
                .err()
                .or_else(|| params.finish().err())
                .map(|e| e.to_string())
        };
        assert_eq!(
            error(b"Bogus=1").as_deref(),
            Some("UnknownParameter: The parameter Bogus is not recognized")
        );
        assert_eq!(
            error(b"Filter.1.Name=a&Filter.1.Nmae=b").as_deref(),
            Some("UnknownParameter: The parameter Filter.1.Nmae is not recognized")
        );
        assert_eq!(
            error(b"OutpostArn=1").as_deref(),
            Some("UnsupportedOperation: The sandbox does not model the parameter OutpostArn")
        );
        assert_eq!(
            error(b"Filter.x=1").as_deref(),
            Some("UnknownParameter: The parameter Filter.x is not recognized")
        );
        assert_eq!(error(b"Filter.1.Name=a"), None);
    }
}
