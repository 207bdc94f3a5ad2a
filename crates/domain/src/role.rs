//! The six roles of the QA platform, highest first. Any other role name grants nothing.

use std::fmt;

/// A role of a user; the order of the variants is the rank, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Everything but what only an admin may.
    LimitedAdmin,
    /// Grades.
    Grader,
    /// Leads agents.
    Manager,
    /// Is graded.
    Agent,
    /// Is graded and sees less.
    LimitedAgent,
}

impl Role {
    /// All roles by rank, the highest first.
    pub const ALL: [Self; 6] =
        [Self::Admin, Self::LimitedAdmin, Self::Grader, Self::Manager, Self::Agent, Self::LimitedAgent];

    /// The role with this name; names are case-exact.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The name on the wire and in the database, also the id of the role.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::LimitedAdmin => "limitedAdmin",
            Self::Grader => "grader",
            Self::Manager => "manager",
            Self::Agent => "agent",
            Self::LimitedAgent => "limited_agent",
        }
    }

    /// The name for people.
    pub fn display(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::LimitedAdmin => "Limited Admin",
            Self::Grader => "Grader",
            Self::Manager => "Manager",
            Self::Agent => "Agent",
            Self::LimitedAgent => "Limited Agent",
        }
    }

    /// Whether a credential with this ceiling may grant `role`.
    pub fn covers(self, role: Self) -> bool {
        self <= role
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
