//! The report as a table for a terminal and as a page for a browser.

mod fold;
pub mod page;
pub mod table;
mod words;

pub use self::words::headline;
