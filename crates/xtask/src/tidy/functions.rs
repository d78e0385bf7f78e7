//! Functions are short: at most 60 lines of code in a body; blank lines and comments do not count.

use std::collections::BTreeSet;
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::{Tree, Violation};
use crate::codegen::is_generated;

const MOST: usize = 60;

/// The check.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|(path, _)| !is_generated(path))
        .flat_map(|(path, text)| of_file(path, text))
        .collect()
}

fn of_file(path: &Path, text: &str) -> Vec<Violation> {
    match syn::parse_file(text) {
        Ok(file) => {
            let code: BTreeSet<usize> = (1..)
                .zip(text.lines())
                .filter(|(_, line)| is_code(line))
                .map(|(n, _)| n)
                .collect();
            let mut found = Bodies {
                path,
                code: &code,
                violations: Vec::new(),
            };
            found.visit_file(&file);
            found.violations
        }
        Err(error) => vec![Violation::at(
            path,
            error.span().start().line,
            format!("cannot be parsed: {error}"),
        )],
    }
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

struct Bodies<'a> {
    path: &'a Path,
    code: &'a BTreeSet<usize>,
    violations: Vec<Violation>,
}

impl Bodies<'_> {
    fn measure(&mut self, name: &syn::Ident, body: &syn::Block) {
        let (open, close) = (body.span().start().line, body.span().end().line);
        let lines = self.code.range(open + 1..close.max(open + 1)).count();
        if lines > MOST {
            let message = format!("`{name}` has {lines} lines: more than {MOST}");
            self.violations.push(Violation::at(self.path, open, message));
        }
    }
}

impl<'ast> Visit<'ast> for Bodies<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::small;
    use super::*;

    #[test]
    fn a_long_function_is_found_wherever_it_hides() {
        let body = |lines: usize| "    // Why.\n\n    f();\n".repeat(lines);
        let text = format!(
            "//! F.\nfn good() {{\n{}}}\nstruct S;\nimpl S {{\nfn bad() {{\n{}}}\n}}\n",
            body(60),
            body(61)
        );
        let (_folder, tree) = small(&[("a.rs", &text)]);
        let found = check(&tree);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].message, "`bad` has 61 lines: more than 60");
    }

    #[test]
    fn what_cannot_be_parsed_is_found() {
        let (_folder, tree) = small(&[("a.rs", "//! F.\nfn {\n")]);
        assert!(check(&tree)[0].message.starts_with("cannot be parsed"));
    }
}
