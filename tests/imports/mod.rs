//! Which file of a crate takes names from which, and the circles in that. A re-export stands for the file that
//! defines the name. A file and its submodules see each other as one unit: neither a child that uses what its parent
//! defines, nor a parent that hands on what its child defines, is an arrow.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cast_spot_tests::{root, rust_files};

use crate::paths::{self, Named};

/// A module by its path in the crate; the root is empty.
type Module = Vec<String>;
/// Names that one module takes from another.
type Arrows = BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>;

/// The files of a crate, without those of its tests.
pub(crate) struct Crate {
    files: BTreeMap<Module, Named>,
}

impl Crate {
    /// The crate whose sources are in `folder`.
    pub(crate) fn read(folder: &str) -> Self {
        let base = root().join(folder);
        // Backwards, so that a library precedes its program.
        let files: Vec<_> = rust_files(folder)
            .into_iter()
            .rev()
            .map(|file| (file.strip_prefix(&base).unwrap().to_owned(), fs::read_to_string(&file).unwrap()))
            .collect();
        Self::of(files.iter().map(|(file, source)| (file.as_path(), source.as_str())))
    }

    fn of<'f>(files: impl Iterator<Item = (&'f Path, &'f str)>) -> Self {
        let files = files.filter_map(|(file, source)| Some((module(file)?, paths::read(source))));
        Self { files: files.collect() }
    }

    /// Each circle: its files, and what every one of them takes from which other one.
    pub(crate) fn circles(&self) -> Vec<String> {
        let arrows = self.arrows();
        let reach: BTreeMap<&Module, BTreeSet<&Module>> =
            self.files.keys().map(|from| (from, reached(from, &arrows))).collect();
        let mut circles = BTreeSet::new();
        for module in self.files.keys().filter(|module| reach[module].contains(module)) {
            let together = |other: &&Module| reach[*other].contains(module);
            circles.insert(reach[module].iter().copied().filter(together).collect::<Vec<_>>());
        }
        circles.iter().map(|circle| shown(circle, &arrows)).collect()
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (module, named) in &self.files {
            let imports = named.imports.iter().map(|import| (&import.path, import.is_public));
            for (path, is_public) in imports.chain(named.paths.iter().map(|path| (path, false))) {
                let Some(path) = self.absolute(module, path) else { continue };
                let (target, name) = self.resolve(&path);
                if module.starts_with(&target) || (is_public && target.starts_with(module)) {
                    continue;
                }
                arrows.entry(module.clone()).or_default().entry(target).or_default().insert(name);
            }
        }
        arrows
    }

    /// A path of `module` from the root of the crate; None if it leads to another crate.
    fn absolute(&self, module: &Module, path: &str) -> Option<Module> {
        let mut from = module.clone();
        let mut segments = path.split("::").peekable();
        match segments.peek().copied()? {
            "crate" => from.clear(),
            "self" | "super" => {}
            first => {
                from.push(first.to_owned());
                let is_child = self.files.contains_key(&from);
                from.pop();
                if !is_child {
                    return None;
                }
            }
        }
        for segment in segments {
            match segment {
                "crate" | "self" => {}
                "super" => drop(from.pop()),
                name => from.push(name.to_owned()),
            }
        }
        Some(from)
    }

    /// The module whose file defines what a path leads to, and its name there.
    fn resolve(&self, path: &[String]) -> (Module, String) {
        let is_module = |length: &usize| self.files.contains_key(&path[..*length]);
        let length = (1..=path.len()).take_while(is_module).last().unwrap_or_default();
        let (module, rest) = path.split_at(length);
        let Some(name) = rest.first() else { return (module.to_vec(), "self".to_owned()) };
        let imports = self.files.get(module).into_iter().flat_map(|named| &named.imports);
        let import = imports.into_iter().find(|import| import.name == *name);
        match import.and_then(|import| self.absolute(&module.to_vec(), &import.path)) {
            Some(mut target) if target != path[..=length] => {
                target.extend_from_slice(&rest[1..]);
                self.resolve(&target)
            }
            _ => (module.to_vec(), name.clone()),
        }
    }
}

/// None of a file that only tests and programs consist of.
fn module(file: &Path) -> Option<Module> {
    let mut segments: Module =
        file.with_extension("").iter().map(|segment| segment.to_string_lossy().into_owned()).collect();
    if segments.iter().any(|segment| segment == "tests" || segment == "bin") {
        return None;
    }
    segments.pop_if(|last| ["lib", "main", "mod"].contains(&last.as_str()));
    Some(segments)
}

fn reached<'a>(from: &'a Module, arrows: &'a Arrows) -> BTreeSet<&'a Module> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        open.extend(
            arrows.get(module).into_iter().flatten().map(|(to, _)| to).filter(|to| reached.insert(*to)),
        );
    }
    reached
}

fn shown(circle: &[&Module], arrows: &Arrows) -> String {
    let mut lines = vec![format!("{} files in a circle:", circle.len())];
    for from in circle {
        for (to, names) in arrows[*from].iter().filter(|(to, _)| circle.contains(to)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            lines.push(format!("  {} -> {}: {}", from.join("::"), to.join("::"), names.join(", ")));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        Crate::of(files.iter().map(|(file, source)| (Path::new(*file), *source))).circles()
    }

    #[test]
    fn two_files_that_import_each_other_are_a_circle() {
        for (a, b) in [
            ("use crate::b::B;", "use crate::a::A;"),
            ("use super::b::{self, B};", "fn f() { super::a::f() }"),
            ("use crate::{b::B as C};", "pub use crate::a::A;"),
            // Through the parent, which only hands on.
            ("use super::B;", "use super::A;"),
        ] {
            let root = ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;");
            let found = circles(&[root, ("a.rs", a), ("b.rs", b)]);
            assert!(
                found.len() == 1 && found[0].contains("a -> b") && found[0].contains("b -> a"),
                "{a} {b}"
            );
        }
    }

    #[test]
    fn a_circle_of_three_is_one_and_what_hangs_on_it_is_not_in_it() {
        let found = circles(&[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C;"),
            ("c/mod.rs", "use crate::{a::A, e::E};"),
            ("d.rs", "use crate::a::A;"),
            ("e.rs", ""),
        ]);
        assert_eq!(found, ["3 files in a circle:\n  a -> b: B\n  b -> c: C\n  c -> a: A"]);
    }

    #[test]
    fn a_parent_and_its_child_are_one_unit() {
        let found = circles(&[
            ("a.rs", "mod child;\npub use child::C;\nfn f() { child::f() }"),
            ("a/child.rs", "use super::A;\nuse crate::a::B;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn tests_make_no_circle() {
        let found = circles(&[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }
}
