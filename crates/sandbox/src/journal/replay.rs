//! From the lines of a journal to a world.

use super::record::{self, CONTROL, Record};
use super::{Header, JournalError, Origin, VERSION};
use crate::changes;
use crate::perform::perform;
use crate::world::World;
use jiff::Timestamp;

/// The world that a journal led to.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) world: World,
    /// How many were replayed.
    pub(crate) count: u64,
    /// The lines that did.
    pub(crate) lines: Vec<u8>,
}

/// So much of a journal is whole lines: a sandbox that was killed may have left half a line.
pub(super) fn whole_lines(text: &[u8]) -> usize {
    text.iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1)
}

/// Makes the world that the lines tell of.
pub(crate) fn replay(
    origin: &Origin<'_>,
    text: &[u8],
    start: impl Fn(Timestamp) -> World,
) -> Result<Replayed, JournalError> {
    let whole = text.get(..whole_lines(text)).unwrap_or_default();
    let mut lines = whole.split(|byte| *byte == b'\n').zip(1..);
    let header = lines.next().map_or(&[] as &[u8], |(line, _)| line);
    let (header, began) = read_header(origin, header)?;
    let mut world = start(began);
    world.set_timings(header.timings);
    world.placement = header.placement;
    let mut replayed = 0;
    for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
        let record: Record = serde_json::from_slice(line)
            .map_err(|error| JournalError::wrong(number, format!("it does not read: {error}")))?;
        step(&mut world, &record, number)?;
        replayed += 1;
    }
    Ok(Replayed {
        world,
        count: replayed,
        lines: whole.to_vec(),
    })
}

fn read_header(origin: &Origin<'_>, line: &[u8]) -> Result<(Header, Timestamp), JournalError> {
    let wrong = |reason: String| JournalError::wrong(1, reason);
    let header: Header = serde_json::from_slice(line)
        .map_err(|error| wrong(format!("this is not the state of a sandbox: {error}")))?;
    if header.version != VERSION {
        return Err(wrong(format!(
            "it was written in form {} and only form {VERSION} is read; start with another state file",
            header.version
        )));
    }
    if header.seed != origin.seed {
        return Err(wrong(format!(
            "it was written with --seed {} and this is --seed {}",
            header.seed, origin.seed
        )));
    }
    if header.region != origin.region {
        return Err(wrong(format!(
            "it was written with --region {} and this is --region {}",
            header.region, origin.region
        )));
    }
    let began = header
        .began
        .parse()
        .map_err(|_| wrong(format!("the time {:?} does not read", header.began)))?;
    Ok((header, began))
}

fn step(world: &mut World, record: &Record, line: usize) -> Result<(), JournalError> {
    world.settle(record.time(line)?);
    let answer = if record.service == CONTROL {
        changes::apply(world, &record.action, record.body.as_bytes())
    } else {
        perform(world, record.call(line)?, &record.id)
    };
    world.rest();
    if record::sum(&answer) == record.answer {
        return Ok(());
    }
    let now = answer.unwrap_or_else(|error| error.to_string());
    Err(JournalError::wrong(
        line,
        format!(
            "{} {} is answered otherwise than when it was written; another version of the sandbox wrote it, or it was \
             changed. Now: {}",
            record.service,
            record.action,
            now.chars().take(300).collect::<String>()
        ),
    ))
}
