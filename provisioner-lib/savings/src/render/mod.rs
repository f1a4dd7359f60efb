//! The report as a table for a terminal and as a page for a browser.

pub mod page;
pub mod table;
mod words;

pub use self::words::headline;
