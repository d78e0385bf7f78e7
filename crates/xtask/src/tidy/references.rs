//! What a module names of its own crate: the paths that begin with `crate`, `self` or `super`.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::modules::Module;

/// How many re-exports are followed: more would be a circle.
const HOPS: usize = 8;

/// A path as it is written, split at `::`.
type Segments = Vec<String>;

/// Who names it, what is named, and on which line.
pub(super) type Reference = (Vec<String>, Segments, usize);

/// All references of a module's file; those of inline modules are from there, those of tests are left out.
pub(super) fn references(module: &Module) -> Vec<Reference> {
    let mut found = Found {
        from: module.name.clone(),
        references: Vec::new(),
    };
    found.visit_file(&module.syntax);
    found.references
}

struct Found {
    from: Vec<String>,
    references: Vec<Reference>,
}

impl Found {
    fn add(&mut self, path: Segments, line: usize) {
        let own = path
            .first()
            .is_some_and(|first| matches!(first.as_str(), "crate" | "self" | "super"));
        if own && path.len() > 1 {
            self.references.push((self.from.clone(), path, line));
        }
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_for_tests(&module.attrs) {
            return;
        }
        self.from.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.from.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if is_for_tests(&item.attrs) {
            return;
        }
        let line = item.use_token.span.start().line;
        for (path, _) in flat(&item.tree) {
            self.add(path, line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path
            .segments
            .first()
            .map_or(0, |first| first.ident.span().start().line);
        self.add(
            path.segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect(),
            line,
        );
        visit::visit_path(self, path);
    }

    // `pub(in crate::a)` says who may see, not what is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The paths of a `use`, each with the name it gets here.
fn flat(tree: &syn::UseTree) -> Vec<(Segments, String)> {
    match tree {
        syn::UseTree::Path(path) => {
            let first = path.ident.to_string();
            let rest = flat(&path.tree).into_iter();
            rest.map(|(path, name)| (std::iter::once(first.clone()).chain(path).collect(), name))
                .collect()
        }
        syn::UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        syn::UseTree::Rename(rename) => vec![(vec![rename.ident.to_string()], rename.rename.to_string())],
        syn::UseTree::Glob(_) => vec![(vec!["*".to_owned()], "*".to_owned())],
        syn::UseTree::Group(group) => group.items.iter().flat_map(flat).collect(),
    }
}

/// The names of a crate: its modules, and what each brings in with `use`.
#[derive(Debug)]
pub(super) struct Names {
    modules: BTreeSet<Vec<String>>,
    imports: BTreeMap<Vec<String>, BTreeMap<String, Segments>>,
}

impl Names {
    pub(super) fn of(modules: &[Module]) -> Self {
        let mut names = Self {
            modules: BTreeSet::new(),
            imports: BTreeMap::new(),
        };
        for module in modules {
            names.add(&module.name, &module.syntax.items);
        }
        names
    }

    fn add(&mut self, name: &[String], items: &[syn::Item]) {
        self.modules.insert(name.to_vec());
        for item in items {
            match item {
                syn::Item::Use(item) => {
                    let imports = self.imports.entry(name.to_vec()).or_default();
                    imports.extend(flat(&item.tree).into_iter().map(|(path, name)| (name, path)));
                }
                syn::Item::Mod(syn::ItemMod {
                    ident,
                    content: Some((_, inner)),
                    ..
                }) => {
                    let inside: Vec<String> = name.iter().cloned().chain([ident.to_string()]).collect();
                    self.add(&inside, inner);
                }
                _ => {}
            }
        }
    }

    /// The module in which the named thing is defined, as far as can be seen.
    pub(super) fn resolve(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        self.follow(from, path, HOPS)
    }

    fn follow(&self, from: &[String], path: &[String], hops: usize) -> Option<Vec<String>> {
        let mut at = from.to_vec();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => {
                    at.pop()?;
                }
                _ => break,
            }
            rest = after;
        }
        while let Some((first, after)) = rest.split_first() {
            at.push(first.clone());
            if !self.modules.contains(&at) {
                at.pop();
                break;
            }
            rest = after;
        }
        let import = rest.first().and_then(|name| self.imports.get(&at)?.get(name));
        match import {
            Some(import) if hops > 0 && self.is_ours(&at, import) => self.follow(&at, import, hops - 1),
            _ => Some(at),
        }
    }

    /// Whether an import is of this crate: it begins with a keyword or with a child.
    fn is_ours(&self, at: &[String], import: &[String]) -> bool {
        import.first().is_some_and(|first| {
            let child: Vec<String> = at.iter().cloned().chain([first.clone()]).collect();
            matches!(first.as_str(), "crate" | "self" | "super") || self.modules.contains(&child)
        })
    }
}
