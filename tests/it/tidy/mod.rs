//! The rules of this repository that no compiler checks, as ordinary tests. A failure says which rule is broken, where,
//! and what to do. Exceptions stand in the table of their rule, with a reason; one that nobody needs any more fails too.

mod arrows;
mod docs;
mod foreign;
mod idioms;
mod invariants;
mod lexer;
mod purity;
mod sizes;
mod sources;
