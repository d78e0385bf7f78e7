//! The committed definitions and the reference page are the generated ones.

use std::path::Path;

#[test]
fn the_committed_definitions_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    let generated = vpccni_api::crds().unwrap();
    for (file, yaml) in &generated {
        let committed = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(
            committed == *yaml,
            "crds/{file} is not what the types generate: run `cargo xtask codegen`"
        );
    }
    let mut committed: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    committed.sort();
    let mut files: Vec<String> = generated.into_iter().map(|(file, _)| file).collect();
    files.sort();
    assert_eq!(
        committed, files,
        "crds/ holds other files: run `cargo xtask codegen`"
    );
}

#[test]
fn generating_twice_gives_the_same() {
    assert_eq!(vpccni_api::crds().unwrap(), vpccni_api::crds().unwrap());
}

#[test]
fn the_reference_page_is_fresh() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/api.md");
    let committed = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        committed == vpccni_api::schema::reference().unwrap(),
        "docs/reference/api.md is not what the types generate: run `cargo xtask codegen`"
    );
}
