//! What a policy would change, made by the planners of `core` from what was looked at.

mod facts;
mod proposal;
mod render;
mod room;
mod view;

pub(crate) use render::render;
pub(crate) use room::{Room, rooms, run_text};
pub(crate) use view::{PlanView, Verdict, view};
