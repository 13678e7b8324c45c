//! Static files: our own `static/` and the browser code of others, embedded, served under a folder named after
//! the hash of them all. A file's address changes when any file changes, so that a browser may keep it for ever
//! and relative imports between scripts stay whole.

mod bundle;
mod file;
mod serve;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use file::File;

pub use serve::{asset_routes, serve};

/// Where `serve` is mounted.
pub const STATIC_ROUTE: &str = "/static/{hash}/{path:.*}";

/// Whether the browser code of others is in this binary; without it pages are plain links and forms.
pub const HAS_VENDOR: bool = cfg!(not(no_vendor_assets));

const STYLESHEET: &str = "css/app.css";

#[derive(rust_embed::Embed)]
#[folder = "static/"]
struct Own;

#[derive(rust_embed::Embed)]
#[folder = "$OUT_DIR/vendor"]
struct Vendor;

static TREE: LazyLock<Tree> = LazyLock::new(Tree::build);

struct Tree {
    hash: String,
    files: BTreeMap<String, File>,
}

impl Tree {
    fn build() -> Self {
        let mut files = BTreeMap::new();
        for path in Own::iter() {
            if let Some(it) = Own::get(&path) {
                files.insert(path.to_string(), it.data.into_owned());
            }
        }
        for path in Vendor::iter() {
            if let Some(it) = Vendor::get(&path) {
                files.insert(format!("vendor/{path}"), it.data.into_owned());
            }
        }
        let stylesheet = bundle::stylesheet(STYLESHEET, &files);
        files.insert(STYLESHEET.to_owned(), stylesheet.into_bytes());
        Self { hash: hash_of(&files), files: files.into_iter().map(|(path, it)| file(path, it)).collect() }
    }
}

fn file(path: String, body: Vec<u8>) -> (String, File) {
    let file = File::new(&path, body);
    (path, file)
}

fn hash_of(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hasher = Sha256::new();
    for (path, body) in files {
        hasher.update((path.len() as u64).to_be_bytes());
        hasher.update(path);
        hasher.update((body.len() as u64).to_be_bytes());
        hasher.update(body);
    }
    URL_SAFE_NO_PAD.encode(&hasher.finalize()[..9])
}

/// The address of a file in `static/`, or of `vendor/<name>`: `css/app.css` → `/static/<hash>/css/app.css`.
pub fn asset_url(path: &str) -> String {
    debug_assert!(TREE.files.contains_key(path), "there is no static file {path}");
    format!("/static/{}/{path}", TREE.hash)
}

/// The address of one picture in `static/icons.svg`.
pub fn icon_url(name: &str) -> String {
    format!("/static/{}/icons.svg#{name}", TREE.hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_one_address_that_stays() {
        let url = asset_url("css/app.css");
        assert_eq!(url, asset_url("css/app.css"));
        assert_eq!(url, format!("/static/{}/css/app.css", TREE.hash));
        assert_eq!(TREE.hash.len(), 12);
    }

    #[test]
    fn the_hash_tells_names_from_contents() {
        let tree =
            |path: &str, body: &str| hash_of(&BTreeMap::from([(path.to_owned(), body.as_bytes().to_vec())]));
        assert_ne!(tree("a", "bc"), tree("ab", "c"));
        assert_ne!(tree("a", "b"), tree("a", "c"));
        assert_eq!(tree("a", "b"), tree("a", "b"));
    }

    #[test]
    fn browser_code_of_others_is_whole_or_absent() {
        let vendored: Vec<_> = TREE.files.keys().filter(|it| it.starts_with("vendor/")).collect();
        if HAS_VENDOR {
            assert_eq!(vendored, ["vendor/htmx.LICENSE.txt", "vendor/htmx.min.js", "vendor/hx-sse.min.js"]);
        } else {
            assert!(vendored.is_empty());
        }
    }

    #[test]
    fn the_streaming_extension_has_the_name_that_is_allowed() {
        if let Some(file) = TREE.files.get("vendor/hx-sse.min.js") {
            let script = String::from_utf8_lossy(file.body());
            assert!(script.contains("registerExtension(\"sse\""));
            let config = crate::web::Frame::new("x").htmx_config();
            assert!(config.contains("\"extensions\":\"sse\""), "{config}");
        }
    }

    #[test]
    fn the_stylesheet_is_one_file_in_layers() {
        let css = String::from_utf8_lossy(TREE.files[STYLESHEET].body());
        assert!(css.starts_with("@layer reset, base, layout, parts, features;"));
        assert!(!css.contains("@import"), "{css}");
        for layer in ["base", "layout", "parts"] {
            assert!(css.contains(&format!("@layer {layer} {{")), "no layer {layer}");
        }
    }

    #[test]
    fn every_css_file_is_in_the_stylesheet() {
        let entry = Own::get(STYLESHEET).expect("exists");
        let entry = String::from_utf8_lossy(&entry.data).into_owned();
        for path in Own::iter().filter(|it| it.starts_with("css/") && *it != STYLESHEET) {
            let name = path.trim_start_matches("css/");
            assert!(entry.contains(&format!("\"{name}\"")), "{path} is not imported in {STYLESHEET}");
        }
    }

    #[test]
    fn scripts_import_only_files_that_exist() {
        for path in Own::iter().filter(|it| it.ends_with(".js")) {
            let folder = path.rsplit_once('/').map_or("", |it| it.0);
            let data = Own::get(&path).expect("listed").data.into_owned();
            let text = String::from_utf8(data).expect("UTF-8");
            for line in text.lines().filter(|it| it.starts_with("import ")) {
                let from = line.split(['"', '\'']).nth(1).expect("a module name");
                let mut parts: Vec<&str> = folder.split('/').collect();
                for part in from.split('/') {
                    match part {
                        "." => {}
                        ".." => drop(parts.pop()),
                        name => parts.push(name),
                    }
                }
                let target = parts.join("/");
                assert!(Own::get(&target).is_some(), "{path} imports {target}, which is not there");
            }
        }
    }
}
