//! What the planner of a policy decides on, read from the API server and AWS: what is wanted, what stands, what was
//! recorded. The operator and the kubectl plugin read it through this one door.

mod addon;
mod carrier;
mod cloud;
mod document;
mod door;
mod eni_configs;
mod intent;
mod live;
mod observe;
mod parts;
mod proposal;
mod recall;
mod window;

pub use carrier::{AddonDocument, BREAK_GLASS, Carrier, ConfigMapCarrier, UNDO_STRATEGY};
pub use document::{Document, UnreadableDocument};
pub use door::{Counts, Door};
pub use intent::{IntentError, intent, name_of, record, state};
pub use live::{Live, owners};
pub use observe::{Eyes, Observed, ask, observe, scope};
pub use parts::{Parts, parts};
pub use proposal::{groups_of, planned};
pub use recall::Recall;
pub use window::{Opening, WindowError, WindowSpec, opening};
