//! Gate `cooldown`: after trouble an item waits until the instant that was stored with it.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let hold = view.record.hold.as_ref().filter(|hold| context.now < hold.until)?;
    let because = HeldBecause::CoolingDown { class: hold.class, reason: hold.reason.clone() };
    Some(Held::new(because).until(Some(hold.until)).released_by(view.command("retry")))
}
