//! Gate `autonomy`: with autonomous work switched off, only what the operator asks for directly is started.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    (!context.policy.autonomous && !view.is_one_off()).then(|| {
        Held::new(HeldBecause::AutonomyOff)
            .released_by("switch autonomous work on in the configuration")
    })
}
