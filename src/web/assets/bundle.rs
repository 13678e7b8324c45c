//! One stylesheet out of many: each `@import "file" layer(name);` of the entry becomes the file itself, inside
//! its layer. Browsers would follow the imports too, at the price of a request each.

use std::collections::BTreeMap;

pub(super) fn stylesheet(entry: &str, files: &BTreeMap<String, Vec<u8>>) -> String {
    let folder = entry.rsplit_once('/').map_or("", |it| it.0);
    let text = files.get(entry).map(|it| String::from_utf8_lossy(it)).unwrap_or_default();
    let mut bundle = String::new();
    for line in text.lines() {
        match import(line).and_then(|(name, layer)| Some((files.get(&format!("{folder}/{name}"))?, layer))) {
            Some((body, layer)) => {
                let body = String::from_utf8_lossy(body);
                bundle.push_str(&format!("@layer {layer} {{\n{}\n}}\n", without_comments(&body).trim()));
            }
            None => {
                bundle.push_str(line);
                bundle.push('\n');
            }
        }
    }
    bundle
}

/// `@import "base.css" layer(base);` → (`base.css`, `base`).
fn import(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("@import \"")?.split_once('"')?;
    Some((name, rest.trim().strip_prefix("layer(")?.strip_suffix(");")?))
}

fn without_comments(css: &str) -> String {
    let mut kept = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = after.split_once("*/").map_or("", |it| it.1.trim_start());
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_become_layers_and_the_rest_stays() {
        let files = BTreeMap::from([
            (
                "css/app.css".to_owned(),
                b"@layer base;\n@import \"a.css\" layer(base);\n@import \"gone.css\" layer(base);\n".to_vec(),
            ),
            ("css/a.css".to_owned(), b"/* why */\np { color: red }\n".to_vec()),
        ]);
        assert_eq!(
            stylesheet("css/app.css", &files),
            "@layer base;\n@layer base {\np { color: red }\n}\n@import \"gone.css\" layer(base);\n"
        );
    }
}
