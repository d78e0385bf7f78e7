//! What all services of the Query protocol share: an action reads its parameters and gives an effect, and the effect
//! runs only once everything was understood. So a refused request changes nothing.

use crate::error::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::World;

/// What a request does to the world, once it was understood.
pub(crate) type Effect = Box<dyn FnOnce(&mut World) -> Result<Xml, ApiError>>;

/// Reads the parameters of an action.
pub(crate) type Read = fn(&mut Params) -> Result<Effect, ApiError>;

/// The actions of one family.
pub(crate) type Family = &'static [(&'static str, Read)];

/// The action of a name.
pub(crate) fn find(families: &[Family], action: &str) -> Option<Read> {
    let all = families.iter().flat_map(|family| family.iter());
    all.clone()
        .find(|(name, _)| *name == action)
        .map(|(_, read)| *read)
}

/// The names of all actions, sorted.
pub(crate) fn names(families: &[Family]) -> Vec<&'static str> {
    let mut names: Vec<_> = families
        .iter()
        .flat_map(|f| f.iter())
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    names
}
