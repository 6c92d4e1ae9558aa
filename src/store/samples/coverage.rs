//! Keeps the samples complete.

use crate::domain::event::Event;

/// Does not compile when a variant is added: then add a sample above, a line in `codec::TYPES` and a golden file.
#[expect(dead_code, reason = "it is there to be compiled")]
fn every_variant_has_a_sample(event: &Event) {
    match event {
        Event::ItemCreated { .. }
        | Event::ItemChanged { .. }
        | Event::ItemWithdrawn {}
        | Event::ItemClaimed { .. }
        | Event::ItemReleased { .. }
        | Event::ItemHumanRequested { .. }
        | Event::ItemHumanAnswered { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalRefused { .. }
        | Event::ApprovalExpired {}
        | Event::ItemResolved { .. }
        | Event::ItemReopened { .. }
        | Event::ItemDecomposed { .. }
        | Event::ItemKeptWhole { .. }
        | Event::PartCreated { .. }
        | Event::ItemUpdateRequested { .. }
        | Event::ItemUpdateRefused { .. }
        | Event::ItemCharged { .. }
        | Event::LaneProposed { .. }
        | Event::LaneStarted { .. }
        | Event::LaneMoved { .. }
        | Event::LaneReviewed { .. }
        | Event::LaneUnlinked { .. }
        | Event::CloseDeferred { .. }
        | Event::CloseAcknowledged { .. }
        | Event::ClosureUnproven { .. }
        | Event::ItemOffered { .. }
        | Event::ItemPullRequestRead { .. }
        | Event::RunStarted { .. }
        | Event::WorkspaceReady { .. }
        | Event::TurnStarted { .. }
        | Event::TurnFinished { .. }
        | Event::TurnInterrupted { .. }
        | Event::CoderReported { .. }
        | Event::ChecksFinished { .. }
        | Event::ChecksUnavailable { .. }
        | Event::ReviewSubmitted { .. }
        | Event::ReviewMissing { .. }
        | Event::AuditSubmitted { .. }
        | Event::DivisionSubmitted { .. }
        | Event::DivisionRefused { .. }
        | Event::StageFinished { .. }
        | Event::RunAdvanced { .. }
        | Event::RevisionRequested { .. }
        | Event::RunApproved { .. }
        | Event::RunWaiting { .. }
        | Event::RunInterrupted { .. }
        | Event::RunAdopted { .. }
        | Event::RunInstructed { .. }
        | Event::RunGoalChanged { .. }
        | Event::AgentSwitched { .. }
        | Event::RunDelivered { .. }
        | Event::DeliveryFailed { .. }
        | Event::LateResult { .. }
        | Event::RunFinished { .. }
        | Event::RunCleaned { .. }
        | Event::DaemonStarted { .. }
        | Event::DaemonStopped { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::TurboSet { .. }
        | Event::AgentRefused { .. }
        | Event::AgentCleared { .. }
        | Event::AgentAccepted { .. }
        | Event::StopJudged { .. }
        | Event::StopAcknowledged { .. }
        | Event::ProviderSet { .. }
        | Event::CommandReceived { .. }
        | Event::CommandAnswered { .. }
        | Event::ChannelRead { .. }
        | Event::ReportPosted { .. }
        | Event::ReportClosed { .. } => {}
    }
}
