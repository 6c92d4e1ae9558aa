//! The processes that come with the service, and an inherited one.

/// A type: name, reference name, states with their categories.
pub type Type = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    Agile,
    Scrum,
    Cmmi,
    Basic,
    /// Agile with a state and a type of its own.
    Inherited,
}

impl Process {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Agile, Self::Scrum, Self::Cmmi, Self::Basic, Self::Inherited];

    /// Its types.
    pub fn types(self) -> &'static [Type] {
        match self {
            Self::Agile => AGILE,
            Self::Scrum => SCRUM,
            Self::Cmmi => CMMI,
            Self::Basic => BASIC,
            Self::Inherited => INHERITED,
        }
    }

    /// The type that people use for what is to be built.
    pub fn story(self) -> &'static str {
        self.types()[0].0
    }
}

const TEST_CASE: Type = (
    "Test Case",
    "Microsoft.VSTS.WorkItemTypes.TestCase",
    &[("Design", "Proposed"), ("Ready", "InProgress"), ("Closed", "Completed")],
);

const AGILE_STORY: &[(&str, &str)] = &[
    ("New", "Proposed"),
    ("Active", "InProgress"),
    ("Resolved", "Resolved"),
    ("Closed", "Completed"),
    ("Removed", "Removed"),
];

const AGILE: &[Type] = &[
    ("User Story", "Microsoft.VSTS.WorkItemTypes.UserStory", AGILE_STORY),
    (
        "Bug",
        "Microsoft.VSTS.WorkItemTypes.Bug",
        &[
            ("New", "Proposed"),
            ("Active", "InProgress"),
            ("Resolved", "Resolved"),
            ("Closed", "Completed"),
        ],
    ),
    (
        "Task",
        "Microsoft.VSTS.WorkItemTypes.Task",
        &[
            ("New", "Proposed"),
            ("Active", "InProgress"),
            ("Closed", "Completed"),
            ("Removed", "Removed"),
        ],
    ),
    TEST_CASE,
];

const SCRUM: &[Type] = &[
    (
        "Product Backlog Item",
        "Microsoft.VSTS.WorkItemTypes.ProductBacklogItem",
        &[
            ("New", "Proposed"),
            ("Approved", "Proposed"),
            ("Committed", "InProgress"),
            ("Done", "Completed"),
            ("Removed", "Removed"),
        ],
    ),
    (
        "Task",
        "Microsoft.VSTS.WorkItemTypes.Task",
        &[
            ("To Do", "Proposed"),
            ("In Progress", "InProgress"),
            ("Done", "Completed"),
            ("Removed", "Removed"),
        ],
    ),
    TEST_CASE,
];

const CMMI: &[Type] = &[
    (
        "Requirement",
        "Microsoft.VSTS.WorkItemTypes.Requirement",
        &[
            ("Proposed", "Proposed"),
            ("Active", "InProgress"),
            ("Resolved", "Resolved"),
            ("Closed", "Completed"),
        ],
    ),
    TEST_CASE,
];

const BASIC: &[Type] = &[
    (
        "Issue",
        "Microsoft.VSTS.WorkItemTypes.Issue",
        &[("To Do", "Proposed"), ("Doing", "InProgress"), ("Done", "Completed")],
    ),
    TEST_CASE,
];

const INHERITED: &[Type] = &[
    (
        "Capability",
        "Fabrikam.Capability",
        &[
            ("Idea", "Proposed"),
            ("Sketched", "Proposed"),
            ("Under way", "InProgress"),
            ("With QA", "Resolved"),
            ("Shipped", "Completed"),
            ("Dropped", "Removed"),
        ],
    ),
    ("User Story", "Microsoft.VSTS.WorkItemTypes.UserStory", AGILE_STORY),
    TEST_CASE,
];
