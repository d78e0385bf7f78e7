//! Pages of EC2 describes: `MaxResults` and an opaque `NextToken`, good for the request that it was given to.

use super::params::Params;
use crate::error::{ApiError, Code};
use std::ops::RangeInclusive;

/// What most describes allow.
pub(crate) const USUAL: RangeInclusive<u32> = 5..=1000;

/// The page that a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    max: Option<u32>,
    after: Option<String>,
    fingerprint: u64,
}

/// One page and the token of the next.
#[derive(Debug)]
pub(crate) struct Cut<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl Page {
    /// Reads both parameters. `request` is what else was asked: a token of another request is refused. Ids and
    /// MaxResults exclude each other.
    pub(crate) fn parse(
        params: &mut Params,
        allowed: &RangeInclusive<u32>,
        ids_given: bool,
        request: &str,
    ) -> Result<Self, ApiError> {
        let max: Option<u32> = params.parsed("MaxResults")?;
        let token = params.text("NextToken").filter(|token| !token.is_empty());
        if let Some(max) = max.filter(|max| !allowed.contains(max)) {
            return Err(ApiError::value(format!(
                "Value ( {max} ) for parameter maxResults is invalid. Expecting a value between {} and {}.",
                allowed.start(),
                allowed.end()
            )));
        }
        if max.is_some() && ids_given {
            return Err(ApiError::combination(
                "The parameter MaxResults cannot be used together with a list of ids",
            ));
        }
        let fingerprint = fnv(request);
        let after = token.map(|token| read_token(&token, fingerprint)).transpose()?;
        Ok(Self {
            max,
            after,
            fingerprint,
        })
    }

    /// Reads the parameters of a REST service, of which EKS gives 100 a page unless fewer are asked for.
    pub(crate) fn rest(max: Option<&str>, token: Option<&str>, request: &str) -> Result<Self, ApiError> {
        const MOST: u32 = 100;
        let max = max.map(|max| max.parse().ok().filter(|max| (1..=MOST).contains(max)));
        let Some(max) = max.unwrap_or(Some(MOST)) else {
            return Err(ApiError::value(format!(
                "maxResults must be between 1 and {MOST}"
            )));
        };
        let fingerprint = fnv(request);
        let token = token.filter(|token| !token.is_empty());
        let after = token.map(|token| read_token(token, fingerprint)).transpose()?;
        Ok(Self {
            max: Some(max),
            after,
            fingerprint,
        })
    }

    /// Reads the parameters of a service that has other names for them, and a size where none is given.
    pub(crate) fn named(
        params: &mut Params,
        (size, token): (&str, &str),
        (usual, most): (u32, u32),
        request: &str,
    ) -> Result<Self, ApiError> {
        let max = params.parsed(size)?.unwrap_or(usual);
        if !(1..=most).contains(&max) {
            return Err(ApiError::value(format!(
                "Value '{max}' at '{size}' failed to satisfy constraint: Member must be between 1 and {most}"
            )));
        }
        let token = params.text(token).filter(|token| !token.is_empty());
        let fingerprint = fnv(request);
        let after = token.map(|token| read_token(&token, fingerprint)).transpose()?;
        Ok(Self {
            max: Some(max),
            after,
            fingerprint,
        })
    }

    /// Cuts a list in the order of its keys, which must not change between two pages.
    pub(crate) fn cut<T>(&self, items: impl Iterator<Item = (String, T)>) -> Cut<T> {
        let max = self.max.map_or(usize::MAX, |max| max as usize);
        let mut rest = items.skip_while(|(key, _)| self.after.as_ref().is_some_and(|after| key <= after));
        let mut page = Vec::new();
        let mut last = String::new();
        for (key, item) in rest.by_ref().take(max) {
            page.push(item);
            last = key;
        }
        let next = rest.next().map(|_| write_token(&last, self.fingerprint));
        Cut { items: page, next }
    }
}

fn write_token(key: &str, fingerprint: u64) -> String {
    key.bytes()
        .fold(format!("{fingerprint:016x}"), |mut token, byte| {
            token.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            token.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            token
        })
}

fn read_token(token: &str, fingerprint: u64) -> Result<String, ApiError> {
    let invalid = || ApiError::new(Code::InvalidNextToken, "The specified NextToken is not valid.");
    let (mark, key) = token.split_at_checked(16).ok_or_else(invalid)?;
    if mark != format!("{fingerprint:016x}") || key.len() % 2 != 0 {
        return Err(invalid());
    }
    let digits: Vec<u8> = key
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()
        .ok_or_else(invalid)?;
    let bytes = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit));
    String::from_utf8(bytes.collect()).map_err(|_| invalid())
}

/// FNV-1a: tells requests apart, protects nothing.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, request: &str) -> Result<Page, ApiError> {
        Page::parse(&mut Params::parse(query.as_bytes()), &USUAL, false, request)
    }

    fn items() -> impl Iterator<Item = (String, u32)> {
        (0..12).map(|n| (format!("eni-{n:02}"), n))
    }

    #[test]
    fn pages_join_without_a_gap_or_a_repeat() {
        let first = page("MaxResults=5", "a").unwrap().cut(items());
        assert_eq!(first.items, [0, 1, 2, 3, 4]);
        let query = format!("MaxResults=7&NextToken={}", first.next.unwrap());
        let second = page(&query, "a").unwrap().cut(items());
        assert_eq!(second.items, [5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn a_token_is_good_for_its_request_only() {
        let token = page("MaxResults=5", "a").unwrap().cut(items()).next.unwrap();
        for (query, request) in [
            (format!("NextToken={token}"), "b"),
            (format!("NextToken={token}0"), "a"),
            ("NextToken=zzz".to_owned(), "a"),
        ] {
            assert_eq!(
                page(&query, request)
                    .map_err(|e| e.code().to_owned())
                    .err()
                    .as_deref(),
                Some("InvalidNextToken")
            );
        }
        assert!(page("MaxResults=4", "a").is_err());
        assert!(page("MaxResults=1001", "a").is_err());
    }
}
