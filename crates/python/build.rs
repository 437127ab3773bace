//! The build hash: what the engine was built from. Two builds that can differ in behaviour have
//! different hashes; a journal carries the one that wrote it.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "toml") {
            found.push(path);
        }
    }
}

fn main() {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = here.join("../..");
    let mut files = vec![root.join("Cargo.lock"), root.join("Cargo.toml")];
    for part in ["core", "venues", "data", "python"] {
        let folder = root.join("crates").join(part);
        sources(&folder, &mut files);
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    println!("cargo:rerun-if-changed={}", root.join("Cargo.lock").display());
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
        hasher.update(name.as_bytes());
        hasher.update(&std::fs::read(&file).unwrap_or_default());
    }
    let hash = hasher.finalize().to_hex();
    println!("cargo:rustc-env=FLYBALL_BUILD={}", &hash.as_str()[..16]);
}
