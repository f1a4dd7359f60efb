//! The example compiles and does what it says.

#[path = "../examples/savings_from_file.rs"]
#[expect(dead_code, reason = "main is not called")]
mod savings_from_file;

#[test]
fn the_example_prints_the_headline_of_a_snapshot() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop.json");
    let headline = savings_from_file::headline(path).unwrap();
    assert!(headline.starts_with("Saves $") && headline.ends_with(" a year."), "{headline}");
    assert!(savings_from_file::headline("no/such/file.json").is_err());
}
