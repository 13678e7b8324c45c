//! The house rules that can be read off the source: who may import whom, `//!` first, no file that grows
//! without end, no cycle.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of a feature that speak HTTP: they rank after `web`, and only `app` may import them.
const ENDPOINTS: &[&str] = &["api", "pages", "hooks"];
const MAX_LINES: usize = 700;

pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|it| it == "rs") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Modules in the order in which `lib.rs` lists them.
fn order() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("lib.rs")).expect("lib.rs");
    let modules = text.lines().filter_map(|it| it.trim().strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.enumerate().map(|(rank, name)| (name.to_owned(), rank)).collect()
}

/// First parts of `crate::…` paths in a file, test modules left out.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for line in code.lines().filter(|it| !it.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let names = group.split(['}', ';']).next().unwrap_or_default().split(',');
                found.extend(names.map(|it| word(it.trim())));
            } else {
                found.push(word(rest));
            }
        }
    }
    found.retain(|it| !it.is_empty());
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect()
}

fn is_endpoint(parts: &[&str]) -> bool {
    parts.len() > 1 && parts[1..].iter().any(|it| ENDPOINTS.contains(&it.trim_end_matches(".rs")))
}

#[test]
fn a_module_imports_only_modules_listed_above_it() {
    let order = order();
    let web = order["web"];
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let relative = path.strip_prefix(root()).expect("inside").to_str().expect("text").to_owned();
        let parts: Vec<&str> = relative.split('/').collect();
        let module = parts[0].trim_end_matches(".rs");
        let Some(own) = order.get(module).copied() else { continue };
        let endpoint = own < web && is_endpoint(&parts);
        for name in imports(&fs::read_to_string(&path).expect("a file")) {
            let Some(other) = order.get(&name).copied() else { continue };
            let allowed = other < own || name == module || (endpoint && other <= web);
            if !allowed {
                wrong.push(format!("{relative} imports {name}, which is listed below {module}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_assembly_imports_endpoints() {
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let relative = path.strip_prefix(root()).expect("inside").to_str().expect("text").to_owned();
        if relative.starts_with("app") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        for endpoint in ENDPOINTS {
            for (number, line) in text.lines().enumerate() {
                let from_afar = line.contains("crate::") && line.contains(&format!("::{endpoint}::"));
                if from_afar && !line.trim_start().starts_with("//") {
                    wrong.push(format!("{relative}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let all = sources(&root()).into_iter().chain(sources(&tests));
    let silent: Vec<PathBuf> =
        all.filter(|it| !fs::read_to_string(it).expect("a file").starts_with("//!")).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn files_stay_small() {
    let long: Vec<String> = sources(&root())
        .into_iter()
        .map(|it| (fs::read_to_string(&it).expect("a file").lines().count(), it))
        .filter(|it| it.0 > MAX_LINES)
        .map(|it| format!("{} has {} lines", it.1.display(), it.0))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn nothing_but_the_way_out_opens_a_socket() {
    let opens = ["TcpStream::connect", "TcpSocket::new", "UdpSocket::bind", "UnixStream::connect"];
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).expect("a file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if !path.to_str().is_some_and(|it| it.contains("infra/egress"))
            && opens.iter().any(|it| code.contains(it))
        {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
