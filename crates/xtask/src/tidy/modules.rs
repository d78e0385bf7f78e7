//! The modules of a crate, found as the compiler finds them: from each target's root along `mod` declarations.

use std::path::{Path, PathBuf};

use super::Tree;

/// A module that has a file.
pub(super) struct Module {
    /// Its path from the root of the target, which itself has the empty one.
    pub(super) name: Vec<String>,
    pub(super) file: PathBuf,
    pub(super) syntax: syn::File,
}

/// A declaration without a file is a compile error, so it is not looked at here.
pub(super) fn of_target(tree: &Tree, root: &Path) -> Vec<Module> {
    let mut found = Vec::new();
    let beside = root.parent().unwrap_or(root).to_owned();
    visit(tree, root.to_owned(), &beside, Vec::new(), &mut found);
    found
}

/// The roots of all targets of all crates.
pub(super) fn roots(tree: &Tree) -> Vec<PathBuf> {
    let targets = tree.metadata.packages.iter().flat_map(|package| &package.targets);
    targets
        .map(|target| tree.relative(target.src_path.as_std_path()))
        .collect()
}

/// `folder` is where the files of this module's children are.
fn visit(tree: &Tree, file: PathBuf, folder: &Path, name: Vec<String>, found: &mut Vec<Module>) {
    let Some(syntax) = tree.files.get(&file).and_then(|text| syn::parse_file(text).ok()) else {
        return;
    };
    let mut children = Vec::new();
    declared(&syntax.items, &file, folder, &name, &mut children);
    found.push(Module { name, file, syntax });
    for (child, paths) in children {
        if let Some((path, folder)) = paths.into_iter().find(|(path, _)| tree.files.contains_key(path)) {
            visit(tree, path, &folder, child, found);
        }
    }
}

/// Where a module can be: its file, and the folder of its children.
type Places = Vec<(PathBuf, PathBuf)>;

fn declared(
    items: &[syn::Item],
    file: &Path,
    folder: &Path,
    name: &[String],
    children: &mut Vec<(Vec<String>, Places)>,
) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        let ident = module.ident.to_string();
        let child: Vec<String> = name.iter().cloned().chain([ident.clone()]).collect();
        if let Some((_, inner)) = &module.content {
            declared(inner, file, &folder.join(&ident), &child, children);
            continue;
        }
        let places = if let Some(path) = path_attribute(&module.attrs) {
            let path = file.parent().unwrap_or(file).join(path);
            let folder = path.parent().unwrap_or(&path).to_owned();
            vec![(path, folder)]
        } else {
            let inside = folder.join(&ident);
            let beside = folder.join(format!("{ident}.rs"));
            vec![(beside, inside.clone()), (inside.join("mod.rs"), inside)]
        };
        children.push((child, places));
    }
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}
