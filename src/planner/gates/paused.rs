//! Gate `paused`: nothing is started between `pause` and `resume`, whoever asks for it.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(_view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let by = context.world.ops.paused_by.clone()?;
    Some(Held::new(HeldBecause::Paused { by }).released_by("enact-factory resume"))
}
