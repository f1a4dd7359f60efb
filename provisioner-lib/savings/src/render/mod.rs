//! The report as a table for a terminal, as a page for a browser, as Markdown, and as CSV.

pub mod csv;
mod fold;
mod headline;
pub mod markdown;
pub mod page;
mod rows;
pub mod table;
mod usage;
pub(crate) mod words;

pub use self::headline::headline;
