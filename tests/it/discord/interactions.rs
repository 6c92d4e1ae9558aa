//! Commands, buttons and forms, and until when they may be answered.

use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{
    AutocompleteChoice, ButtonStyle, CommandOptionType, CreateActionRow,
    CreateAutocompleteResponse, CreateButton, CreateCommand, CreateCommandOption, CreateInputText,
    CreateInteractionResponse, CreateInteractionResponseFollowup, CreateInteractionResponseMessage,
    CreateModal, EditInteractionResponse, GuildId, InputTextStyle, Interaction,
};

use super::client::{Bot, Place, place};
use crate::support::discord::Discord;

/// A bot with one command of two arguments, and one with a subcommand.
pub async fn registered(discord: &Discord) -> (Place, Bot) {
    let place = place(discord);
    let bot = Bot::ready(discord).await;
    let option = CreateCommandOption::new;
    let log = CreateCommand::new("log")
        .description("The log of a session")
        .add_option(
            option(CommandOptionType::String, "session", "Which")
                .required(true)
                .set_autocomplete(true),
        )
        .add_option(option(CommandOptionType::Integer, "lines", "How many").min_int_value(1));
    let start = option(CommandOptionType::SubCommand, "start", "Starts it").add_sub_option(option(
        CommandOptionType::String,
        "cron",
        "When",
    ));
    let auto = CreateCommand::new("auto").description("Automation").add_option(start);
    let guild = GuildId::new(place.guild);
    let known = guild.set_commands(&bot.http, vec![log, auto]).await.expect("commands");
    assert_eq!(known.len(), 2);
    (place, bot)
}

fn said(text: &str) -> CreateInteractionResponseMessage {
    CreateInteractionResponseMessage::new().content(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_answered_and_its_button_changes_the_answer() {
    let discord = Discord::start();
    let (place, bot) = registered(&discord).await;
    let (who, here) = (place.person, place.channel);
    let used = discord.uses(who, here, "/log", &[("session", json!("7")), ("lines", json!(5))]);
    let Interaction::Command(command) = bot.interaction(used).await else { panic!("no command") };
    assert_eq!(command.data.options.len(), 2);
    assert_eq!(command.user.id.get(), who);
    let button = CreateButton::new("stop:7").label("Stop").style(ButtonStyle::Danger);
    let row = vec![CreateActionRow::Buttons(vec![button])];
    let answer = CreateInteractionResponse::Message(said("the log").components(row));
    command.create_response(&bot.http, answer).await.expect("an answer");
    let again = CreateInteractionResponse::Message(said("once more"));
    assert!(command.create_response(&bot.http, again).await.is_err(), "40060");
    let message = discord.answer(used).expect("an answer");
    let message: u64 = message["id"].as_str().expect("an id").parse().expect("an id");
    let pressed = discord.presses(who, message, "stop:7");
    let Interaction::Component(component) = bot.interaction(pressed).await else {
        panic!("no press")
    };
    assert_eq!(component.message.id.get(), message);
    let off = CreateButton::new("stop:7").label("Stopped").disabled(true);
    let row = vec![CreateActionRow::Buttons(vec![off])];
    let changed = CreateInteractionResponse::UpdateMessage(said("stopped").components(row));
    component.create_response(&bot.http, changed).await.expect("a change");
    assert_eq!(discord.message(message).expect("a message")["content"], "stopped");
    assert!(discord.tries_to_press(who, message, "stop:7").is_err(), "it is disabled");
    let pressed = discord.presses_late(who, here, message, "stop:7");
    bot.interaction(pressed).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_later_is_filled_changed_followed_and_taken_away() {
    let discord = Discord::start();
    let (place, bot) = registered(&discord).await;
    let used =
        discord.uses(place.person, place.channel, "/auto start", &[("cron", json!("0 * * * *"))]);
    let Interaction::Command(command) = bot.interaction(used).await else { panic!("no command") };
    let later = CreateInteractionResponseMessage::new().ephemeral(true);
    command
        .create_response(&bot.http, CreateInteractionResponse::Defer(later))
        .await
        .expect("an answer");
    assert_eq!(discord.answer(used), None);
    command
        .edit_response(&bot.http, EditInteractionResponse::new().content("done"))
        .await
        .expect("an edit");
    let answer = discord.answer(used).expect("an answer");
    assert_eq!((&answer["content"], &answer["flags"]), (&json!("done"), &json!(64)));
    assert_eq!(discord.messages(place.channel), Vec::<Value>::new(), "only one person sees it");
    assert_eq!(command.get_response(&bot.http).await.expect("the answer").content, "done");
    let more = CreateInteractionResponseFollowup::new().content("and more");
    let more = command.create_followup(&bot.http, more).await.expect("a follow-up");
    assert_eq!(discord.message(more.id.get()).expect("a message")["content"], "and more");
    command.delete_response(&bot.http).await.expect("a deletion");
    assert!(command.get_response(&bot.http).await.is_err());
    discord.moves_on(Duration::from_secs(15 * 60 + 1));
    let late = CreateInteractionResponseFollowup::new().content("too late");
    assert!(command.create_followup(&bot.http, late).await.is_err(), "the token is old");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_three_seconds_nobody_knows_the_interaction_any_more() {
    let discord = Discord::start();
    let (place, bot) = registered(&discord).await;
    let used = discord.uses(place.person, place.channel, "/log", &[("session", json!("7"))]);
    let Interaction::Command(command) = bot.interaction(used).await else { panic!("no command") };
    discord.moves_on(Duration::from_millis(3_001));
    let answer = CreateInteractionResponse::Message(said("too late"));
    assert!(command.create_response(&bot.http, answer).await.is_err());
    let last = discord.journal().pop().expect("a request");
    assert_eq!((last.status, &last.reply["code"]), (404, &json!(10_062)));
    assert_eq!(discord.interaction(used).answered, None);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_are_suggested_and_forms_filled_in() {
    let discord = Discord::start();
    let (place, bot) = registered(&discord).await;
    let (who, here) = (place.person, place.channel);
    let typed = discord.types(who, here, "/log", &[("session", json!("se"))], "session");
    let Interaction::Autocomplete(asked) = bot.interaction(typed).await else {
        panic!("no typing")
    };
    assert_eq!(asked.data.autocomplete().expect("a focus").value, "se");
    let choices = CreateAutocompleteResponse::new()
        .set_choices(vec![AutocompleteChoice::new("session 7", "session-7")]);
    asked
        .create_response(&bot.http, CreateInteractionResponse::Autocomplete(choices))
        .await
        .expect("choices");
    let choices = discord.interaction(typed).choices();
    assert_eq!(choices, [("session 7".to_owned(), json!("session-7"))]);
    let used = discord.uses(who, here, "/log", &[("session", choices[0].1.clone())]);
    let Interaction::Command(command) = bot.interaction(used).await else { panic!("no command") };
    let field = CreateInputText::new(InputTextStyle::Short, "Why", "reason");
    let form =
        CreateModal::new("reject:7", "Reject").components(vec![CreateActionRow::InputText(field)]);
    command
        .create_response(&bot.http, CreateInteractionResponse::Modal(form))
        .await
        .expect("a form");
    let sent = discord.submits(who, used, &[("reason", "too large")]);
    let Interaction::Modal(sent) = bot.interaction(sent).await else { panic!("no form") };
    assert_eq!(sent.data.custom_id, "reject:7");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_registered_cannot_be_used() {
    let discord = Discord::start();
    let (place, bot) = registered(&discord).await;
    let tries = |line: &str, arguments: &[(&str, Value)]| {
        discord.tries(place.person, place.channel, line, arguments).expect_err("a refusal")
    };
    assert_eq!(tries("/deploy", &[]), "there is no command /deploy");
    assert_eq!(tries("/log", &[]), "the option session is required");
    assert_eq!(tries("/auto", &[]), "//auto lacks a subcommand");
    assert_eq!(tries("/auto stop", &[]), "/auto has no stop");
    let session = ("session", json!("7"));
    assert_eq!(
        tries("/log", &[session.clone(), ("lines", json!(0))]),
        "0 is beyond the bounds of lines"
    );
    assert_eq!(tries("/log", &[session, ("lines", json!("5"))]), "\"5\" is no value of lines");
    let stranger = discord.person("mallory");
    assert!(discord.tries(stranger, place.channel, "/auto start", &[]).is_err(), "not a member");
    bot.stop().await;
}
