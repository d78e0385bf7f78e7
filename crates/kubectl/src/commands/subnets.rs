//! `subnets`: the /28 map of each subnet as a picture, one character a block.

use crate::args::{Flags, Subnets as Args};
use crate::failure::Failure;
use crate::look::look;
use crate::output::{Out, Paint, Style, indented, line};
use crate::plan::{Room, rooms, run_text};
use serde::Serialize;
use vpccni_core::capacity::{Block, BlockMap, BlockState};
use vpccni_core::known::Known;
use vpccni_core::plural::counted;
use vpccni_core::ports::ReservationKind;
use vpccni_core::safety::World;

/// Blocks in a line: a /22.
const LINE: usize = 64;

#[derive(Debug, Serialize)]
struct SubnetView {
    #[serde(flatten)]
    room: Room,
    /// One character a block, from the first address on.
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<String>,
    #[serde(skip)]
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    first: String,
    blocks: Vec<Block>,
}

/// Looks and draws.
pub(super) async fn run(flags: &Flags, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let look = look(flags, &args.looking, None).await?;
    let world = &look.sight.observed.world.seen;
    let mut rooms = match rooms(world) {
        Known::Yes(rooms) => rooms,
        Known::Unknown(why) => {
            return Err(Failure::NotFound {
                what: format!("the subnets are not known: {why}"),
                hint: "set AWS_REGION and credentials that may read EC2, such as AWS_PROFILE".to_owned(),
            });
        }
    };
    if let Some(only) = &args.subnet {
        rooms.retain(|room| room.subnet == *only);
        if rooms.is_empty() {
            return Err(Failure::NotFound {
                what: format!("no node and no ENIConfig uses the subnet {only}"),
                hint: "without a name all that are used are shown".to_owned(),
            });
        }
    }
    let views: Vec<SubnetView> = rooms.into_iter().map(|room| view(room, world)).collect();
    out.show(&views, |views, paint| text(views, paint))
}

fn view(room: Room, world: &World) -> SubnetView {
    let found = world.subnets.as_option();
    let facts = found.and_then(|subnets| subnets.values().find(|facts| facts.id.as_str() == room.subnet));
    let map = facts.and_then(|facts| facts.blocks.as_option());
    SubnetView {
        map: map.map(|map| map.blocks().map(|(_, block)| mark(block).0).collect()),
        lines: map.map(lines).unwrap_or_default(),
        room,
    }
}

fn lines(map: &BlockMap) -> Vec<Line> {
    let blocks: Vec<_> = map.blocks().collect();
    blocks
        .chunks(LINE)
        .filter_map(|line| {
            Some(Line {
                first: line.first()?.0.first().to_string(),
                blocks: line.iter().map(|(_, block)| *block).collect(),
            })
        })
        .collect()
}

/// The character of a block, and how it looks.
fn mark(block: Block) -> (char, Style) {
    match (block.state, block.reserved) {
        (BlockState::Edge, _) => ('-', Style::Dim),
        (BlockState::Prefix, _) => ('P', Style::Taken),
        (BlockState::Full, _) => ('#', Style::Bad),
        (BlockState::Fragmented(used), _) => (digit(used), Style::Warning),
        (BlockState::Free, None) => ('.', Style::Good),
        (BlockState::Free, Some(ReservationKind::Prefix)) => ('r', Style::Reserved),
        (BlockState::Free, Some(ReservationKind::Explicit)) => ('x', Style::Dim),
    }
}

/// How many of the sixteen addresses are taken, in one character.
fn digit(used: u8) -> char {
    char::from_digit(u32::from(used), 16).unwrap_or('f')
}

const LEGEND: [(char, Style, &str); 7] = [
    ('.', Style::Good, "free"),
    ('r', Style::Reserved, "free, reserved for prefixes"),
    ('x', Style::Dim, "explicitly reserved"),
    ('P', Style::Taken, "a prefix"),
    (
        '1',
        Style::Warning,
        "to f: so many single addresses (hexadecimal)",
    ),
    ('#', Style::Bad, "sixteen single addresses"),
    ('-', Style::Dim, "kept by EC2"),
];

fn text(views: &[SubnetView], paint: Paint) -> String {
    if views.is_empty() {
        return "No subnet is in use.\n".to_owned();
    }
    let mut text = String::new();
    for view in views {
        text.push_str(&picture(view, paint));
        text.push('\n');
    }
    let legend: Vec<String> = LEGEND
        .iter()
        .map(|(mark, style, meaning)| format!("{} {meaning}", paint.on(*style, &mark.to_string())))
        .collect();
    line(
        &mut text,
        &format!("One character is a /28: {}", legend.join(", ")),
    );
    text
}

fn picture(view: &SubnetView, paint: Paint) -> String {
    let room = &view.room;
    let mut text = format!(
        "{}  {}  {}\n",
        paint.on(Style::Bold, &room.subnet),
        room.zone,
        room.cidr.as_deref().unwrap_or_default()
    );
    let Some(blocks) = &room.blocks else {
        let why = room.unknown.as_deref().unwrap_or("it was not read");
        text.push_str(&indented(2, &format!("not known: {why}")));
        return text;
    };
    for drawn in &view.lines {
        let picture: String = drawn
            .blocks
            .iter()
            .map(|block| {
                let (mark, style) = mark(*block);
                paint.on(style, &mark.to_string())
            })
            .collect();
        line(&mut text, &format!("  {:<15} {picture}", drawn.first));
    }
    line(
        &mut text,
        &format!(
            "  {} free for prefixes ({} in reservations), largest run {}; {}, {} fragmented, {} full, {} \
         explicitly reserved; fragmentation {} %",
            blocks.free_prefixes,
            blocks.free_in_reservations,
            run_text(blocks.largest_run.as_ref()),
            counted(blocks.prefixes, "prefix"),
            blocks.fragmented,
            blocks.full,
            blocks.explicitly_reserved,
            blocks.fragmentation
        ),
    );
    text
}
