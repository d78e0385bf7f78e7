//! Reads what stands in the cluster with upstream's own semantics: for adoption, drift and the node's agent.
//!
//! Unset, empty and set are three things. Nothing is refused here: a text upstream cannot use becomes what upstream
//! makes of it, with a note; what users write in a policy goes through `parse`.

use super::raw::{RawConfig, RawValue, flag, variable};
use super::upstream::{self, Context, Reaction};
use super::{CniConfig, Key, Kind, Place, args, defaults, go};
use std::fmt;

/// A setting whose text is not simply its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadNote {
    /// The setting.
    pub key: Key,
    /// The text as it stands.
    pub text: String,
    /// What upstream does with it.
    pub reaction: Reaction,
}

impl fmt::Display for ReadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, text, reaction } = self;
        match reaction {
            Reaction::TakesDefault(Some(default)) => write!(f, "{key}={text:?} is taken as {default:?}"),
            Reaction::TakesDefault(None) => write!(f, "{key}={text:?} is taken as not set"),
            Reaction::ContainerExits => write!(f, "{key}={text:?} makes the container exit"),
            Reaction::Skips(entries) => write!(f, "{key}: {} skipped", entries.join(", ")),
            Reaction::LaterOneWins => {
                write!(f, "{key}={text:?} is overridden by a later one of the same name")
            }
            Reaction::IgnoresWord => {
                write!(
                    f,
                    "{key} {text:?}: the word is ignored, a switch takes its value only after ="
                )
            }
            Reaction::DiffersByPod => write!(f, "{key} is filled in for each pod and not known"),
        }
    }
}

/// A name this project does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownSetting {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Its text; none where Kubernetes fills it in.
    pub text: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadConfig {
    /// What upstream acts on.
    pub config: CniConfig,
    /// Where that is not simply what stands there.
    pub notes: Vec<ReadNote>,
    /// Names this project does not know, left alone.
    pub unknown: Vec<UnknownSetting>,
}

/// Reads a configuration.
pub fn read(raw: &RawConfig) -> ReadConfig {
    let is_on = |key| raw.last_text(key).and_then(go::parse_bool) == Some(true);
    let mut reader = Reader {
        context: Context {
            pod_eni: is_on(Key::EnablePodEni),
            ipv6: is_on(Key::EnableIpv6),
        },
        out: ReadConfig::default(),
    };
    reader.environment(Place::AwsNode, &raw.aws_node);
    reader.environment(Place::Init, &raw.init);
    reader.environment(Place::NodeAgent, &raw.node_agent_env);
    reader.arguments(&raw.node_agent_args);
    for (name, text) in &raw.config_map {
        match Key::find(Place::ConfigMap, name) {
            Some(key) => reader.setting(key, text),
            None => reader.unknown(Place::ConfigMap, name, Some(text)),
        }
    }
    reader.out
}

struct Reader {
    context: Context,
    out: ReadConfig,
}

impl Reader {
    fn environment(&mut self, place: Place, entries: &[(String, RawValue)]) {
        for (index, (name, value)) in entries.iter().enumerate() {
            let text = match value {
                RawValue::Text(text) => Some(text.as_str()),
                RawValue::FromField => None,
            };
            let overridden = entries.iter().skip(index + 1).any(|(later, _)| later == name);
            match (variable(place, name), text) {
                (Some(key), _) if overridden => {
                    self.note(key, text.unwrap_or_default(), Reaction::LaterOneWins);
                }
                (Some(key), None) if matches!(key.field().kind, Kind::FieldRef) => {}
                (Some(key), None) => self.note(key, "", Reaction::DiffersByPod),
                (Some(key), Some(text)) if !matches!(key.field().kind, Kind::FieldRef) => {
                    self.setting(key, text);
                }
                (_, text) => self.unknown(place, name, text),
            }
        }
    }

    fn arguments(&mut self, list: &[String]) {
        let flags = args::scan(list);
        for (index, found) in flags.iter().enumerate() {
            let text = found.text.as_deref();
            let Some(key) = flag(&found.name) else {
                self.unknown(Place::NodeAgent, &found.name, text);
                continue;
            };
            if let Some(word) = &found.ignored_word {
                self.note(key, word, Reaction::IgnoresWord);
            }
            let overridden = flags.iter().skip(index + 1).any(|later| later.name == found.name);
            match text {
                Some(text) if overridden => self.note(key, text, Reaction::LaterOneWins),
                Some(text) => self.setting(key, text),
                None => self.note(key, "", Reaction::ContainerExits),
            }
        }
    }

    fn setting(&mut self, key: Key, text: &str) {
        let (value, reaction) = upstream::read(key, text, self.context);
        // An exiting container acts on nothing; the default is what a mended text would most likely be.
        if let Some(value) = value.or_else(|| defaults::of(key)) {
            self.out.config.set(key, value);
        }
        if let Some(reaction) = reaction {
            self.note(key, text, reaction);
        }
    }

    fn note(&mut self, key: Key, text: &str, reaction: Reaction) {
        let text = text.to_owned();
        self.out.notes.push(ReadNote { key, text, reaction });
    }

    fn unknown(&mut self, place: Place, name: &str, text: Option<&str>) {
        self.out.unknown.push(UnknownSetting {
            place,
            name: name.to_owned(),
            text: text.map(str::to_owned),
        });
    }
}

#[cfg(test)]
mod tests;
