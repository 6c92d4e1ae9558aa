//! Who may ask what of the factory from a place where strangers may be: allow-lists that are empty until somebody fills
//! them, and three levels.

use std::collections::{BTreeMap, BTreeSet};

/// What somebody may do. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// See what is going on.
    Watch,
    /// Start, stop and steer work.
    Operate,
    /// Change what holds for all work.
    Admin,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 3] = [Self::Watch, Self::Operate, Self::Admin];

    /// The word used in configuration and on record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// Which channels of the permitted guilds count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Channels {
    /// None.
    #[default]
    None,
    /// All of them.
    All,
    /// These, and the threads in them.
    These(BTreeSet<u64>),
}

/// Who may ask, and from where. The default lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Guilds that count.
    pub guilds: BTreeSet<u64>,
    /// Channels in them that count.
    pub channels: Channels,
    /// What a role permits.
    pub roles: BTreeMap<u64, Level>,
    /// What a person may do, whatever their roles are.
    pub users: BTreeMap<u64, Level>,
    /// Whether people in `users` may ask in direct messages.
    pub direct_messages: bool,
}

/// Where something was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The guild; none for a direct message.
    pub guild: Option<u64>,
    /// The channel or thread.
    pub channel: u64,
    /// The channel that the thread belongs to, if it is one.
    pub parent: Option<u64>,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub user: u64,
    /// Their roles in the guild.
    pub roles: Vec<u64>,
    /// Whether it is a program.
    pub bot: bool,
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Programs are not listened to.
    Bot,
    /// Direct messages are not listened to.
    DirectMessage,
    /// The guild or the channel does not count.
    Place,
    /// They have no level at all.
    Nobody,
    /// Their level is too low.
    Level {
        /// What they have.
        has: Level,
        /// What it takes.
        needs: Level,
    },
}

impl Refusal {
    /// Whether it is answered and recorded. What comes from where nobody is listened to is not even answered.
    #[must_use]
    pub fn is_answered(self) -> bool {
        matches!(self, Self::Nobody | Self::Level { .. })
    }
}

impl Access {
    /// Whether there is anybody who may do anything.
    #[must_use]
    pub fn lets_anybody_in(&self) -> bool {
        let in_guilds = !self.guilds.is_empty() && self.channels != Channels::None;
        (in_guilds && !(self.roles.is_empty() && self.users.is_empty()))
            || (self.direct_messages && !self.users.is_empty())
    }

    /// Whether `person` may do at `place` what takes the level `needs`, and at which level they are.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, place: Place, person: &Person, needs: Level) -> Result<Level, Refusal> {
        if person.bot {
            return Err(Refusal::Bot);
        }
        match place.guild {
            None if !self.direct_messages => return Err(Refusal::DirectMessage),
            None => {}
            Some(guild) if self.guilds.contains(&guild) && self.counts(place) => {}
            Some(_) => return Err(Refusal::Place),
        }
        let roles = person.roles.iter().filter(|_| place.guild.is_some());
        let by_role = roles.filter_map(|role| self.roles.get(role)).max();
        let has = self.users.get(&person.user).or(by_role).copied();
        match has {
            None => Err(Refusal::Nobody),
            Some(has) if has < needs => Err(Refusal::Level { has, needs }),
            Some(has) => Ok(has),
        }
    }

    fn counts(&self, place: Place) -> bool {
        match &self.channels {
            Channels::None => false,
            Channels::All => true,
            Channels::These(these) => {
                these.contains(&place.channel)
                    || place.parent.is_some_and(|parent| these.contains(&parent))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUILD: u64 = 1;
    const CHANNEL: u64 = 10;
    const THREAD: u64 = 11;

    fn access() -> Access {
        Access {
            guilds: BTreeSet::from([GUILD]),
            channels: Channels::These(BTreeSet::from([CHANNEL])),
            roles: BTreeMap::from([
                (100, Level::Watch),
                (101, Level::Operate),
                (102, Level::Admin),
            ]),
            users: BTreeMap::from([(7, Level::Admin), (8, Level::Watch)]),
            direct_messages: false,
        }
    }

    fn at(guild: Option<u64>, channel: u64, parent: Option<u64>) -> Place {
        Place { guild, channel, parent }
    }

    fn person(user: u64, roles: &[u64]) -> Person {
        Person { user, roles: roles.to_vec(), bot: false }
    }

    #[test]
    fn an_empty_list_lets_nobody_in() {
        let nobody = Access::default();
        assert!(!nobody.lets_anybody_in());
        let full = access();
        assert!(full.lets_anybody_in());
        let without: [fn(&mut Access); 3] = [
            |access| access.guilds.clear(),
            |access| access.channels = Channels::None,
            |access| {
                access.roles.clear();
                access.users.clear();
            },
        ];
        for take in without {
            let mut access = access();
            take(&mut access);
            assert!(!access.lets_anybody_in());
            for user in [1, 7, 8] {
                for level in Level::ALL {
                    let asked =
                        access.judge(at(Some(GUILD), CHANNEL, None), &person(user, &[102]), level);
                    assert!(asked.is_err(), "{access:?} {user}");
                }
            }
        }
    }

    /// Every place, every kind of person and every level, against what the rules say in words.
    #[test]
    fn the_whole_matrix_is_as_the_rules_say() {
        let places = [
            (at(Some(GUILD), CHANNEL, None), true),
            (at(Some(GUILD), THREAD, Some(CHANNEL)), true),
            (at(Some(GUILD), THREAD, Some(12)), false),
            (at(Some(GUILD), 12, None), false),
            (at(Some(2), CHANNEL, None), false),
            (at(Some(2), THREAD, Some(CHANNEL)), false),
        ];
        let people = [
            (person(1, &[]), None),
            (person(1, &[99]), None),
            (person(1, &[100]), Some(Level::Watch)),
            (person(1, &[100, 101]), Some(Level::Operate)),
            (person(1, &[102, 100]), Some(Level::Admin)),
            (person(7, &[]), Some(Level::Admin)),
            // What is said of a person counts, not what their roles would permit.
            (person(8, &[102]), Some(Level::Watch)),
        ];
        for (place, counts) in places {
            for (person, level) in &people {
                for needs in Level::ALL {
                    let expected = match (counts, level) {
                        (false, _) => Err(Refusal::Place),
                        (true, None) => Err(Refusal::Nobody),
                        (true, Some(has)) if *has < needs => {
                            Err(Refusal::Level { has: *has, needs })
                        }
                        (true, Some(has)) => Ok(*has),
                    };
                    let got = access().judge(place, person, needs);
                    assert_eq!(got, expected, "{place:?} {person:?} {needs:?}");
                    let bot = Person { bot: true, ..person.clone() };
                    assert_eq!(access().judge(place, &bot, needs), Err(Refusal::Bot));
                }
            }
        }
    }

    #[test]
    fn a_direct_message_counts_only_where_that_is_allowed_and_roles_never_do_in_it() {
        let place = at(None, 55, None);
        let mut access = access();
        let admin = person(7, &[]);
        assert_eq!(access.judge(place, &admin, Level::Watch), Err(Refusal::DirectMessage));
        access.direct_messages = true;
        assert_eq!(access.judge(place, &admin, Level::Admin), Ok(Level::Admin));
        let forged = person(1, &[102]);
        assert_eq!(access.judge(place, &forged, Level::Watch), Err(Refusal::Nobody));
    }

    #[test]
    fn what_is_not_listened_to_is_not_answered() {
        for silent in [Refusal::Bot, Refusal::DirectMessage, Refusal::Place] {
            assert!(!silent.is_answered());
        }
        assert!(Refusal::Nobody.is_answered());
        assert!(Refusal::Level { has: Level::Watch, needs: Level::Admin }.is_answered());
    }
}
